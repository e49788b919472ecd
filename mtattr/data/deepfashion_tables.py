"""The annotation files of DeepFashion's Category and Attribute Prediction Benchmark, found, read and joined by name."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtattr.data.annotations import (
    box,
    check_image_path,
    fill_values,
    number_within,
    one_of,
    read_fields,
    read_names,
    table_rows,
)
from mtattr.data.cache import cached_images
from mtattr.data.decode import Box
from mtattr.data.folders import root_folder
from mtattr.data.options import SPLITS
from mtattr.errors import InputError

ABOUT = (
    "; DeepFashion's Category and Attribute Prediction Benchmark is handed out for non-commercial research on the DeepFashion "
    "project page of the Multimedia Laboratory, The Chinese University of Hong Kong"
)
TYPES = {
    "coarse": ("texture", "fabric", "shape", "part", "style"),
    "fine": ("texture", "sleeve", "length", "neckline", "fabric", "fit"),
}
FOLDERS = {"coarse": ("Anno_coarse", "Anno"), "fine": ("Anno_fine",)}
# A file of this many bytes takes seconds to read, so that its int8 form is kept in the cache.
LARGE = 1 << 26


@dataclass(frozen=True)
class Place:
    """Where the parts of one copy lie: `annotations` holds the tables, `base` is the folder above."""

    kind: str
    annotations: Path
    base: Path

    @property
    def image_folders(self) -> tuple[Path, ...]:
        """Folders that may hold the `img/` with which the image names begin."""
        below = tuple(
            self.base / name for name in ("Img", "img", "Img/img", "img-001", "Img/img-001")
        )
        return (self.base, *below, self.annotations)


@dataclass(frozen=True)
class Tables:
    """All images of all splits, in file order.

    category: int64 `(N,)`, positions in `category_names`. values: int8 `(N, A)` with 1 present, -1 absent, 0 unknown.
    """

    images: tuple[str, ...]
    split: np.ndarray
    category: np.ndarray
    category_names: tuple[str, ...]
    values: np.ndarray
    attributes: tuple[tuple[str, str], ...]
    boxes: tuple[Box, ...] | None


def find_place(root: str | Path | None, annotation: str | None) -> Place:
    """Look for `Anno_coarse`, `Anno` or `Anno_fine` below `root`; `root` may itself be one of them.

    `annotation`: "coarse" (1000 attributes), "fine" (26), or None for the first that is there, coarse before fine.
    """
    if annotation not in (None, *FOLDERS):
        raise InputError(
            f"deepfashion: annotation {annotation!r} is not one of {', '.join(FOLDERS)}"
        )
    root = root_folder("deepfashion", root, "Anno_coarse, Eval and Img", ABOUT)
    kinds = [annotation] if annotation else list(FOLDERS)
    for kind in kinds:
        for name in FOLDERS[kind]:
            if (root / name).is_dir():
                return Place(kind, root / name, root)
    for kind, mark in (
        ("coarse", "list_attr_img.txt"),
        ("coarse", "list_category_img.txt"),
        ("fine", "train_attr.txt"),
    ):
        if kind in kinds and (root / mark).is_file():
            return Place(kind, root, root.absolute().parent)
    names = ", ".join(name for kind in kinds for name in FOLDERS[kind])
    raise InputError(f"{root}: annotation folder missing; expected one of {names}{ABOUT}")


def read_tables(place: Place, *, boxes: bool) -> Tables:
    """Read and check every table that is needed; the box table only with `boxes`.

    Raises `InputError` for a missing or damaged file and for images that one table lists and another does not.
    """
    categories_path = _first(
        [folder / "list_category_cloth.txt" for folder in _category_folders(place)]
    )
    categories = read_names(categories_path, about=ABOUT)
    if not categories:
        raise InputError(f"{categories_path}: expected category names, the file has none")
    twice = [name for name, n in Counter(name for name, _ in categories).items() if n > 1]
    if twice:
        raise InputError(f"{categories_path}: category {twice[0]!r} is given twice")
    attributes = _attribute_groups(place)
    read = _read_coarse if place.kind == "coarse" else _read_fine
    images, split, category, values, found_boxes = read(
        place, len(categories), len(attributes), boxes
    )
    return Tables(
        images=tuple(images),
        split=np.array(split),
        category=np.array(category, dtype=np.int64) - 1,
        category_names=tuple(name for name, _ in categories),
        values=values,
        attributes=attributes,
        boxes=tuple(found_boxes) if boxes else None,
    )


def _category_folders(place: Place) -> list[Path]:
    return [place.annotations, *(place.base / name for name in ("Anno_coarse", "Anno"))]


def _attribute_groups(place: Place) -> tuple[tuple[str, str], ...]:
    path = place.annotations / "list_attr_cloth.txt"
    types = TYPES[place.kind]
    found = read_names(path, about=ABOUT)
    if not found:
        raise InputError(f"{path}: expected attribute names, the file has none")
    for name, number in found:
        if place.kind == "coarse" and not 1 <= number <= len(types):
            raise InputError(
                f"{path}: attribute {name!r} has the type {number}, outside 1..{len(types)}"
            )
    return tuple(
        (name, types[number - 1] if 1 <= number <= len(types) else "") for name, number in found
    )


def _read_coarse(place: Place, num_categories: int, num_attributes: int, boxes: bool):
    partition = _first(
        [
            folder / "list_eval_partition.txt"
            for folder in (place.base / "Eval", place.base, place.annotations)
        ]
    )
    split = read_fields(partition, 1, one_of(partition, SPLITS, "split"), about=ABOUT)
    if not split:
        raise InputError(f"{partition}: expected images, the file lists none")
    path = place.annotations / "list_category_img.txt"
    category = read_fields(
        path, 1, number_within(path, range(1, num_categories + 1), "category id"), about=ABOUT
    )
    _check_same_images(partition, split, path, category)
    found_boxes = {}
    if boxes:
        path = place.annotations / "list_bbox.txt"
        found_boxes = read_fields(path, 4, box(path), about=ABOUT)
        _check_same_images(partition, split, path, found_boxes)
    values = _attribute_values(
        place.annotations / "list_attr_img.txt", tuple(split), num_attributes
    )
    words, ids = ([table[image][0] for image in split] for table in (split, category))
    return (
        list(split),
        words,
        ids,
        values,
        [found_boxes[image][0] for image in split] if boxes else [],
    )


def _read_fine(place: Place, num_categories: int, num_attributes: int, boxes: bool):
    images, splits, category, values, found_boxes, first = [], [], [], [], [], {}
    for split in SPLITS:
        # These lists carry no names: their rows belong together by position.
        path = place.annotations / f"{split}.txt"
        names = []
        for number, name in table_rows(path, header=False, about=ABOUT):
            check_image_path(path, number, name)
            names.append(name)
            if name in first:
                raise InputError(
                    f"{path}: image {name!r} is given again, first in {first[name]}.txt"
                )
            first[name] = split
        images += names
        splits += [split] * len(names)
        path = place.annotations / f"{split}_cate.txt"
        category += _column(
            path, len(names), 1, number_within(path, range(1, num_categories + 1), "category id")
        )
        if boxes:
            path = place.annotations / f"{split}_bbox.txt"
            found_boxes += _column(path, len(names), 4, box(path))
        block = np.empty((len(names), num_attributes), dtype=np.int8)
        fill_values(
            block, place.annotations / f"{split}_attr.txt", None, (0, 1), header=False, about=ABOUT
        )
        values.append(block)
    if not images:
        raise InputError(
            f"{place.annotations}: expected images in train.txt, val.txt and test.txt, they list none"
        )
    # The fine labels are complete: 0 says absent, whereas in the coarse table it says unknown.
    return images, splits, category, np.concatenate(values) * np.int8(2) - np.int8(1), found_boxes


def _column(path: Path, expected: int, count: int, convert) -> list:
    found = []
    for number, line in table_rows(path, header=False, about=ABOUT):
        fields = line.split()
        if len(fields) != count:
            raise InputError(
                f"{path}, line {number}: expected {count} value{'s' * (count != 1)}, got {len(fields)}"
            )
        found.append(convert(number, fields))
    if len(found) != expected:
        raise InputError(
            f"{path}: expected {expected} rows, one for each image, the file has {len(found)}"
        )
    return found


def _attribute_values(path: Path, images: tuple[str, ...], num_attributes: int) -> np.ndarray:
    rows = {image: row for row, image in enumerate(images)}
    shape = (len(images), num_attributes)
    if not path.is_file() or path.stat().st_size < LARGE:
        values = np.empty(shape, dtype=np.int8)
        fill_values(values, path, rows, (-1, 0, 1), about=ABOUT)
        return values
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update("\n".join(images).encode())
    cached = cached_images(
        "deepfashion-attributes",
        {"source": digest.hexdigest()},
        shape,
        lambda out: fill_values(out.view(np.int8), path, rows, (-1, 0, 1), about=ABOUT),
    )
    return cached.numpy().view(np.int8)


def _check_same_images(path: Path, images: dict, other_path: Path, others: dict) -> None:
    for here, there, there_path, here_path in (
        (images, others, other_path, path),
        (others, images, path, other_path),
    ):
        missing = [image for image in here if image not in there]
        if missing:
            raise InputError(
                f"{there_path}: no row for image {missing[0]!r}, which {here_path} lists ({len(missing)} images have none)"
            )


def _first(candidates: list[Path]) -> Path:
    return next((path for path in candidates if path.is_file()), candidates[0])
