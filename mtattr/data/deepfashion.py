"""DeepFashion, Category and Attribute Prediction Benchmark (Liu et al., CVPR 2016).

Task 0 is categorical and called `category`; the binary attributes follow in file order, grouped by
the file's types.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import torch

from mtattr.data.decode import Files, decoded_images, find_image_folder
from mtattr.data.deepfashion_tables import ABOUT, Tables, find_place, read_tables
from mtattr.data.folders import is_generated, user_path
from mtattr.data.image_data import ImageData
from mtattr.data.options import ImageSize, check_choice, check_options, checked_names, limited_rows
from mtattr.errors import InputError
from mtattr.tasks import Task, TaskSet

PAPER_CLASSES = ("Blouse", "Tank", "Shorts", "Skirt")

# Maeda et al., Table 1. Its Skirt column sums to 14774, one more than in the public copies.
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
    """One official split of the benchmark: whole images squeezed to `image_size` and cached.

    `facts["counts"]` gives the images per class before `limit` and `skip_bad`, and
    `facts["published"]` those of Maeda et al., Table 1, for comparison: copies in the wild differ
    by a few images.

    Args:
        root: folder with `Anno_coarse` (or `Anno`, `Anno_fine`), `Eval` and `Img`, or the
            annotation folder itself.
        classes: categories to keep, which become the classes 0, 1, ...; None keeps every category
            that has images (46 of the 50). Images of other categories are left out.
        attributes: attributes to keep, in the order wanted; None keeps all.
        annotation: "coarse" (1000 attributes, 289,222 images), "fine" (26 attributes, 20,000
            images), or None for what is there.
        crop: "box" cuts each image to its bounding box, "none" does not; the paper mentions no box.
        unknown: what the label 0 becomes, "mask" (NaN) or "negative" (0).
        skip_bad: leave out damaged images and list them in `facts["skipped"]`.

    Raises:
        InputError: a file is missing, damaged or contradictory; nothing is cached then.
    """
    check_options("deepfashion", split, image_size, limit)
    check_choice("deepfashion", "crop", crop, ("none", "box"))
    check_choice("deepfashion", "unknown", unknown, ("mask", "negative"))
    place = find_place(root, annotation)
    tables = read_tables(place, boxes=crop == "box")
    chosen = _chosen_categories(tables, classes)
    columns, tasks = _chosen_attributes(tables, attributes)
    names = tuple(tables.category_names[c] for c in chosen)
    class_of = np.full(len(tables.category_names), -1)
    class_of[chosen] = np.arange(len(chosen))

    rows = np.flatnonzero((tables.split == split) & (class_of[tables.category] >= 0))
    if not len(rows):
        raise InputError(
            f"{place.annotations}: the {split} split has no image of the categories "
            f"{', '.join(names)}"
        )
    found = Counter(tables.category[rows].tolist())
    counts = {tables.category_names[c]: found[c] for c in chosen}
    rows = rows[limited_rows(len(rows), limit, seed)]

    keys = tuple(tables.images[row] for row in rows)
    boxes = tuple(tables.boxes[row] for row in rows) if tables.boxes is not None else None
    files = Files(find_image_folder(place.image_folders, keys, ABOUT), keys, boxes)
    images, kept, skipped = decoded_images(
        "deepfashion", files, image_size, split=split, skip_bad=skip_bad
    )
    rows = rows[kept]

    return ImageData(
        images=images,
        labels=_labels(class_of[tables.category[rows]], tables.values[rows][:, columns], unknown),
        tasks=TaskSet([Task("category", "categorical", names, group="category"), *tasks]),
        keys=tuple(keys[i] for i in kept),
        name="deepfashion",
        split=split,
        generated=is_generated(user_path(root), place.annotations.parent),
        source="DeepFashion, Category and Attribute Prediction Benchmark (Liu et al., CVPR 2016)",
        terms="Non-commercial research and education only, by agreement with the Multimedia "
        "Laboratory, CUHK",
        facts={
            "layout": place.kind,
            "crop": crop,
            "counts": counts,
            "published": published_counts(split, counts),
            "skipped": [keys[i] for i in skipped],
        },
    )


def published_counts(split: str, classes: Iterable[str]) -> dict[str, int]:
    """Images per class in Table 1 of Maeda et al., for the given classes that it lists."""
    published = PAPER_COUNTS.get(split, {})
    return {
        name: published[ALIASES.get(name, name)]
        for name in classes
        if ALIASES.get(name, name) in published
    }


def _chosen_categories(tables: Tables, classes: Sequence[str] | None) -> list[int]:
    with_images = set(tables.category.tolist())
    if classes is None:
        chosen = sorted(with_images)
    else:
        index = {name: i for i, name in enumerate(tables.category_names)}
        index |= {alias: index[name] for alias, name in ALIASES.items() if name in index}
        names = checked_names("deepfashion: classes", classes, index)
        chosen = [index[name] for name in names]
        for name, position in zip(names, chosen, strict=True):
            if position not in with_images:
                raise InputError(f"deepfashion: category {name!r} has no image in any split")
    if len(set(chosen)) < max(2, len(chosen)):
        raise InputError(
            "deepfashion: classes must name at least two different categories with images, "
            f"got {classes}"
        )
    return chosen


def _chosen_attributes(
    tables: Tables, wanted: Sequence[str] | None
) -> tuple[list[int], list[Task]]:
    repeated = Counter(name for name, _ in tables.attributes)
    repeated["category"] += 1
    # One word can name attributes of two types, and a task needs a name of its own.
    names = [
        f"{name} ({group})" if repeated[name] > 1 else name for name, group in tables.attributes
    ]
    if wanted is not None:
        wanted = checked_names("deepfashion: attributes", wanted, names)
    index = {name: c for c, name in enumerate(names)}
    columns = [index[name] for name in (names if wanted is None else wanted)]
    return columns, [Task(names[c], group=tables.attributes[c][1]) for c in columns]


def _labels(classes: np.ndarray, values: np.ndarray, unknown: str) -> torch.Tensor:
    attributes = (values == 1).astype(np.float32)
    if unknown == "mask":
        attributes[values == 0] = np.nan
    return torch.from_numpy(
        np.concatenate([classes[:, None].astype(np.float32), attributes], axis=1)
    )
