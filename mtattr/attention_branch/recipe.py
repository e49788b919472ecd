"""Recipe of Fukui et al. 2019: variants, settings, plans and the runs that the claims ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from mtattr.attention_branch.backbones import (
    PAPER_BACKBONES,
    SMALL_BACKBONES,
    build_parts,
    matching_factor,
)
from mtattr.attention_branch.loss import losses
from mtattr.attention_branch.measurements import analyse, floors, main_metric, metrics
from mtattr.attention_branch.multitask import EXECUTIONS, MultitaskAttentionBranchNet
from mtattr.attention_branch.network import AttentionBranchNet, BaselineNet, ClassActivationNet
from mtattr.attention_branch.sizes import (
    BACKBONE,
    CARS,
    FACES,
    PAPER,
    SIZES,
    Size,
    load_splits,
    size_of,
)
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.evaluation import accuracy_by_task
from mtattr.tasks import TaskSet
from mtattr.training import Measures, Plan, Run, RunSpec
from mtattr.training.recipe import EPOCHS, RATE, WEIGHTS, Settings, check_spec

#: Edition of the sizes and schedules, that of the claims in paper.yaml.
EDITION = 2


@dataclass(frozen=True)
class Variant:
    """A model of the paper or a control.

    Args:
        network: "baseline", "cam" or "abn".
        matched: as many parameters as ABN.
        options: of the network with one map.
        per_task: options of the network with a map for each attribute, None = always one map.
        make: learns the make of a car, not its model.
    """

    network: str = "abn"
    matched: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    per_task: Mapping[str, Any] | None = None
    make: bool = False


VARIANTS: dict[str, Variant] = {
    "baseline": Variant("baseline"),
    "abn": Variant(per_task={}),
    "eq1": Variant(options={"residual": False}),
    "cam": Variant("cam"),
    "matched": Variant("baseline", matched=True),
    "unattended": Variant(options={"attend": False}),
    "paper-map": Variant(options={"form": "paper"}),
    "one-map": Variant(),
    "average": Variant(per_task={"pool": "average"}),
    "sigmoid": Variant(per_task={"maps": "sigmoid", "residual": True}),
    "sequential": Variant(per_task={"statistics": "sequential"}),
    "make-baseline": Variant("baseline", make=True),
    "make-abn": Variant(make=True),
    "make-matched": Variant("baseline", matched=True, make=True),
    "make-unattended": Variant(options={"attend": False}, make=True),
}
#: Variants that need many attributes, and those that need cars.
_FACES_ONLY = ("one-map", "average", "sigmoid", "sequential")

#: Allowed settings: name -> (types, predicate, description for error messages).
SETTINGS: Settings = {
    "backbone": (
        str,
        (PAPER_BACKBONES | SMALL_BACKBONES).__contains__,
        f"one of {', '.join(PAPER_BACKBONES)}",
    ),
    "execution": (str, EXECUTIONS.__contains__, f"one of {', '.join(EXECUTIONS)}"),
    "chunk": (int, lambda tasks: tasks >= 1, "a whole number of tasks of at least 1"),
    "epochs": EPOCHS,
    "learning_rate": RATE,
    "weights": WEIGHTS,
}


def check(spec: RunSpec) -> None:
    """Raise `InputError` for what is wrong with `spec` itself, before any data are read."""
    check_spec(spec, variants=VARIANTS, sizes=SIZES, settings=SETTINGS)
    variant, settings = VARIANTS[spec.variant], spec.settings
    size, name = size_of(spec.dataset, spec.scale), _backbone(spec)
    on = f"{spec.variant} on {spec.dataset}"
    if spec.variant in _FACES_ONLY and spec.dataset not in FACES:
        raise InputError(
            f"variant {spec.variant} needs several attributes; {spec.dataset} has one class"
        )
    if variant.make and spec.dataset not in CARS:
        raise InputError(
            f"variant {spec.variant} learns the make of a car; {spec.dataset} has none"
        )
    per_task = spec.dataset in FACES and variant.per_task is not None
    if unused := [key for key in ("execution", "chunk") if key in settings and not per_task]:
        raise InputError(
            f"setting {unused[0]} applies only to networks with a map for each attribute; "
            f"{on} has one map"
        )
    if name not in (SMALL_BACKBONES if size.small else PAPER_BACKBONES):
        raise InputError(
            f"backbone {name} has no small relative for scale {spec.scale}; "
            f"there are {', '.join(SMALL_BACKBONES)}"
        )
    if per_task and not name.startswith(("resnet", "resnext")):
        raise InputError(
            f"a map for each attribute needs a stage of plain residual blocks, and {name} has none"
        )
    if settings.get("weights") is not None:
        if variant.matched:
            raise InputError(
                f"setting weights: {spec.variant} is wider than the network that a file is for"
            )
        # Only the network can tell whether a file fits; later the run's folder would be made.
        build_parts(name, 2, small=size.small, weights=settings["weights"])


def _backbone(spec: RunSpec) -> str:
    return spec.settings.get("backbone", BACKBONE[spec.dataset.removesuffix("-twin")])


def requires(spec: RunSpec) -> list[RunSpec]:
    """For "make-abn" the networks that learned the model, whose maps its own are compared with."""
    if spec.variant != "make-abn":
        return []
    # This seed and the next, within groups of five, so that five seeds need no sixth.
    following = spec.seed + 1 if spec.seed % 5 < 4 else spec.seed - 4
    return [replace(spec, variant="abn", seed=seed) for seed in (spec.seed, following)]


def data(spec: RunSpec, *, root: str | Path | None = None, **options: Any) -> dict[str, ImageData]:
    """The splits of the dataset at the scale's size; a twin is drawn anew for each seed."""
    return load_splits(spec.dataset, spec.scale, draw=spec.seed, root=root, **options)


