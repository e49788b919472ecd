"""Variants x datasets x scales: what to train."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mtattr.adaptive_weighting.analysis import halves
from mtattr.adaptive_weighting.averaged import AveragedTrend
from mtattr.adaptive_weighting.dynamic_weight_average import DynamicWeightAverage
from mtattr.adaptive_weighting.grad_norm import GradNorm
from mtattr.adaptive_weighting.loss import square_error
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
from mtattr.adaptive_weighting.trend import ValidationLossTrend
from mtattr.adaptive_weighting.uncertainty import UncertaintyWeighting
from mtattr.data import load_dataset
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.nets import MultiTaskNet, build_backbone, freeze_batch_norm
from mtattr.tasks import TaskSet
from mtattr.training import FitSettings, Plan, RunSpec, Weighting, checks
from mtattr.training.plan import SPLITS

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

    weighting: a name of `WEIGHTINGS`, or None for weights of 1. separate: a whole network per task (Eq. 1). steering:
    the images that a trend watches: the "validation" split, one "half" of it (then the other half selects the epoch) or
    training images, drawn anew ("train").
    """

    weighting: str | None = None
    separate: bool = False
    steering: str = "validation"


VARIANTS: dict[str, Variant] = {
    "separate": Variant(separate=True),
    "basic": Variant(),
    "weighted": Variant("trend"),
    "shuffled": Variant("shuffled"),
    "averaged": Variant("averaged"),
    "held-out": Variant("trend", steering="half"),
    "train-steered": Variant("trend", steering="train"),
    "uncertainty": Variant("uncertainty"),
    "dwa": Variant("dwa"),
    "gradnorm": Variant("gradnorm"),
}

#: What a run may set: type, range, and both in words.
SETTINGS: checks.Settings = {
    "interval": (int, lambda k: 1 <= k < 2**63, "a whole number of iterations of at least 1"),
    "epochs": (int, lambda epochs: epochs >= 1, "a whole number of at least 1"),
    "learning_rate": (
        int | float,
        lambda rate: 0 < rate <= 1e6,
        "a number above 0 and at most a million",
    ),
    "dropout": (int | float, lambda share: 0 <= share < 1, "a number in [0, 1)"),
    "batch_norm": (str, ("frozen", "training").__contains__, "frozen or training"),
    "validation_norm": (str, ("running", "batch").__contains__, "running or batch"),
    "unit_loss": (str, ("mean", "sum").__contains__, "mean or sum"),
    "weights": (str | None, lambda path: True, "the path of a safetensors file, or null"),
}


@dataclass(frozen=True)
class Size:
    """How much of a dataset a scale uses, with which network, and how long it trains; limits None = the whole split.

    widths: channels of the small residual network's three stages, None = ResNet-50. interval: iterations between two
    updates of the weights. separate_rate: learning rate of the separate networks.
    """

    image_size: int | tuple[int, int]
    fit: FitSettings
    interval: int
    widths: tuple[int, int, int] | None = None
    separate_rate: float | None = None
    train: int | None = None
    val: int | None = None
    test: int | None = None


def _sgd(epochs: int, learning_rate: float, milestones: tuple[float, ...]) -> FitSettings:
    """SGD as in the paper."""
    return FitSettings(
        epochs=epochs,
        batch_size=32,
        learning_rate=learning_rate,
        optimizer="sgd",
        weight_decay=5e-4,
        schedule="step",
        milestones=milestones,
        flip=True,
    )


#: When the rate falls: after 70, 100 and 120 of 130 thousand iterations, and after 10 and 15 of 20 thousand.
_FACES, _PEDESTRIANS = (70 / 130, 100 / 130, 120 / 130), (10 / 20, 15 / 20)
_SMOKE = {
    "widths": (8, 16, 32),
    "interval": 5,
    "separate_rate": 0.06,
    "train": 640,
    "val": 320,
    "test": 400,
}
_REDUCED = {
    "widths": (16, 32, 64),
    "interval": 20,
    "separate_rate": 0.06,
    "train": 6000,
    "val": 2000,
    "test": 4000,
}


