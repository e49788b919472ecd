"""DeepFashion, Category and Attribute Prediction Benchmark (Liu et al., CVPR 2016), from the user's own copy.

Task 0 is categorical and called `category`; the binary attributes follow in file order, grouped by the file's types.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from mtattr.data.decode import Files, decoded_images, find_image_folder
from mtattr.data.deepfashion_tables import ABOUT, Tables, find_place, read_tables
from mtattr.data.image_data import ImageData
from mtattr.data.options import GENERATED_MARK, ImageSize, check_options, limited_rows
from mtattr.errors import InputError
from mtattr.tasks import Task, TaskSet

PAPER_CLASSES = ("Blouse", "Tank", "Shorts", "Skirt")

# Maeda et al., Table 1. Its Skirt column sums to 14774, one more than the 14773 of the public copies.
PAPER_COUNTS = {
    "train": {"Blouse": 17752, "Tank": 11204, "Shorts": 14195, "Skirt": 10795},
    "val": {"Blouse": 3389, "Tank": 2097, "Shorts": 2700, "Skirt": 2046},
    "test": {"Blouse": 3416, "Tank": 2128, "Shorts": 2771, "Skirt": 1933},
}

# Maeda et al. write "Skirts" where the annotation file has "Skirt".
ALIASES = {"Skirts": "Skirt"}


def load(
    split: str,
    *,
    root=None,
    image_size: ImageSize = 64,
    limit: int | None = None,
    seed: int = 0,
    classes: Sequence[str] | None = None,
    attributes: Sequence[str] | None = None,
    annotation: str | None = None,
    crop: str = "none",
    unknown: str = "mask",
    skip_bad: bool = False,
) -> ImageData:
    """One official split of the benchmark, whole images squeezed to `image_size`, decoded once into the cache.

    root: the folder with `Anno_coarse` (or `Anno`, `Anno_fine`), `Eval` and `Img`, or the annotation folder itself.
    classes: category names to keep, which become the class indices 0, 1, …; None keeps every category that has images
    (46 of the 50). Images of other categories are left out. attributes: names to keep, in the order wanted; None keeps all.
    annotation: "coarse" (1000 attributes, 289222 images), "fine" (26 attributes, 20000 images), None for what is there.
    crop: "box" cuts each image to its bounding box first, "none" does not; the paper mentions no box.
    unknown: what the label 0 becomes, "mask" (NaN) or "negative" (0). skip_bad: leave out images that are missing or
    damaged and list them in `facts["skipped"]`; otherwise the first one raises.
    `facts["counts"]` gives the images per class before `limit` and `skip_bad`, `facts["published"]` those of the paper's
    Table 1: a comparison and never a check, copies in the wild differ by a few images.
    Raises `InputError`, naming the file, when anything is missing, damaged or contradictory; nothing is cached then.
    """
    check_options("deepfashion", split, image_size, limit)
    for option, value, allowed in (
        ("crop", crop, ("none", "box")),
        ("unknown", unknown, ("mask", "negative")),
    ):
        if value not in allowed:
            raise InputError(f"deepfashion: {option} {value!r} is not one of {', '.join(allowed)}")
    place = find_place(root, annotation)
    tables = read_tables(place, boxes=crop == "box")
    chosen = _chosen_categories(tables, _names("classes", classes))
    columns, tasks = _chosen_attributes(tables, _names("attributes", attributes))
    names = tuple(tables.category_names[c] for c in chosen)
    class_of = np.full(len(tables.category_names), -1)
    class_of[chosen] = np.arange(len(chosen))

    rows = np.flatnonzero((tables.split == split) & (class_of[tables.category] >= 0))
    if not len(rows):
        raise InputError(
            f"{place.annotations}: the {split} split has no image of the categories {', '.join(names)}"
        )
    found = Counter(tables.category[rows].tolist())
    counts = {tables.category_names[c]: found[c] for c in chosen}
    rows = rows[limited_rows(len(rows), limit, seed)]

    keys = tuple(tables.images[row] for row in rows)
    boxes = tuple(tables.boxes[row] for row in rows) if tables.boxes is not None else None
    files = Files(find_image_folder(place.image_folders, keys, ABOUT), keys, boxes)
    images, skipped = decoded_images(
        "deepfashion", files, image_size, split=split, skip_bad=skip_bad
    )
    kept = np.setdiff1d(np.arange(len(rows)), skipped)
    rows = rows[kept]

    return ImageData(
        images=images,
        labels=_labels(class_of[tables.category[rows]], tables.values[rows][:, columns], unknown),
        tasks=TaskSet([Task("category", "categorical", names, group="category"), *tasks]),
        keys=tuple(keys[i] for i in kept),
        name="deepfashion",
        split=split,
        generated=any(
            (folder / GENERATED_MARK).exists() for folder in (Path(root), place.annotations.parent)
        ),
        source="DeepFashion, Category and Attribute Prediction Benchmark (Liu et al., CVPR 2016)",
        terms="Non-commercial research and education only, by agreement with the Multimedia Laboratory, CUHK",
        facts={
            "layout": place.kind,
            "crop": crop,
            "counts": counts,
            "published": published_counts(split, counts),
            "skipped": [keys[i] for i in skipped],
        },
    )


def published_counts(split: str, classes: Iterable[str]) -> dict[str, int]:
    """Images per class in the paper's Table 1, for those of the given classes that it lists."""
    published = PAPER_COUNTS.get(split, {})
    return {
        name: published[ALIASES.get(name, name)]
        for name in classes
        if ALIASES.get(name, name) in published
    }


