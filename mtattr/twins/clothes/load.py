"""The clothing twin as `ImageData`."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from mtattr.data.image_data import ImageData
from mtattr.data.options import ImageSize
from mtattr.twins.clothes.attributes import tasks_of
from mtattr.twins.clothes.garments import attribute_regions, render
from mtattr.twins.clothes.layout import image_key
from mtattr.twins.clothes.scene import LABEL_NOISE, SPLIT_SIZES, sample_scenes
from mtattr.twins.drawing.twin import check_twin_options, drawn_data


def load(
    split: str,
    *,
    root=None,
    image_size: ImageSize = 64,
    limit: int | None = None,
    draw: int = 0,
    classes: str | Sequence[str] | None = None,
) -> ImageData:
    """One split, drawn on first use and memory-mapped from then on.

    classes: category names ("A,B" or a sequence) to draw, which become the class indices 0, 1, ...;
    None draws all seventeen by official id. Another choice is another draw, not a part of the
    larger one.
    limit: the first so many scenes of the split (more than the default size may be asked for);
    draw: number of the draw, another one has other scenes and label errors. Nothing is read from
    `root`, which must be None.
    `regions(i)` is float32 (T, H, W): task 0 the visible garment, then for every attribute where
    toggling it changes the image (see `attribute_regions`). `facts` gives the digest of the scenes,
    the label noise, and the images per category.
    Raises `InputError` for an unknown split or category, or for a `root`.
    """
    shape = check_twin_options("deepfashion-twin", split, image_size, limit, root, "deepfashion")
    count = SPLIT_SIZES[split] if limit is None else limit
    scenes = sample_scenes(split, count, draw, classes)
    return drawn_data(
        "deepfashion-twin",
        split,
        drawn_by=render.__module__,
        image_shape=shape,
        scene_digest=scenes.digest,
        labels=scenes.labels,
        truth=scenes.truth,
        tasks=tasks_of(scenes.classes),
        keys=[image_key(scenes, split, i) for i in range(count)],
        render=lambda: render(scenes, shape),
        region_of=lambda i: attribute_regions(scenes.rows(torch.tensor([i])), shape),
        source="Generated garments in the manner of DeepFashion; "
        "drawn by this package, no photograph involved",
        facts={
            "draw": draw,
            "label_noise": dict(LABEL_NOISE),
            "counts": {
                name: int((scenes.labels[:, 0] == k).sum()) for k, name in enumerate(scenes.classes)
            },
        },
    )
