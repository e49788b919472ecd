"""Sizes: limits of the faces, size of the networks and length of training by scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mtattr.data.image_data import ImageData
from mtattr.training import FitSettings, recipe

PAPER = "channel_attention"


@dataclass(frozen=True)
class Size:
    """One dataset at one scale.

    Args:
        fit: length, optimiser and augmentation.
        image_size: side in pixels.
        channels: of features and masks.
        network: options of `ChannelAttentionNet`; those of `feature_extractor` also make the plain
            network.
        options: of the loader.
        train, val, test: most images, None = the whole split.
    """

    fit: FitSettings
    image_size: int
    channels: int = 128
    network: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    train: int | None = None
    val: int | None = None
    test: int | None = None


#: Adam, its rate falling to 0: the small networks start from random weights.
_QUICK = FitSettings(
    epochs=3, batch_size=32, learning_rate=3e-3, schedule="cosine", flip=True, clip_norm=5.0
)
#: One cycle, which trains them further in as many images.
_ONE_CYCLE = FitSettings(
    epochs=6,
    batch_size=64,
    learning_rate=0.005,
    optimizer="adamw",
    weight_decay=0.01,
    schedule="one_cycle",
    flip=True,
    clip_norm=5.0,
)
_LIGHT = {"front_end": "light", "batch_norm": True, "mask_kernel": 1}
_SMALL = {
    "smoke": Size(
        _QUICK, 32, 16, _LIGHT | {"width": 0.125, "chunk": 4}, train=640, val=320, test=400
    ),
    "reduced": Size(
        _ONE_CYCLE, 32, 32, _LIGHT | {"width": 0.25, "chunk": 8}, train=20_000, val=2000, test=5000
    ),
}
#: Our choice, for the paper does not describe its training.
_PAPER_FIT = FitSettings(
    epochs=15, batch_size=32, learning_rate=1e-3, schedule="step", milestones=(0.6, 0.8), flip=True
)
SIZES: dict[tuple[str, str], Size] = {
    (name, scale): size for name in ("celeba-twin", "celeba") for scale, size in _SMALL.items()
}
SIZES |= {("celeba", "paper"): Size(_PAPER_FIT, 128, 128, {"front_end": "vgg16", "chunk": 8})}


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
