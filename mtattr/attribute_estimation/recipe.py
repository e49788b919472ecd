"""Recipe of Maeda et al. 2020: variants, settings, plans and the runs that the claims ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from mtattr.attribute_estimation.loss import loss_weights, losses
from mtattr.attribute_estimation.measurements import analyse, floors, metrics, task_metrics
from mtattr.attribute_estimation.network import AttributeEstimationNet
from mtattr.attribute_estimation.sizes import PAPER, SIZES, load_splits, size_of
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.nets import build_backbone
from mtattr.tasks import TaskSet
from mtattr.training import Initial, Measures, Plan, Run, RunSpec
from mtattr.training.recipe import EPOCHS, WEIGHTS, Settings, check_spec, run_of

#: The run whose attribute estimation the sequential and the independent bottleneck take over.
ATTRIBUTES = "bottleneck-attributes"

#: Edition of the sizes and schedules, that of the claims in paper.yaml.
EDITION = 2


@dataclass(frozen=True)
class Variant:
    """A network of Maeda et al. 2020, or a control.

    Args:
        network: "PM", "CM", "Ideal" or "bottleneck".
        alpha: weight of the class loss.
        class_units: M_c.
        detach: no gradient of the class loss to the attribute branch.
        fixed: backbone and attribute branch are those of `ATTRIBUTES` and stay as they are.
        told: the class branch learns from the annotated attributes, not from o_a.
    """

    network: str
    alpha: float = 0.5
    class_units: int = 512
    detach: bool = False
    fixed: bool = False
    told: bool = False


VARIANTS: dict[str, Variant] = {
    "PM": Variant("PM"),
    "CM": Variant("CM", class_units=1024),  # "two kinds of M(a) dimensional outputs", Sec. 3
    "Ideal": Variant("Ideal", alpha=1.0),
    "CM-matched": Variant("CM"),
    "PM-detached": Variant("PM", detach=True),
    "PM-unsupervised": Variant("PM", alpha=1.0),
    # Koh et al. 2020: three ways to train a class branch that reads o_a alone.
    "bottleneck-joint": Variant("bottleneck"),
    ATTRIBUTES: Variant("bottleneck", alpha=0.0),
    "bottleneck-sequential": Variant("bottleneck", alpha=1.0, fixed=True),
    "bottleneck-independent": Variant("bottleneck", alpha=1.0, fixed=True, told=True),
}
BACKBONES = {
    "inception": "inception_v3",
    "inception_resnet": "inception_resnet_v2",
    "xception": "xception",
}

#: Allowed settings: name -> (types, predicate, description for error messages).
SETTINGS: Settings = {
    "backbone": (str, BACKBONES.__contains__, f"one of {', '.join(BACKBONES)}"),
    "weights": WEIGHTS,
    "tap": (int, lambda tap: True, "a whole number, -1 for the last stage"),
    "attributes": (int, lambda k: k >= 1, "a whole number of at least 1"),
    "alpha": (int | float, lambda alpha: 0 <= alpha <= 1, "a number in [0, 1]"),
    "epochs": EPOCHS,
}


def check(spec: RunSpec) -> None:
    """Raise `InputError` for what is wrong with `spec` itself, before any data are read.

    Only data can tell whether there are as many attributes as asked for.
    """
    check_spec(spec, variants=VARIANTS, sizes=SIZES, settings=SETTINGS)
    settings, variant = spec.settings, VARIANTS[spec.variant]
    if "alpha" in settings and variant.alpha != Variant.alpha:
        raise InputError(
            f"setting alpha: {spec.variant} has alpha = {variant.alpha:.0f} by definition"
        )
    if {"weights", "tap"} & settings.keys():
        # Only the network can tell whether they fit; later the run's folder would be made.
        weights, tap = settings.get("weights"), settings.get("tap", -1)
        build_backbone(_backbone(spec), weights=weights, tap=tap)


def requires(spec: RunSpec) -> list[RunSpec]:
    """The run whose attribute estimation a fixed bottleneck takes over."""
    return [replace(spec, variant=ATTRIBUTES)] if VARIANTS[spec.variant].fixed else []


def data(spec: RunSpec, *, root: str | Path | None = None, **options: Any) -> dict[str, ImageData]:
    """The splits with the class first and the K most informative attributes.

    A twin is drawn anew for each seed, all three splits of it.
    """
    attributes = spec.settings.get("attributes")
    options = {"draw": spec.seed} | options
    return load_splits(spec.dataset, spec.scale, root=root, attributes=attributes, **options)


def plan(
    spec: RunSpec, data: Mapping[str, ImageData], runs: Mapping[RunSpec, Run] = MappingProxyType({})
) -> Plan:
    """The plan of `spec`.

    Settings: backbone ("inception", "inception_resnet" or "xception"; the small relative below
    paper scale), weights (safetensors for the backbone, else random), tap (stage whose map is
    read, -1 = last), attributes (K), alpha, epochs.
    """
    settings, variant = dict(spec.settings), VARIANTS[spec.variant]
    alpha, size = settings.get("alpha", variant.alpha), size_of(spec.dataset, spec.scale)
    only_class, whole, backbone = variant.network == "Ideal", data, _backbone(spec)
    if only_class:
        data = {split: part.select_tasks([0]) for split, part in data.items()}
    tasks, weights = data["train"].tasks, settings.get("weights")
    build = partial(network, spec, tasks)
    start, initial = "weights given by the user" if weights else "random initial weights", Initial
    if variant.fixed:
        start, (needed,) = f"attribute estimation of {ATTRIBUTES}", requires(spec)
        initial = partial(take_over, build, spec.seed, run_of(runs, needed))
    return Plan(
        data=data,
        build=build,
        settings=replace(size.fit, epochs=settings.get("epochs", size.fit.epochs)),
        measures=Measures(
            metrics=metrics,
            select_by="class_accuracy" if alpha > 0 else "attribute_mean_accuracy",
            floors=floors,
            task_metrics=task_metrics,
            analyse=partial(analyse, classes=alpha > 0, attributes=alpha < 1 or variant.fixed),
        ),
        losses=partial(losses, told=True) if variant.told else losses,
        task_weights=torch.ones(1) if only_class else loss_weights(len(tasks) - 1, alpha),
        initial=initial,
        seen_by_all=whole,
        notes=(f"{backbone}, {start}",),
    )


def take_over(build: Callable[[], AttributeEstimationNet], seed: int, run: Run) -> Initial:
    """Backbone and attribute branch of a finished run, and a class branch with random weights.

    Args:
        build: makes the network.
        seed: of the class branch.
        run: its selected epoch is taken.
    """
    torch.manual_seed(seed)
    net = build()
    fresh = net.class_branch.state_dict()
    net.load_state_dict(run.weights())
    net.class_branch.load_state_dict(fresh)
    return Initial(weights=net.state_dict())


def _backbone(spec: RunSpec) -> str:
    name = spec.settings.get("backbone", "inception")
    return BACKBONES[name] if spec.scale == "paper" else f"small_{name}"


def network(spec: RunSpec, tasks: TaskSet, structure: Any = None) -> nn.Module:
    """The untrained network of `spec` for a class, the first task, and attributes."""
    variant, size = VARIANTS[spec.variant], size_of(spec.dataset, spec.scale)
    trunk = build_backbone(
        _backbone(spec),
        weights=spec.settings.get("weights"),
        tap=spec.settings.get("tap", -1),
        stem_stride=size.stem_stride,
    )
    return AttributeEstimationNet(
        trunk,
        tasks[0].num_units,
        len(tasks) - 1,
        variant.network,
        class_units=variant.class_units,
        detach=variant.detach,
        fixed=variant.fixed,
    )


def evidence(scale: str = "reduced", seeds: Sequence[int] = range(5)) -> list[RunSpec]:
    """The runs that the chapter's claims ask for: all variants, required ones first."""
    return [
        RunSpec(PAPER, variant, "deepfashion-twin", scale, seed, {"backbone": "inception"})
        for seed in seeds
        for variant in VARIANTS
    ]
