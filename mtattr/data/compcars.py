"""CompCars, web-nature pictures with make, model and type of body (Yang, Luo, Loy and Tang, CVPR 2015), from the user's own copy.

Numbers of makes and models are sparse. Classes are the distinct numbers of the training list in ascending order; the
maps are kept in `facts["make_ids"]` and `facts["model_ids"]`.
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
from mtattr.data.options import ImageSize, check_options, limited_rows
from mtattr.errors import InputError
from mtattr.tasks import Task, TaskSet

TASKS = ("model", "make", "type")
VALIDATION_SHARE = 0.1

# Recalled totals of the two splits; Fukui et al. report five training images and one test image fewer than the second.
PUBLISHED = {
    "cvpr2015": {"train list": 16016, "test list": 14939, "models": 431, "makes": 75},
    "arxiv2015": {"train list": 36456, "test list": 15627, "models": 431, "makes": 75},
}
# What each split's report sets beside the published numbers, so that nothing is said twice.
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
    """One split of the classification task, each picture cut to its box and squeezed to `image_size`, decoded once into the cache.

    root: the folder `data` with `image`, `label`, `misc` and `train_test_split`, or the folder above it.
    which: "cvpr2015" (about 31,000 pictures) or "arxiv2015" (about 52,000, lists from a separate download); None takes the
    first that is there, and `facts["layout"]` says which. There is no official validation split: a tenth of the training
    list is held out by `mtattr.data.held_out`, by the hash of its path.
    tasks: which of the categorical tasks "model", "make" and "type" (of body, NaN where unknown), in this order of columns.
    crop: "box" cuts to the labelled box, at the picture's edge where it reaches beyond; "none" keeps the picture.
    image_size=(224, 323) with "box" is the input of Fukui et al. (CVPR 2019), whose aspect is the mean of the boxes.
    skip_bad: leave out pictures that are missing, damaged or badly labelled and list them in `facts["skipped"]`. Some
    copies are known to lack a few listed files; without it the first one raises.
    Raises `InputError`, naming file and line, when anything is missing, damaged or contradictory; nothing is cached then.
    """
    check_options("compcars", split, image_size, limit)
    if crop not in ("box", "none"):
        raise InputError(f"compcars: crop {crop!r} is not one of box, none")
    wanted = _checked_tasks(tasks)
    root = root_folder("compcars", root, "data/image, data/label and data/train_test_split", ABOUT)
    place = find_place(root, which)
    lists = read_lists(place)
    task_set, columns = _tasks(place, lists["train"], wanted)

    rows = lists["test" if split == "test" else "train"]
    if split != "test":
        rows = [
            row
            for row, out in zip(
                rows, held_out([row.key for row in rows], VALIDATION_SHARE), strict=True
            )
            if out == (split == "val")
        ]
    if not rows:
        raise InputError(
            f"{place.lists['train']}: the {split} split has no picture, the list has only {len(lists['train'])}"
        )
    in_split = len(rows)
    rows = [rows[i] for i in limited_rows(len(rows), limit, seed)]
    rows, boxes, viewpoints, skipped = _labelled(place, rows, crop, skip_bad)
    if not rows:
        raise InputError(
            f"{place.base / 'label' / skipped[0]}: this and all other label files of the {split} split are missing or damaged"
        )
    files = Files(place.base / "image", tuple(row.key for row in rows), boxes)
    _check_present(files, skip_bad)
    images, unread = decoded_images("compcars", files, image_size, split=split, skip_bad=skip_bad)
    skipped += [files.names[i] for i in unread]
    kept = [rows[i] for i in np.setdiff1d(np.arange(len(rows)), unread)]

    models, makes = (
        first_of(lists["train"], lambda row, what=what: getattr(row, what))
        for what in ("model", "make")
    )
    return ImageData(
        images=images,
        labels=torch.tensor(
            [
                [
                    column.get(row.make if name == "make" else row.model, float("nan"))
                    for name, column in columns
                ]
                for row in kept
            ]
        ),
        tasks=task_set,
        keys=tuple(row.key for row in kept),
        name="compcars",
        split=split,
        generated=is_generated(root, place.base),
        source="CompCars, web-nature pictures, classification (Yang, Luo, Loy and Tang, CVPR 2015)",
        terms="Non-commercial research only, by signed agreement with the Multimedia Laboratory, CUHK",
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


def _checked_tasks(tasks: Sequence[str]) -> tuple[str, ...]:
    given = (
        tasks.split(",") if isinstance(tasks, str) else tasks if isinstance(tasks, Sequence) else ()
    )
    wanted = tuple(name.strip() if isinstance(name, str) else name for name in given)
    unknown = [name for name in wanted if name not in TASKS]
    if unknown or not wanted or len(set(wanted)) < len(wanted):
        raise InputError(
            f"compcars: tasks must be different names out of {', '.join(TASKS)}, got {tasks!r}"
        )
    return wanted


def _tasks(
    place: Place, train: list[Row], wanted: tuple[str, ...]
) -> tuple[TaskSet, list[tuple[str, dict[int, float]]]]:
    """The tasks, and for each its name with a map from the number in the list (make's or model's) to the label."""
    make_names, model_names = read_names(place.misc)
    makes, models = first_of(train, lambda row: row.make), first_of(train, lambda row: row.model)
    tasks, columns = [], []
    for name in wanted:
        if name == "type":
            types = read_types(place.misc)
            values, column = (
                TYPES,
                {model: float(kind - 1) for model, kind in types.items() if kind},
            )
        elif name == "make":
            values = _distinct([(make_names.get(make, f"make {make}"), make) for make in makes])
            column = {make: float(i) for i, make in enumerate(makes)}
        else:
            values = _distinct(
                [
                    (_model_name(row, make_names, model_names), model)
                    for model, row in models.items()
                ]
            )
            column = {model: float(i) for i, model in enumerate(models)}
        if len(values) < 2:
            raise InputError(
                f"{place.lists['train']}: expected at least two {name}s to tell apart, the list has one"
            )
        tasks.append(Task(name, "categorical", values, group=name))
        columns.append((name, column))
    return TaskSet(tasks), columns


def _model_name(row: Row, make_names: dict[int, str], model_names: dict[int, str]) -> str:
    make, model = (
        make_names.get(row.make, f"make {row.make}"),
        model_names.get(row.model, f"model {row.model}"),
    )
    return model if model.casefold().startswith(make.casefold()) else f"{make} {model}"


def _distinct(named: list[tuple[str, int]]) -> tuple[str, ...]:
    often = Counter(name for name, _ in named)
    return tuple(name if often[name] == 1 else f"{name} ({number})" for name, number in named)


def _labelled(
    place: Place, rows: list[Row], crop: str, skip_bad: bool
) -> tuple[list[Row], tuple[Box, ...] | None, Counter, list[str]]:
    """The rows whose label file is sound, their boxes, how many pictures each viewpoint has, and the keys left out."""
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
            f"{files.folder / missing[0]}: image file missing ({len(missing)} of {len(files.names)} listed pictures are); "
            "skip_bad=True leaves such pictures out and lists them"
        )
