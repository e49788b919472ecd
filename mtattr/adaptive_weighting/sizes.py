"""Sizes: limits of each dataset, network and length of training by scale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mtattr.data.image_data import ImageData
from mtattr.training import FitSettings, recipe

PAPER = "adaptive_weighting"


@dataclass(frozen=True)
class Size:
    """One dataset at one scale.

    Args:
        image_size: side, or height and width, in pixels.
        fit: length, optimiser and augmentation.
        interval: iterations between two updates of the weights (k).
        widths: channels of the small residual network's three stages, None = ResNet-50.
        separate_rate: learning rate of the separate networks.
        train, val, test: most images, None = the whole split.
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


#: The rate falls after 70, 100 and 120 of 130 thousand iterations, and after 10 and 15 of 20.
_FACES, _PEDESTRIANS = (70 / 130, 100 / 130, 120 / 130), (10 / 20, 15 / 20)
_SMOKE = {
    "widths": (8, 16, 32),
    "interval": 5,
    "separate_rate": 0.06,
    "train": 640,
    "val": 320,
    "test": 400,
}
#: A window holds 32 * 64 = 2048 validation images, as many as the paper's 200 * 10.
_REDUCED = {
    "widths": (16, 32, 64),
    "interval": 32,
    "separate_rate": 0.2,
    "train": 20_000,
    "val": 2000,
    "test": 5000,
}


def _one_cycle(epochs: int) -> FitSettings:
    """SGD as in the paper, with a rate that trains a small network from random weights."""
    return FitSettings(
        epochs=epochs,
        batch_size=64,
        learning_rate=0.05,
        optimizer="sgd",
        weight_decay=5e-4,
        schedule="one_cycle",
        flip=True,
    )


def _sizes(
    side: int | tuple[int, int],
    rate: float,
    milestones: tuple[float, ...],
    *,
    epochs: int,
    paper_epochs: int,
) -> dict[str, Size]:
    """Sizes by scale; `paper_epochs` are the paper's 130 or 20 thousand iterations of 10 images."""
    at_paper_scale = replace(_sgd(paper_epochs, 1e-4, milestones), batch_size=10)
    return {
        "smoke": Size(side, _sgd(3, rate, milestones), **_SMOKE),
        "reduced": Size(side, _one_cycle(epochs), **_REDUCED),
        "paper": Size(224, at_paper_scale, interval=200),
    }


_SETS = {
    "celeba": _sizes(32, 0.06, _FACES, epochs=6, paper_epochs=8),
    "market1501": _sizes((64, 32), 0.02, _PEDESTRIANS, epochs=8, paper_epochs=18),
    "duke": _sizes((64, 32), 0.02, _PEDESTRIANS, epochs=8, paper_epochs=14),
}
SIZES: dict[tuple[str, str], Size] = {
    (name + twin, scale): size
    for name, sizes in _SETS.items()
    for twin in ("", "-twin")
    for scale, size in sizes.items()
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
    """The three splits at the size of a scale; options are the loader's."""
    return recipe.load_splits(dataset, size_of(dataset, scale), draw=draw, root=root, **options)
