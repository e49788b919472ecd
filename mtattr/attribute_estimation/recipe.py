"""Variants x datasets x scales: what to train."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mtattr.attribute_estimation.explain import localisation
from mtattr.attribute_estimation.interventions import (
    accuracy_with,
    attribute_effects,
    effect_agreement,
    flip_rates,
    middle_layer,
    shuffle_drop,
)
from mtattr.attribute_estimation.loss import loss_weights
from mtattr.attribute_estimation.network import AttributeEstimationNet
from mtattr.attribute_estimation.selection import select_attributes
from mtattr.data import load_dataset
from mtattr.data.image_data import ImageData
from mtattr.evaluation import accuracy, average_precision, choose_thresholds, f1, predict
from mtattr.nets import build_backbone
from mtattr.tasks import TaskSet
from mtattr.training import FitSettings, Plan, RunSpec, checks


@dataclass(frozen=True)
class Variant:
    """A network of the letter, or a control that it lacks. alpha weighs the class loss; class_units is M_c."""

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
CLASSES = ("Blouse", "Tank", "Shorts", "Skirt")

#: What a run may set: type, range, and both in words.
SETTINGS: checks.Settings = {
    "backbone": (str, BACKBONES.__contains__, f"one of {', '.join(BACKBONES)}"),
    "weights": (str | None, lambda path: True, "the path of a safetensors file, or null"),
    "tap": (int, lambda tap: True, "a whole number, -1 for the last stage"),
    "attributes": (int, lambda k: k >= 1, "a whole number of at least 1"),
    "alpha": (int | float, lambda alpha: 0 <= alpha <= 1, "a number in [0, 1]"),
    "epochs": (int, lambda epochs: epochs >= 1, "a whole number of at least 1"),
}


@dataclass(frozen=True)
class Size:
    """How much of a dataset a scale uses and how long it trains; limits None = the whole split."""

    image_size: int
    attributes: int
    fit: FitSettings
    train: int | None = None
    val: int | None = None
    test: int | None = None
    stem_stride: int = 2


def _quick(epochs: int) -> FitSettings:
    """Adam as in the letter, but with three times its rate, falling to 0: the small networks start from random weights."""
    return FitSettings(
        epochs=epochs, batch_size=32, learning_rate=3e-3, schedule="cosine", flip=True
    )


_PAPER = FitSettings(epochs=20, batch_size=32, learning_rate=1e-3)
SIZES: dict[tuple[str, str], Size] = {
    ("digits", "smoke"): Size(16, 8, FitSettings(epochs=4, schedule="cosine"), stem_stride=1),
    ("digits", "reduced"): Size(
        16, 8, FitSettings(epochs=20, schedule="cosine", shift=1), stem_stride=1
    ),
    ("deepfashion-twin", "smoke"): Size(32, 16, _quick(6), 2000, 400, 400),
    ("deepfashion-twin", "reduced"): Size(48, 24, _quick(10), 6000, 1500, 3000),
    ("deepfashion-twin", "paper"): Size(299, 24, _PAPER),
    ("deepfashion", "smoke"): Size(32, 16, _quick(6), 2000, 400, 400),
    ("deepfashion", "reduced"): Size(48, 200, _quick(10), 6000, 1500, 3000),
    ("deepfashion", "paper"): Size(299, 200, _PAPER),
}


def load_splits(
    dataset: str,
    scale: str,
    *,
    root: str | Path | None = None,
    attributes: int | None = None,
    **options: Any,
) -> dict[str, ImageData]:
    """The three splits with the class first and the K attributes of highest mutual information with it, best first.

    Attributes are chosen on the training split only. Raises `InputError` for a dataset or scale that has no recipe.
    """
    size = size_of(dataset, scale)
    if dataset in ("deepfashion", "deepfashion-twin"):
        options = {"classes": CLASSES} | options
    limits = {"train": size.train, "val": size.val, "test": size.test}
    splits = {
        split: load_dataset(
            dataset,
            split,
            root=root if dataset == "deepfashion" else None,
            image_size=size.image_size,
            limit=limit,
            **options,
        )
        for split, limit in limits.items()
    }
    train = splits["train"]
    rows = ~train.labels[:, 0].isnan()
    chosen = select_attributes(
        train.labels[rows, 1:],
        train.labels[rows, 0].long(),
        size.attributes if attributes is None else attributes,
    )
    keep = [0, *(chosen + 1).tolist()]
    return {split: data.select_tasks(keep) for split, data in splits.items()}


def size_of(dataset: str, scale: str) -> Size:
    """The `Size` of a dataset at a scale; `InputError` lists what there is."""
    return checks.size_of(SIZES, "attribute_estimation", dataset, scale)


def check(spec: RunSpec) -> None:
    """Raise `InputError` for what is wrong with `spec` itself, before any data are read: see `plan`.

    Only data can tell whether there are as many attributes as asked for.
    """
    checks.check_spec(spec, variants=VARIANTS, sizes=SIZES, settings=SETTINGS)
    settings = spec.settings
    if {"weights", "tap"} & settings.keys():
        # Whether a file or a stage fits is the network's to say; later it would be said after the run's folder was made.
        build_backbone(
            _backbone(spec), weights=settings.get("weights"), tap=settings.get("tap", -1)
        )


def _backbone(spec: RunSpec) -> str:
    name = spec.settings.get("backbone", "inception")
    return BACKBONES[name] if spec.scale == "paper" else f"small_{name}"


def plan(spec: RunSpec, *, root: str | Path | None = None, **options: Any) -> Plan:
    """What to train for `spec`.

    settings: backbone ("inception", "inception_resnet" or "xception"; the small relative below paper scale), weights
    (a safetensors file for the backbone; random without), tap (stage whose map is read, -1 = last), attributes (K),
    alpha, epochs. Raises `InputError` for an unknown variant, setting, dataset or scale.
    """
    check(spec)
    settings = dict(spec.settings)
    variant = VARIANTS[spec.variant]
    alpha = settings.get("alpha", variant.alpha)
    size = size_of(spec.dataset, spec.scale)
    data = load_splits(
        spec.dataset, spec.scale, root=root, attributes=settings.get("attributes"), **options
    )
    whole = data
    if variant.network == "Ideal":
        data = {split: of.select_tasks([0]) for split, of in data.items()}
    tasks = data["train"].tasks
    backbone = _backbone(spec)
    build = functools.partial(
        _build,
        backbone,
        tasks,
        variant,
        size.stem_stride,
        settings.get("weights"),
        settings.get("tap", -1),
    )
    fit = (
        size.fit
        if "epochs" not in settings
        else FitSettings(**vars(size.fit) | {"epochs": settings["epochs"]})
    )
    return Plan(
        data=data,
        build=build,
        task_weights=torch.ones(1)
        if variant.network == "Ideal"
        else loss_weights(len(tasks) - 1, alpha),
        settings=fit,
        metrics=metrics,
        select_by="class_accuracy",
        seen_by_all=whole,
        floors=floors,
        task_metrics=task_metrics,
        analyse=functools.partial(_analyse, supervised=alpha < 1),
        notes=(
            f"{backbone}, "
            + (
                "weights given by the user" if settings.get("weights") else "random initial weights"
            ),
        ),
    )


def evidence(scale: str = "reduced", seeds: Sequence[int] = range(5)) -> list[RunSpec]:
    """The runs that the chapter's claims ask for: the letter's networks on every backbone, controls on the first, digits."""
    letter, controls = ("PM", "CM", "Ideal"), ("CM-matched", "PM-detached", "PM-unsupervised")
    cells = [("digits", "inception", variant) for variant in letter]
    cells += [("deepfashion-twin", "inception", variant) for variant in (*letter, *controls)]
    cells += [
        ("deepfashion-twin", backbone, variant)
        for backbone in ("inception_resnet", "xception")
        for variant in letter
    ]
    return [
        RunSpec("attribute_estimation", variant, dataset, scale, seed, {"backbone": backbone})
        for seed in seeds
        for dataset, backbone, variant in cells
    ]


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


def metrics(logits: Tensor, labels: Tensor, tasks: TaskSet) -> dict[str, float]:
    """Class accuracy and, when the network says attributes, their micro and mean accuracy, F1 and average precision."""
    result = {"class_accuracy": accuracy.class_accuracy(logits, labels, tasks)}
    if len(tasks) > 1:
        binary = list(tasks.binary_indices)
        attribute_logits, attribute_labels, attribute_tasks = (
            logits[:, tasks[0].num_units :],
            labels[:, binary],
            tasks.select(binary),
        )
        result |= {
            "attribute_micro_accuracy": accuracy.micro_accuracy(logits, labels, tasks),
            "attribute_mean_accuracy": accuracy.mean_accuracy(
                attribute_logits, attribute_labels, attribute_tasks
            ),
            "attribute_f1": f1(predict(attribute_logits, attribute_tasks), attribute_labels)
            .nanmean()
            .item(),
            "attribute_average_precision": average_precision(attribute_logits, attribute_labels)
            .nanmean()
            .item(),
        }
    return result


def floors(labels: Tensor, tasks: TaskSet) -> dict[str, float]:
    """What a constant guess reaches: the largest class, no attribute at all, each attribute's majority, its rate."""
    result = {"class_accuracy": accuracy.class_floor(labels, tasks)}
    if len(tasks) > 1:
        binary = list(tasks.binary_indices)
        result |= {
            "attribute_micro_accuracy": accuracy.micro_floor(labels, tasks),
            "attribute_mean_accuracy": accuracy.mean_accuracy_floor(
                labels[:, binary], tasks.select(binary)
            ),
            "attribute_average_precision": labels[:, binary].nanmean(dim=0).nanmean().item(),
        }
    return result


