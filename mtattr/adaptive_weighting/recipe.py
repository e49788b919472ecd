"""Recipe of He et al. 2017: variants, settings, plans and the runs that the claims ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import nn

from mtattr.adaptive_weighting.analysis import halves
from mtattr.adaptive_weighting.averaged import AveragedTrend
from mtattr.adaptive_weighting.dynamic_weight_average import DynamicWeightAverage
from mtattr.adaptive_weighting.grad_norm import GradNorm
from mtattr.adaptive_weighting.loss import losses
from mtattr.adaptive_weighting.measurements import (
    analyse,
    analyse_training,
    floors,
    metrics,
    rare_tasks,
    task_metrics,
)
from mtattr.adaptive_weighting.network import SeparateNets, StackedSeparateNets
from mtattr.adaptive_weighting.shuffled import ShuffledTrend
from mtattr.adaptive_weighting.sizes import PAPER, SIZES, Size, load_splits, size_of
from mtattr.adaptive_weighting.trend import ValidationLossTrend
from mtattr.adaptive_weighting.uncertainty import UncertaintyWeighting
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.nets import MultiTaskNet, build_backbone, freeze_batch_norm
from mtattr.tasks import TaskSet
from mtattr.training import Measures, Plan, Run, RunSpec, Weighting
from mtattr.training.recipe import EPOCHS, RATE, WEIGHTS, Settings, check_spec

#: Edition of the sizes and schedules, that of the claims in paper.yaml.
EDITION = 2

#: How a variant weighs its tasks, from (tasks, update interval, seed, steps of an epoch).
WEIGHTINGS: dict[str, Callable[[int, int, int, int], Weighting]] = {
    "trend": lambda tasks, interval, seed, epoch: ValidationLossTrend(tasks, interval=interval),
    "averaged": lambda tasks, interval, seed, epoch: AveragedTrend(tasks, interval=interval),
    "shuffled": lambda tasks, interval, seed, epoch: ShuffledTrend(
        tasks, interval=interval, seed=seed
    ),
    "uncertainty": lambda tasks, interval, seed, epoch: UncertaintyWeighting(tasks),
    "dwa": lambda tasks, interval, seed, epoch: DynamicWeightAverage(tasks, interval=epoch),
    "gradnorm": lambda tasks, interval, seed, epoch: GradNorm(tasks),
}


@dataclass(frozen=True)
class Variant:
    """A model of the paper, a control or a comparison.

    Args:
        weighting: a name of `WEIGHTINGS`, None = weights of 1.
        separate: a whole network per task (Eq. 1).
        wide: twice the channels of the basic network.
        equal: separate networks that together have about the parameters of the basic one.
        windows: factor of the update interval.
        steering: images that a trend watches: the "validation" split, "half" of it (the other half
            selects the epoch), or training images drawn anew ("train").
    """

    weighting: str | None = None
    separate: bool = False
    wide: bool = False
    equal: bool = False
    windows: int = 1
    steering: str = "validation"


VARIANTS: dict[str, Variant] = {
    "separate": Variant(separate=True),
    "separate-equal": Variant(separate=True, equal=True),
    "basic": Variant(),
    "basic-wide": Variant(wide=True),
    "weighted": Variant("trend"),
    "weighted-long": Variant("trend", windows=5),
    "shuffled": Variant("shuffled"),
    "averaged": Variant("averaged"),
    "held-out": Variant("trend", steering="half"),
    "train-steered": Variant("trend", steering="train"),
    "uncertainty": Variant("uncertainty"),
    "dwa": Variant("dwa"),
    "gradnorm": Variant("gradnorm"),
}

#: Allowed settings: name -> (types, predicate, description for error messages).
SETTINGS: Settings = {
    "interval": (int, lambda k: 1 <= k < 2**63, "a whole number of iterations of at least 1"),
    "epochs": EPOCHS,
    "learning_rate": RATE,
    "dropout": (int | float, lambda share: 0 <= share < 1, "a number in [0, 1)"),
    "batch_norm": (str, ("frozen", "training").__contains__, "frozen or training"),
    "validation_norm": (str, ("running", "batch").__contains__, "running or batch"),
    "unit_loss": (str, ("mean", "sum").__contains__, "mean or sum"),
    "weights": WEIGHTS,
}


def check(spec: RunSpec) -> None:
    """Raise `InputError` for what is wrong with `spec` itself, before any data are read."""
    check_spec(spec, variants=VARIANTS, sizes=SIZES, settings=SETTINGS)
    weights = spec.settings.get("weights")
    variant, widths = VARIANTS[spec.variant], size_of(spec.dataset, spec.scale).widths
    if (variant.wide or variant.equal) and widths is None:
        raise InputError(
            f"{spec.variant} is a control of the small scales; at paper scale the network is "
            "ResNet-50: use smoke or reduced"
        )
    if weights is not None:
        if size_of(spec.dataset, spec.scale).widths is not None:
            raise InputError(
                "setting weights needs scale paper, whose network is ResNet-50; "
                f"this is {spec.scale}"
            )
        build_backbone("resnet50", weights=weights)


def requires(spec: RunSpec) -> list[RunSpec]:
    """No earlier runs."""
    return []


def data(spec: RunSpec, *, root: str | Path | None = None, **options: Any) -> dict[str, ImageData]:
    """The splits of the dataset at the scale's size; a generated set is drawn anew by seed."""
    return load_splits(spec.dataset, spec.scale, draw=spec.seed, root=root, **options)