def plan(
    spec: RunSpec, data: Mapping[str, ImageData], runs: Mapping[RunSpec, Run] = MappingProxyType({})
) -> Plan:
    """The plan of `spec`.

    Settings: backbone (its small relative below paper scale), execution and chunk of networks with
    a map for each attribute, epochs, learning_rate, weights (safetensors for a network of
    photographs at paper scale, else random).
    """
    settings, variant = dict(spec.settings), VARIANTS[spec.variant]
    size, name, whole = size_of(spec.dataset, spec.scale), _backbone(spec), data
    if spec.dataset in CARS:
        task = "make" if variant.make else "model"
        data = {split: part.select_tasks([task]) for split, part in whole.items()}
    tasks = data["train"].tasks
    rivals = [
        run.network(plan(needed, whole)) for needed in requires(spec) if (run := runs.get(needed))
    ]
    return Plan(
        data=data,
        build=partial(network, spec, tasks),
        settings=replace(
            size.fit,
            epochs=settings.get("epochs", size.fit.epochs),
            learning_rate=settings.get("learning_rate", size.fit.learning_rate),
            weight_decay=size.decay.get(name, size.fit.weight_decay),
        ),
        measures=Measures(
            metrics=metrics,
            select_by=main_metric(tasks),
            floors=floors,
            task_metrics=accuracy_by_task,
            analyse=partial(analyse, whole, rivals, seed=spec.seed),
        ),
        losses=losses,
        task_weights=torch.full((len(tasks),), 1 / len(tasks)),
        seen_by_all=whole,
        notes=(_note(name, size, settings),),
    )


def network(spec: RunSpec, tasks: TaskSet, structure: Any = None) -> nn.Module:
    """The untrained network of `spec` for any tasks."""
    variant, settings, name = VARIANTS[spec.variant], spec.settings, _backbone(spec)
    size = size_of(spec.dataset, spec.scale)
    outputs, small = tasks.num_units, size.small
    factor, how = size.width, {"small": small, "stem_stride": size.stem_stride}
    if variant.matched:
        factor = matching_factor(name, outputs, factor=factor, **how)
    parts = build_parts(name, outputs, factor=factor, weights=settings.get("weights"), **how)
    if variant.network == "baseline":
        return BaselineNet(parts)
    if variant.network == "cam":
        return ClassActivationNet(parts, outputs)
    if variant.per_task is not None and not tasks.categorical_indices:
        order = {key: settings[key] for key in ("execution", "chunk") if key in settings}
        return MultitaskAttentionBranchNet(outputs, parts, **variant.per_task, **order)
    return AttentionBranchNet(parts, outputs, **variant.options)


def _note(name: str, size: Size, settings: Mapping[str, Any]) -> str:
    start = "weights given by the user" if settings.get("weights") else "random initial weights"
    return f"{'small relative of ' * size.small}{name}, {start}"


#: Dataset, backbone and variants of the runs that the claims ask for, the most important first.
EVIDENCE: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "cluttered-digits",
        "resnet20",
        ("baseline", "abn", "eq1", "matched", "unattended", "cam", "paper-map"),
    ),
    ("celeba-twin", "resnet101", ("baseline", "abn", "matched", "unattended", "one-map", "cam")),
    ("cluttered-digits", "resnet32", ("baseline", "abn", "eq1")),
    ("celeba-twin", "resnet101", ("average", "sigmoid")),
    ("cluttered-digits", "vgg16", ("baseline", "abn", "cam")),
    ("cluttered-digits", "wrn", ("baseline", "abn")),
    ("cluttered-digits", "resnet56", ("baseline", "abn")),
)


def evidence(scale: str = "reduced", seeds: Sequence[int] = range(5)) -> list[RunSpec]:
    """The runs that the chapter's claims ask for; each names its backbone, for claims about one."""
    return [
        RunSpec(PAPER, variant, dataset, scale, seed, {"backbone": backbone})
        for dataset, backbone, variants in EVIDENCE
        for variant in variants
        for seed in seeds
    ]
