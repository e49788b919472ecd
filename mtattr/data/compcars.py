"""CompCars, web-nature pictures with make, model and type (Yang, Luo, Loy and Tang, CVPR 2015).

Classes are the distinct numbers of the training list in ascending order; the official numbers are
sparse and kept in `facts["make_ids"]` and `facts["model_ids"]`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch

from mtattr.data.compcars_tables import (
    ABOUT,
    TYPES,
    Place,
    Row,
    find_place,
    first_of,
    read_box,
    read_lists,
    read_names,
    read_types,
)
from mtattr.data.decode import Box, Files, decoded_images
from mtattr.data.folders import is_generated, root_folder
from mtattr.data.held_out import held_out
from mtattr.data.image_data import ImageData
from mtattr.data.options import ImageSize, check_choice, check_options, checked_names, limited_rows
from mtattr.errors import InputError
from mtattr.tasks import Task, TaskSet

TASKS = ("model", "make", "type")
VALIDATION_SHARE = 0.1

# Totals of the two splits; Fukui et al. report five training images and one test image fewer than
# the second.
PUBLISHED = {
    "cvpr2015": {"train list": 16016, "test list": 14939, "models": 431, "makes": 75},
    "arxiv2015": {"train list": 36456, "test list": 15627, "models": 431, "makes": 75},
}
# Published numbers that each split's report shows, so that nothing is said twice.
_COMPARED = {"train": ("train list", "models", "makes"), "val": (), "test": ("test list",)}


def load(
    split: str,
    *,
    root=None,
    image_size: ImageSize = 64,
    limit: int | None = None,
    seed: int = 0,
    skip_bad: bool = False,
    tasks: Sequence[str] = ("model", "make"),
    crop: str = "box",
    which: str | None = None,
) -> ImageData:
    """One split of the classification task, pictures cut to their box and squeezed, cached.

    There is no official validation split: a tenth of the training list is held out by
    `mtattr.data.held_out`. image_size=(224, 323) with boxes is the input of Fukui et al. (CVPR
    2019), whose aspect is the mean of the boxes.

    Args:
        root: folder `data` with `image`, `label`, `misc` and `train_test_split`, or the one above.
        skip_bad: leave out pictures that are missing, damaged or badly labelled and list them in
            `facts["skipped"]`: some copies lack a few listed files. Otherwise the first raises.
        tasks: any of "model", "make" and "type" (of body, NaN where unknown), in this order of
            columns.
        crop: "box" cuts to the labelled box, "none" keeps the picture.
        which: "cvpr2015" (about 31,000 pictures), "arxiv2015" (about 52,000, lists from a separate
            download), or None for the first that is there; `facts["layout"]` names it.

    Raises:
        InputError: a file is missing, damaged or contradictory; nothing is cached then.
    """
    check_options("compcars", split, image_size, limit)
    check_choice("compcars", "crop", crop, ("box", "none"))
    wanted = checked_names("compcars: tasks", tasks, TASKS)
    if not wanted:
        raise InputError("compcars: tasks must name at least one task")
    root = root_folder("compcars", root, "data/image, data/label and data/train_test_split", ABOUT)
    place = find_place(root, which)
    lists = read_lists(place)
    models, makes = (
        first_of(lists["train"], lambda row, what=what: getattr(row, what))
        for what in ("model", "make")
    )
    task_set, columns = _tasks(place, models, makes, wanted)

    rows = lists["test" if split == "test" else "train"]
    if split != "test":
        out = held_out([row.key for row in rows], VALIDATION_SHARE)
        rows = [rows[i] for i in np.flatnonzero(out == (split == "val"))]
    if not rows:
        raise InputError(
            f"{place.lists['train']}: the {split} split has no picture, "
            f"the list has only {len(lists['train'])}"
        )
    in_split = len(rows)
    rows = [rows[i] for i in limited_rows(len(rows), limit, seed)]
    rows, boxes, viewpoints, skipped = _labelled(place, rows, crop, skip_bad)
    if not rows:
        others = f"this and all other label files of the {split} split are missing or damaged"
        raise InputError(f"{place.base / 'label' / skipped[0]}: {others}")
    files = Files(place.base / "image", tuple(row.key for row in rows), boxes)
    _check_present(files, skip_bad)
    images, kept, unread = decoded_images(
        "compcars", files, image_size, split=split, skip_bad=skip_bad
    )
    rows, skipped = [rows[i] for i in kept], skipped + [rows[i].key for i in unread]

    return ImageData(
        images=images,
        labels=torch.tensor(
            [[of.get(getattr(row, by), float("nan")) for by, of in columns] for row in rows]
        ),
        tasks=task_set,
        keys=tuple(row.key for row in rows),
        name="compcars",
        split=split,
        generated=is_generated(root, place.base),
        source="CompCars, web-nature pictures, classification (Yang, Luo, Loy and Tang, CVPR 2015)",
        terms="Non-commercial research only, by signed agreement with the Multimedia Laboratory, "
        "CUHK",
        facts={
            "layout": f"{place.which} split",
            "crop": crop,
            "counts": {f"{part} list": len(lists[part]) for part in lists}
            | {"models": len(models), "makes": len(makes), f"{split} split": in_split},
            "viewpoints": {str(v): n for v, n in sorted(viewpoints.items())},
            "published": {what: PUBLISHED[place.which][what] for what in _COMPARED[split]},
            "model_ids": list(models),
            "make_ids": list(makes),
            "checksums": {},
            "skipped": skipped,
        },
    )


def _tasks(
    place: Place, models: dict[int, Row], makes: dict[int, Row], wanted: list[str]
) -> tuple[TaskSet, list[tuple[str, dict[int, float]]]]:
    """The tasks, and for each "make" or "model" with a map from that number to the label."""
    make_names, model_names = read_names(place.misc)
    tasks, columns = [], []
    for name in wanted:
        if name == "type":
            types = read_types(place.misc)
            values = TYPES
            columns.append(("model", {m: float(kind - 1) for m, kind in types.items() if kind}))
        else:
            numbers = makes if name == "make" else models
            named = [
                make_names.get(number, f"make {number}")
                if name == "make"
                else _model_name(row, make_names, model_names)
                for number, row in numbers.items()
            ]
            often = Counter(named)
            values = tuple(
                text if often[text] == 1 else f"{text} ({number})"
                for text, number in zip(named, numbers, strict=True)
            )
            columns.append((name, {number: float(i) for i, number in enumerate(numbers)}))
        if len(values) < 2:
            raise InputError(
                f"{place.lists['train']}: expected at least two {name}s, the list has one"
            )
        tasks.append(Task(name, "categorical", values, group=name))
    return TaskSet(tasks), columns


def _model_name(row: Row, make_names: dict[int, str], model_names: dict[int, str]) -> str:
    make = make_names.get(row.make, f"make {row.make}")
    model = model_names.get(row.model, f"model {row.model}")
    return model if model.casefold().startswith(make.casefold()) else f"{make} {model}"


def _labelled(
    place: Place, rows: list[Row], crop: str, skip_bad: bool
) -> tuple[list[Row], tuple[Box, ...] | None, Counter, list[str]]:
    """The rows with a sound label file, their boxes, pictures per viewpoint, and keys left out."""
    if crop == "none":
        return rows, None, Counter(), []
    kept, boxes, viewpoints, skipped = [], [], Counter(), []
    for row in rows:
        try:
            viewpoint, box = read_box((place.base / "label" / row.key).with_suffix(".txt"))
        except InputError:
            if not skip_bad:
                raise
            skipped.append(row.key)
            continue
        kept.append(row)
        boxes.append(box)
        viewpoints[viewpoint] += 1
    return kept, tuple(boxes), viewpoints, skipped


def _check_present(files: Files, skip_bad: bool) -> None:
    if not files.folder.is_dir():
        raise InputError(f"{files.folder}: folder with the pictures missing{ABOUT}")
    if skip_bad:
        return
    missing = [name for name in files.names if not (files.folder / name).is_file()]
    if missing:
        raise InputError(
            f"{files.folder / missing[0]}: image file missing ({len(missing)} of "
            f"{len(files.names)} listed pictures are); skip_bad=True leaves such pictures out"
        )
