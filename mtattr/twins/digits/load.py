"""The cluttered digits as `ImageData`."""

from __future__ import annotations

import torch

from mtattr.data.image_data import ImageData
from mtattr.data.options import ImageSize
from mtattr.tasks import Task, TaskSet
from mtattr.twins.digits.drawing import digit_masks, render
from mtattr.twins.digits.layout import image_key
from mtattr.twins.digits.scene import LABEL_NOISE, SPLIT_SIZES, sample_scenes
from mtattr.twins.drawing.twin import check_twin_options, drawn_data

TASKS = TaskSet([Task("class", "categorical", tuple("0123456789"), group="class", region="digit")])


def load(
    split: str, *, root=None, image_size: ImageSize = 32, limit: int | None = None, draw: int = 0
) -> ImageData:
    """One split, drawn on first use and memory-mapped from then on.

    limit: the first so many scenes of the split (more than the default size may be asked for);
    draw: number of the draw, another one has other scenes and label errors, from the same
    handwriting. Nothing is read from `root`,
    which must be None. `regions(i)` is float32 (1, H, W), the opacity of the digit's ink. `facts`
    gives the digest of the scenes, the label noise, and the images per class.
    Raises `InputError` for an unknown split or a `root`.
    """
    shape = check_twin_options("cluttered-digits", split, image_size, limit, root, "svhn")
    count = SPLIT_SIZES[split] if limit is None else limit
    scenes = sample_scenes(split, count, draw)
    return drawn_data(
        "cluttered-digits",
        split,
        drawn_by=render.__module__,
        image_shape=shape,
        scene_digest=scenes.digest,
        labels=scenes.labels,
        truth=scenes.truth,
        tasks=TASKS,
        keys=[image_key(split, i) for i in range(count)],
        render=lambda: render(scenes, shape),
        region_of=lambda i: digit_masks(scenes.rows(torch.tensor([i])), shape),
        source="Handwriting of scikit-learn's digits (Alpaydin and Kaynak) "
        "on backgrounds drawn by this package",
        facts={
            "draw": draw,
            "label_noise": dict(LABEL_NOISE),
            "counts": {str(c): int((scenes.labels[:, 0] == c).sum()) for c in range(10)},
        },
    )