def task_metrics(logits: Tensor, labels: Tensor, tasks: TaskSet) -> dict[str, list[float]]:
    """Accuracy of every task and average precision of every attribute (NaN for the class)."""
    ranking = (
        average_precision(logits[:, tasks[0].num_units :], labels[:, 1:]).tolist()
        if len(tasks) > 1
        else []
    )
    return {
        "accuracy": accuracy.task_accuracy(logits, labels, tasks).tolist(),
        "floor": accuracy.task_floor(labels, tasks).tolist(),
        "average_precision": [float("nan"), *ranking],
    }


def _analyse(
    net: nn.Module, data: Mapping[str, ImageData], device: object, *, supervised: bool
) -> dict[str, float]:
    """Interventions on o_a, localisation, and F1 with thresholds chosen on validation."""
    result: dict[str, float] = {}
    if net.variant == "Ideal" or not supervised:
        return (
            result
            if net.variant == "Ideal"
            else {"shuffle_drop": shuffle_drop(net, middle_layer(net, data["test"], device=device))}
        )
    result |= localisation(
        net, data["test"], images=min(256, len(data["test"]) // 8), device=device
    )
    val, test = (middle_layer(net, data[split], device=device) for split in ("val", "test"))
    rows = {split: ~data[split].labels[:, 0].isnan() for split in ("val", "test", "train")}
    thresholds = choose_thresholds(val.attributes.cpu(), data["val"].labels[rows["val"], 1:])
    result["attribute_f1_chosen_thresholds"] = (
        f1(test.attributes.cpu() > thresholds, data["test"].labels[rows["test"], 1:])
        .nanmean()
        .item()
    )
    if net.variant == "PM":
        effects = attribute_effects(net, test)
        truth = data["test"].labels[rows["test"], 1:].to(test.attributes)
        told = torch.where(truth.isnan(), test.attributes, truth)
        train_labels = data["train"].labels[rows["train"]]
        result |= {
            "shuffle_drop": shuffle_drop(net, test),
            "told_gain": accuracy_with(net, test, told) - accuracy_with(net, test, test.attributes),
            "flip_rate": flip_rates(net, test).mean().item(),
            "effect_agreement": effect_agreement(effects, train_labels[:, 1:], train_labels[:, 0]),
        }
    return result