def _sizes(
    side: int | tuple[int, int], rate: float, milestones: tuple[float, ...], paper_epochs: int
) -> dict[str, Size]:
    """paper_epochs of 10 training images a step make up the paper's 130 or 20 thousand iterations."""
    at_paper_scale = replace(_sgd(paper_epochs, 1e-4, milestones), batch_size=10)
    return {
        "smoke": Size(side, _sgd(3, rate, milestones), **_SMOKE),
        "reduced": Size(side, _sgd(8, rate, milestones), **_REDUCED),
        "paper": Size(224, at_paper_scale, interval=200),
    }


_SETS = {
    "celeba": _sizes(32, 0.06, _FACES, 8),
    "market1501": _sizes((64, 32), 0.02, _PEDESTRIANS, 18),
    "duke": _sizes((64, 32), 0.02, _PEDESTRIANS, 14),
}
SIZES: dict[tuple[str, str], Size] = {
    (name + twin, scale): size
    for name, sizes in _SETS.items()
    for twin in ("", "-twin")
    for scale, size in sizes.items()
}


def load_splits(
    dataset: str, scale: str, *, root: str | Path | None = None, **options: Any
) -> dict[str, ImageData]:
    """The three splits at the size of a scale; `InputError` for a dataset or scale that has no recipe."""
    size = size_of(dataset, scale)
    limits = {"train": size.train, "val": size.val, "test": size.test}
    where = None if dataset.endswith("-twin") else root
    return {
        split: load_dataset(
            dataset, split, root=where, image_size=size.image_size, limit=limit, **options
        )
        for split, limit in limits.items()
    }


def size_of(dataset: str, scale: str) -> Size:
    """The `Size` of a dataset at a scale; `InputError` lists what there is."""
    return checks.size_of(SIZES, "adaptive_weighting", dataset, scale)


def check(spec: RunSpec) -> None:
    """Raise `InputError` for what is wrong with `spec` itself, before any data are read: see `plan`."""
    checks.check_spec(spec, variants=VARIANTS, sizes=SIZES, settings=SETTINGS)
    settings = spec.settings
    if settings.get("weights") is not None:
        if size_of(spec.dataset, spec.scale).widths is not None:
            raise InputError(
                f"setting weights needs scale paper, whose network is ResNet-50; this is {spec.scale}"
            )
        build_backbone("resnet50", weights=settings["weights"])


