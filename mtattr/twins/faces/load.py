"""The face twin as `ImageData`."""

from __future__ import annotations

import torch

from mtattr.data.image_data import ImageData
from mtattr.data.options import ImageSize
from mtattr.twins.drawing.twin import check_twin_options, drawn_data
from mtattr.twins.faces import faces
from mtattr.twins.faces.attributes import NAMES, TASKS
from mtattr.twins.faces.label_noise import LABEL_NOISE
from mtattr.twins.faces.layout import SPLIT_SIZES, image_keys
from mtattr.twins.faces.scene import sample_scenes


def load(
    split: str, *, root=None, image_size: ImageSize = 64, limit: int | None = None, draw: int = 0
) -> ImageData:
    """One split, drawn on first use and memory-mapped from then on.

    limit: the first so many scenes of the split (up to the size of the real split may be asked
    for); draw: number of the draw, another one has other people and label errors. Nothing is read
    from `root`, which must be None.
    `regions(i)` is float32 (40, H, W): where toggling an attribute changes the image (see
    `attribute_regions`). `facts` gives the digest of the scenes, the share of wrong labels per
    attribute, the number of people, and the positive rates of the labels.
    Raises `InputError` for an unknown split, a `root`, or a limit beyond the size of the real
    split.
    """
    shape = check_twin_options("celeba-twin", split, image_size, limit, root, "celeba")
    count = SPLIT_SIZES[split] if limit is None else limit
    keys = image_keys(split, count)
    scenes = sample_scenes(split, count, draw)
    return drawn_data(
        "celeba-twin",
        split,
        drawn_by=faces.render.__module__,
        image_shape=shape,
        scene_digest=scenes.digest,
        labels=scenes.labels,
        truth=scenes.truth,
        tasks=TASKS,
        keys=keys,
        identities=scenes.identities,
        render=lambda: faces.render(scenes, shape),
        region_of=lambda i: faces.attribute_regions(scenes.rows(torch.tensor([i])), shape),
        source="Generated faces in the manner of CelebA; "
        "drawn by this package, no photograph and no person involved",
        facts={
            "draw": draw,
            "label_noise": dict(LABEL_NOISE),
            "identities": len(scenes.identities.unique()),
            "rates": dict(zip(NAMES, scenes.labels.double().mean(0).tolist(), strict=True)),
        },
    )
