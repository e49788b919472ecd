"""The car twin as `ImageData`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtattr.data.image_data import ImageData
from mtattr.data.options import ImageSize
from mtattr.errors import InputError
from mtattr.twins.cars.cars import attribute_regions, render
from mtattr.twins.cars.keys import image_keys
from mtattr.twins.cars.makes import TASKS
from mtattr.twins.cars.scene import LABEL_NOISE, VIEWPOINTS, Scenes, sample_scenes
from mtattr.twins.drawing.twin import check_twin_options, drawn_data

SPLIT_SIZES = {"train": 8000, "val": 1000, "test": 4000}


def load(
    split: str,
    *,
    root=None,
    image_size: ImageSize = 64,
    limit: int | None = None,
    draw: int = 0,
    tasks: Sequence[str] = ("model", "make"),
) -> ImageData:
    """One split of the generated cars; a smaller `limit` gives a prefix of the same images.

    tasks: which of "model" (48 classes, "<make> <model>" in the order of their ids), "make" (12)
    and "type" (the 12 official body types, NaN for models whose type is unknown) to label, in the
    order wanted. Whole pictures are squeezed from the aspect 323 : 224 (width : height) to
    `image_size`. `facts["label_noise"]` states the share of wrong labels. `facts["viewpoints"]`
    counts the official viewpoint codes. draw: number of the draw, another one has other scenes
    and label errors. There is no `root`.
    Raises `InputError` for an unknown split or task, an image size outside 8..1024, a limit below
    1, or a root.
    """
    shape = check_twin_options("compcars-twin", split, image_size, limit, root, "compcars")
    columns = chosen_tasks(tasks)
    scenes = sample_scenes(split, SPLIT_SIZES[split] if limit is None else limit, draw)

    def region_of(i: int) -> Tensor:
        return attribute_regions(_one(scenes, i), shape, only=columns)[columns]

    counts = torch.bincount(scenes.viewpoints, minlength=6).tolist()
    return drawn_data(
        "compcars-twin",
        split,
        drawn_by=render.__module__,
        image_shape=shape,
        scene_digest=scenes.digest,
        labels=scenes.labels[:, columns],
        truth=scenes.truth[:, columns],
        tasks=TASKS.select(columns),
        keys=image_keys(scenes, split, draw),
        render=lambda: render(scenes, shape),
        region_of=region_of,
        source="drawn by mtattr; no photograph and no real make of car is involved",
        facts={
            "draw": draw,
            "viewpoints": {str(code): counts[code] for code in VIEWPOINTS},
            "label_noise": LABEL_NOISE,
        },
    )


def chosen_tasks(tasks: Sequence[str]) -> list[int]:
    """Positions in TASKS of the named tasks; `InputError` for no, an unknown or a repeated name."""
    names = [name.strip() for name in tasks.split(",")] if isinstance(tasks, str) else list(tasks)
    for name in names:
        if name not in TASKS.names:
            raise InputError(
                f"compcars-twin: task {name!r} is unknown; there are {', '.join(TASKS.names)}"
            )
    if not names or len(set(names)) != len(names):
        raise InputError(
            f"compcars-twin: tasks must name at least one task and none twice, got {tasks!r}"
        )
    return [TASKS.index(name) for name in names]


def _one(scenes: Scenes, i: int) -> Scenes:
    return scenes.rows(slice(i, i + 1))