def plan(
    spec: RunSpec, data: Mapping[str, ImageData], runs: Mapping[RunSpec, Run] = MappingProxyType({})
) -> Plan:
    """The plan of `spec`.

    Settings: interval (k, for variants that follow a trend), epochs, learning_rate, dropout before
    the head, weights (safetensors for ResNet-50, else random), batch_norm ("frozen" or "training";
    frozen by default with weights), unit_loss (over the units of a categorical task, "mean" or
    "sum"; metrics always take the mean), validation_norm (batch norm statistics for the images
    that steer: "running" or those of their "batch").
    """
    settings, variant = dict(spec.settings), VARIANTS[spec.variant]
    size, tasks = size_of(spec.dataset, spec.scale), data["train"].tasks
    own_rate = size.separate_rate if variant.separate else None
    fit = replace(
        size.fit,
        epochs=settings.get("epochs", size.fit.epochs),
        learning_rate=settings.get("learning_rate", own_rate or size.fit.learning_rate),
    )
    # One half of the validation images steers and the other selects, where a variant asks for it.
    steering, held = halves(data["val"])
    watched = {"validation": data["val"], "half": steering, "train": data["train"]}[
        variant.steering
    ]
    interval = variant.windows * settings.get("interval", size.interval)
    steps = len(data["train"]) // fit.batch_size
    weighting, notes = _weighting(variant, interval, spec.seed, max(1, steps), fit.epochs)
    units = settings.get("unit_loss", "mean")
    rare = rare_tasks(data["train"].labels, tasks)
    window = interval * min(fit.batch_size, len(data["train"]))
    return Plan(
        data={**data, "val": held} if variant.steering == "half" else data,
        build=partial(network, spec, tasks),
        settings=fit,
        measures=Measures(
            metrics=partial(metrics, rare=rare),
            select_by="mean_accuracy",
            floors=partial(floors, rare=rare),
            task_metrics=task_metrics,
            analyse=partial(analyse, data["val"], steering, held),
            analyse_training=partial(analyse_training, watched, window, units),
        ),
        losses=partial(losses, units=units),
        weighting=weighting,
        steering=watched,
        steering_norm=settings.get("validation_norm", "running"),
        seen_by_all=data,
        notes=(_note(spec, _widths(tasks, size, variant)), *notes),
    )