def _names(option: str, names: Sequence[str] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    if not isinstance(names, str | Sequence) or not all(isinstance(name, str) for name in names):
        raise InputError(f"deepfashion: {option} must be names, got {names!r}")
    names = (
        tuple(part.strip() for part in names.split(",")) if isinstance(names, str) else tuple(names)
    )
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise InputError(f"deepfashion: {option} names {twice[0]!r} twice")
    return names


def _chosen_categories(tables: Tables, classes: tuple[str, ...] | None) -> list[int]:
    with_images = set(tables.category.tolist())
    if classes is None:
        chosen = sorted(with_images)
    else:
        index = {name: i for i, name in enumerate(tables.category_names)}
        chosen = []
        for name in classes:
            position = index.get(name, index.get(ALIASES.get(name, name)))
            if position is None:
                raise InputError(
                    f"deepfashion: category {name!r} is unknown; there are {', '.join(tables.category_names)}"
                )
            if position not in with_images:
                raise InputError(f"deepfashion: category {name!r} has no image in any split")
            chosen.append(position)
    if len(set(chosen)) < max(2, len(chosen)):
        raise InputError(
            f"deepfashion: classes must name at least two different categories with images, got {classes}"
        )
    return chosen


def _chosen_attributes(
    tables: Tables, wanted: tuple[str, ...] | None
) -> tuple[list[int], list[Task]]:
    repeated = Counter(name for name, _ in tables.attributes)
    repeated["category"] += 1
    # One word can name attributes of two types, and a task needs a name of its own.
    names = [
        f"{name} ({group})" if repeated[name] > 1 else name for name, group in tables.attributes
    ]
    index = {name: i for i, name in enumerate(names)}
    for name in wanted or ():
        if name not in index:
            raise InputError(
                f"deepfashion: attribute {name!r} is unknown; list_attr_cloth.txt has {len(names)}, the first is {names[0]!r}"
            )
    columns = list(range(len(names))) if wanted is None else [index[name] for name in wanted]
    return columns, [Task(names[c], group=tables.attributes[c][1]) for c in columns]


def _labels(classes: np.ndarray, values: np.ndarray, unknown: str) -> torch.Tensor:
    attributes = (values == 1).astype(np.float32)
    if unknown == "mask":
        attributes[values == 0] = np.nan
    return torch.from_numpy(
        np.concatenate([classes[:, None].astype(np.float32), attributes], axis=1)
    )
