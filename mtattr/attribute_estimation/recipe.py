"""Recipe of Maeda et al. 2020: variants, settings, plans and the runs that the claims ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from mtattr.nets import build_backbone
from mtattr.tasks import TaskSet
from mtattr.training import Measures, Plan, Run, RunSpec
from mtattr.training.recipe import EPOCHS, WEIGHTS, Settings, check_spec

#: Edition of the sizes and schedules, that of the claims in paper.yaml.
EDITION = 1


@dataclass(frozen=True)
class Variant:
    """A network of Maeda et al. 2020, or a control.

    Args:
        network: "PM", "CM" or "Ideal".
        alpha: weight of the class loss.
        class_units: M_c.
        detach: no gradient of the class loss to the attribute branch.
    """

    network: str
    alpha: float = 0.5
    class_units: int = 512
    detach: bool = False


VARIANTS: dict[str, Variant] = {
    "PM": Variant("PM"),
    "CM": Variant("CM", class_units=1024),  # "two kinds of M(a) dimensional outputs", Sec. 3
    "Ideal": Variant("Ideal", alpha=1.0),
    "CM-matched": Variant("CM"),
    "PM-detached": Variant("PM", detach=True),
    "PM-unsupervised": Variant("PM", alpha=1.0),
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
    settings = spec.settings
    if {"weights", "tap"} & settings.keys():
        # Only the network can tell whether they fit; later the run's folder would be made.
        weights, tap = settings.get("weights"), settings.get("tap", -1)
        build_backbone(_backbone(spec), weights=weights, tap=tap)


def requires(spec: RunSpec) -> list[RunSpec]:
    """No earlier runs."""
    return []


def data(spec: RunSpec, *, root: str | Path | None = None, **options: Any) -> dict[str, ImageData]:
    """The splits with the class first and the K most informative attributes."""
    attributes = spec.settings.get("attributes")
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
    tap = settings.get("tap", -1)
    start = "weights given by the user" if weights else "random initial weights"
    return Plan(
        data=data,
        build=partial(_build, backbone, tasks, variant, size.stem_stride, weights, tap),
        settings=replace(size.fit, epochs=settings.get("epochs", size.fit.epochs)),
        measures=Measures(
            metrics=metrics,
            select_by="class_accuracy",
            floors=floors,
            task_metrics=task_metrics,
            analyse=partial(analyse, supervised=alpha < 1),
        ),
        losses=losses,
        task_weights=torch.ones(1) if only_class else loss_weights(len(tasks) - 1, alpha),
        seen_by_all=whole,
        notes=(f"{backbone}, {start}",),
    )


def _backbone(spec: RunSpec) -> str:
    name = spec.settings.get("backbone", "inception")
    return BACKBONES[name] if spec.scale == "paper" else f"small_{name}"


def _build(
    backbone: str, tasks: TaskSet, variant: Variant, stem_stride: int, weights: str | None, tap: int
) -> nn.Module:
    trunk = build_backbone(backbone, weights=weights, tap=tap, stem_stride=stem_stride)
    return AttributeEstimationNet(
        trunk,
        tasks[0].num_units,
        len(tasks) - 1,
        variant.network,
        class_units=variant.class_units,
        detach=variant.detach,
    )


def evidence(scale: str = "reduced", seeds: Sequence[int] = range(5)) -> list[RunSpec]:
    """The runs that the chapter's claims ask for; controls on the first backbone alone."""
    published, controls = ("PM", "CM", "Ideal"), ("CM-matched", "PM-detached", "PM-unsupervised")
    cells = [("digits", "inception", variant) for variant in published]
    cells += [("deepfashion-twin", "inception", variant) for variant in (*published, *controls)]
    cells += [
        ("deepfashion-twin", backbone, variant)
        for backbone in ("inception_resnet", "xception")
        for variant in published
    ]
    return [
        RunSpec(PAPER, variant, dataset, scale, seed, {"backbone": backbone})
        for seed in seeds
        for dataset, backbone, variant in cells
    ]