def plan(
    spec: RunSpec,
    *,
    root: str | Path | None = None,
    data: Mapping[str, ImageData] | None = None,
    **options: Any,
) -> Plan:
    """What to train for `spec`.

    settings: interval (k, of the variants that follow a trend), epochs, learning_rate, dropout before the head, weights (a
    safetensors file for ResNet-50, random without), batch_norm ("frozen" or "training"; frozen by default where weights are
    given), unit_loss (over the units of a categorical task, "mean" or "sum"; metrics always take the mean),
    validation_norm (by which statistics batch norm sees the images that steer, "running" or those of their "batch").
    data: splits to use instead of the dataset's own. Raises `InputError` for an unknown variant, setting, dataset or scale.
    """
    check(spec)
    settings, variant, size = (
        dict(spec.settings),
        VARIANTS[spec.variant],
        size_of(spec.dataset, spec.scale),
    )
    whole = dict(
        load_splits(spec.dataset, spec.scale, root=root, **options) if data is None else data
    )
    if missing := set(SPLITS) - whole.keys():
        raise InputError(
            f"expected the splits {', '.join(SPLITS)}, but {', '.join(sorted(missing))} is missing"
        )
    steering, held = halves(whole["val"])
    tasks = whole["train"].tasks
    rate = size.separate_rate if variant.separate and size.separate_rate else size.fit.learning_rate
    fit = replace(
        size.fit,
        epochs=settings.get("epochs", size.fit.epochs),
        learning_rate=settings.get("learning_rate", rate),
    )
    interval = settings.get("interval", size.interval)
    watched = {"validation": whole["val"], "half": steering, "train": whole["train"]}[
        variant.steering
    ]
    weighting, idle = None, ()
    if variant.weighting is not None:
        steps = max(1, len(whole["train"]) // fit.batch_size)
        make = WEIGHTINGS[variant.weighting]
        if (
            variant.weighting in ("trend", "shuffled", "averaged")
            and fit.epochs * steps < 2 * interval
        ):
            idle = (
                f"weights of 1 throughout: {fit.epochs * steps} iterations are fewer than two windows of {interval}",
            )
        weighting = lambda num_tasks: make(num_tasks, interval, spec.seed, steps)  # noqa: E731
    weights = settings.get("weights")
    frozen = settings.get("batch_norm", "frozen" if weights else "training") == "frozen"
    build = functools.partial(
        _build, tasks, size, variant.separate, weights, frozen, float(settings.get("dropout", 0.0))
    )
    rare, units = rare_tasks(whole["train"].labels, tasks), settings.get("unit_loss", "mean")
    return Plan(
        data=whole | {"val": held} if variant.steering == "half" else whole,
        build=build,
        task_weights=torch.ones(len(tasks)),
        settings=fit,
        metrics=functools.partial(metrics, rare=rare),
        select_by="mean_accuracy",
        floors=functools.partial(floors, rare=rare),
        task_metrics=task_metrics,
        losses=functools.partial(square_error, units=units),
        weighting=weighting,
        steering=watched,
        steering_norm=settings.get("validation_norm", "running"),
        seen_by_all=whole,
        analyse=functools.partial(analyse, whole["val"], steering, held),
        analyse_training=functools.partial(
            analyse_training, watched, interval * min(fit.batch_size, len(whole["train"])), units
        ),
        notes=(_note(size, weights, frozen), *idle),
    )


#: Explorations that the claims mark as such: dataset, settings, variants.
EXPLORATIONS: tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...] = (
    ("celeba-twin", {"learning_rate": 0.02}, ("basic", "weighted")),
    ("market1501-twin", {"learning_rate": 0.005}, ("basic", "weighted")),
    ("market1501-twin", {"unit_loss": "sum"}, ("basic", "weighted", "shuffled", "averaged")),
    ("duke-twin", {"unit_loss": "sum"}, ("basic", "weighted", "shuffled")),
    ("celeba-twin", {"validation_norm": "batch"}, ("basic", "weighted")),
    ("celeba-twin", {"interval": 100}, ("basic", "weighted")),
)


def evidence(scale: str = "reduced", seeds: Sequence[int] = range(5)) -> list[RunSpec]:
    """The runs that the chapter's claims ask for: everything on faces and Market-1501, the paper's models and one control on Duke.

    Explorations follow, and the separate networks come last, for they take longest.
    """
    shared = [name for name, variant in VARIANTS.items() if not variant.separate]
    cells = [
        (dataset, name, {}) for name in shared for dataset in ("celeba-twin", "market1501-twin")
    ]
    cells += [("duke-twin", name, {}) for name in ("basic", "weighted", "shuffled")]
    cells += [
        (dataset, name, settings) for dataset, settings, names in EXPLORATIONS for name in names
    ]
    cells += [
        (dataset, "separate", {}) for dataset in ("market1501-twin", "celeba-twin", "duke-twin")
    ]
    return [
        RunSpec("adaptive_weighting", name, dataset, scale, seed, settings)
        for dataset, name, settings in cells
        for seed in seeds
    ]


def _build(
    tasks: TaskSet, size: Size, separate: bool, weights: str | None, frozen: bool, dropout: float
) -> nn.Module:
    if separate and size.widths is not None:
        net = StackedSeparateNets(tasks, widths=size.widths, dropout=dropout)
    elif separate:
        net = SeparateNets(
            tasks, lambda: build_backbone("resnet50", weights=weights), dropout=dropout
        )
    elif size.widths is not None:
        net = MultiTaskNet(
            build_backbone("small_resnet", widths=size.widths), tasks.num_units, dropout=dropout
        )
    else:
        net = MultiTaskNet(
            build_backbone("resnet50", weights=weights), tasks.num_units, dropout=dropout
        )
    return freeze_batch_norm(net) if frozen else net


def _note(size: Size, weights: str | None, frozen: bool) -> str:
    name = (
        "ResNet-50"
        if size.widths is None
        else f"residual network of widths {', '.join(map(str, size.widths))}"
    )
    start = "weights given by the user" if weights else "random initial weights"
    return f"{name}, {start}, batch norm {'frozen' if frozen else 'trained'}"