def _weighting(
    variant: Variant, interval: int, seed: int, steps: int, epochs: int
) -> tuple[Callable[[int], Weighting] | None, tuple[str, ...]]:
    if variant.weighting is None:
        return None, ()
    make, notes = WEIGHTINGS[variant.weighting], ()
    by_interval = variant.weighting in ("trend", "shuffled", "averaged")
    if by_interval and epochs * steps < 2 * interval:
        notes = (
            f"weights of 1 throughout: {epochs * steps} iterations are fewer than two windows "
            f"of {interval}",
        )
    return lambda num_tasks: make(num_tasks, interval, seed, steps), notes


FACES, MARKET, DUKE = "celeba-twin", "market1501-twin", "duke-twin"
#: Runs that the claims ask for, in the order of their importance: dataset, settings, variants.
#: Explorations have other settings; whole separate networks come last, for they take longest.
EVIDENCE: tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...] = (
    (FACES, {}, ("basic", "weighted", "shuffled", "uncertainty", "averaged", "basic-wide")),
    (MARKET, {}, ("basic", "weighted", "shuffled", "uncertainty")),
    (FACES, {}, ("weighted-long", "held-out", "train-steered", "dwa", "gradnorm")),
    (DUKE, {}, ("basic", "weighted", "shuffled")),
    (FACES, {}, ("separate-equal",)),
    (MARKET, {"unit_loss": "sum"}, ("basic", "weighted", "shuffled")),
    (MARKET, {}, ("separate-equal", "separate")),
    (DUKE, {}, ("separate",)),
    (FACES, {}, ("separate",)),
)


def evidence(scale: str = "reduced", seeds: Sequence[int] = range(5)) -> list[RunSpec]:
    """The runs that the chapter's claims ask for."""
    cells = [(dataset, name, settings) for dataset, settings, names in EVIDENCE for name in names]
    return [
        RunSpec(PAPER, name, dataset, scale, seed, settings)
        for dataset, name, settings in cells
        for seed in seeds
    ]


def network(spec: RunSpec, tasks: TaskSet, structure: Any = None) -> nn.Module:
    """The untrained network of `spec` for any tasks."""
    size, variant = size_of(spec.dataset, spec.scale), VARIANTS[spec.variant]
    weights, dropout = spec.settings.get("weights"), float(spec.settings.get("dropout", 0.0))
    widths = _widths(tasks, size, variant)
    if variant.separate and widths is not None:
        net = StackedSeparateNets(tasks, widths=widths, dropout=dropout)
    elif variant.separate:
        net = SeparateNets(
            tasks, lambda: build_backbone("resnet50", weights=weights), dropout=dropout
        )
    elif widths is not None:
        net = MultiTaskNet(
            build_backbone("small_resnet", widths=widths), tasks.num_units, dropout=dropout
        )
    else:
        net = MultiTaskNet(
            build_backbone("resnet50", weights=weights), tasks.num_units, dropout=dropout
        )
    return freeze_batch_norm(net) if _is_frozen(spec) else net


def _widths(tasks: TaskSet, size: Size, variant: Variant) -> tuple[int, ...] | None:
    """Channels of the three stages, None = ResNet-50."""
    if size.widths is None:
        return None
    # The parameters of a convolution grow with the square of its channels.
    factor = 2.0 if variant.wide else len(tasks) ** -0.5 if variant.equal else 1.0
    return tuple(max(1, round(factor * width)) for width in size.widths)


def _is_frozen(spec: RunSpec) -> bool:
    """Whether batch norm keeps its statistics, as it does by default with the user's weights."""
    usual = "frozen" if spec.settings.get("weights") else "training"
    return spec.settings.get("batch_norm", usual) == "frozen"


def _note(spec: RunSpec, widths: tuple[int, ...] | None) -> str:
    name = (
        "ResNet-50"
        if widths is None
        else f"residual network of widths {', '.join(map(str, widths))}"
    )
    start = (
        "weights given by the user" if spec.settings.get("weights") else "random initial weights"
    )
    return f"{name}, {start}, batch norm {'frozen' if _is_frozen(spec) else 'trained'}"
