"""Sizes: limits of each dataset, size of the networks and length of training by scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mtattr.data.image_data import ImageData
from mtattr.training import FitSettings, recipe

PAPER = "attention_branch"
#: Default backbone of each dataset.
BACKBONE = {
    "cluttered-digits": "resnet20",
    "cifar10": "resnet110",
    "cifar100": "resnet110",
    "svhn": "resnet110",
    "imagenet": "resnet152",
    "compcars": "resnet101",
    "celeba": "resnet101",
}
CARS, FACES = ("compcars", "compcars-twin"), ("celeba", "celeba-twin")


@dataclass(frozen=True)
class Size:
    """One dataset at one scale.

    Args:
        fit: length, optimiser and augmentation.
        image_size: side, or height and width, in pixels.
        small: networks are the small relatives.
        stem_stride: of the small relatives of networks for photographs.
        width: factor of the small networks' channels.
        decay: weight decay by backbone where it is not that of `fit`.
        options: of the loader.
        train, val, test: most images, None = the whole split.
    """

    fit: FitSettings
    image_size: int | tuple[int, int]
    small: bool = True
    stem_stride: int = 1
    width: float = 1.0
    decay: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    train: int | None = None
    val: int | None = None
    test: int | None = None


def _sgd(
    epochs: int,
    rate: float,
    milestones: tuple[float, ...],
    batch_size: int,
    *,
    shift: int = 0,
    flip: bool = False,
) -> FitSettings:
    """SGD with momentum, the rate divided by 10 at milestones, as in the paper."""
    return FitSettings(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=rate,
        optimizer="sgd",
        weight_decay=1e-4,
        schedule="step",
        milestones=milestones,
        shift=shift,
        flip=flip,
    )


def _quick(epochs: int, *, shift: int = 0, flip: bool = False) -> FitSettings:
    """AdamW along one cycle, by which small networks learn from random weights in few epochs.

    Chosen on validation with seeds from 100 on; every variant of a dataset has the same.
    """
    return FitSettings(
        epochs=epochs,
        batch_size=64,
        learning_rate=0.01,
        optimizer="adamw",
        weight_decay=0.01,
        schedule="one_cycle",
        shift=shift,
        flip=flip,
    )


_HALF, _CARS, _FACES = (0.5, 0.75), (0.5, 0.7), (0.4, 0.8)
_WIDE = {"wrn": 5e-4, "resnext": 5e-4}
_SMOKE = {"train": 640, "val": 320, "test": 400}
_REDUCED = {"train": 20_000, "val": 2000, "test": 5000}
#: Digits read differently in a mirror; cars and faces do not.
_SMALL_SIZES = {
    "cluttered-digits": {
        "smoke": Size(_quick(4, shift=2), 24, **_SMOKE | {"train": 2000}),
        # On more images every network ends near the ceiling, where none can be better.
        "reduced": Size(_quick(8, shift=2), 24, **_REDUCED | {"train": 5000}),
    },
    "compcars": {
        "smoke": Size(_quick(3, flip=True), (44, 64), stem_stride=2, **_SMOKE),
        "reduced": Size(_quick(6, flip=True), (56, 80), stem_stride=2, **_REDUCED),
    },
    "celeba": {
        "smoke": Size(_quick(3, flip=True), 32, stem_stride=2, width=0.5, **_SMOKE),
        "reduced": Size(_quick(3, flip=True), 48, stem_stride=2, width=0.5, **_REDUCED),
    },
}
_AS_SMALL = {
    "cifar10": "cluttered-digits",
    "cifar100": "cluttered-digits",
    "svhn": "cluttered-digits",
    "imagenet": "compcars",
}


def _small(name: str) -> dict[str, Size]:
    like = name.removesuffix("-twin")
    return _SMALL_SIZES[_AS_SMALL.get(like, like)]


_PAPER_SIZES = {
    "cifar10": Size(_sgd(300, 0.1, _HALF, 256, shift=4, flip=True), 32, False, decay=_WIDE),
    "cifar100": Size(_sgd(300, 0.1, _HALF, 256, shift=4, flip=True), 32, False, decay=_WIDE),
    "svhn": Size(
        _sgd(40, 0.1, _HALF, 256, shift=4, flip=True),
        32,
        False,
        decay=_WIDE,
        options={"extra": True},
    ),
    "imagenet": Size(_sgd(90, 0.1, _HALF, 256, shift=16, flip=True), 224, False),
    "compcars": Size(_sgd(50, 0.01, _CARS, 32), (224, 323), False),
    "celeba": Size(_sgd(10, 0.01, _FACES, 8), 224, False),
}
SIZES: dict[tuple[str, str], Size] = {
    (name, scale): size
    for name in (*_PAPER_SIZES, "cluttered-digits", "compcars-twin", "celeba-twin")
    for scale, size in (
        _small(name) | ({"paper": _PAPER_SIZES[name]} if name in _PAPER_SIZES else {})
    ).items()
}


def size_of(dataset: str, scale: str) -> Size:
    """The `Size` of a dataset at a scale; `InputError` lists what there is."""
    return recipe.size_of(SIZES, PAPER, dataset, scale)


def load_splits(
    dataset: str,
    scale: str,
    *,
    draw: int | None = None,
    root: str | Path | None = None,
    **options: Any,
) -> dict[str, ImageData]:
    """The three splits at the size of a scale; `draw` is that of a twin, options the loader's."""
    return recipe.load_splits(dataset, size_of(dataset, scale), draw=draw, root=root, **options)
