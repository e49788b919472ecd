"""Annotation files of DeepFashion's attribute prediction benchmark, joined by image."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtattr.data.annotations import (
    box,
    check_image_path,
    codes,
    fault,
    image_rows,
    joined,
    number_within,
    one_of,
    read_names,
    table_rows,
)
from mtattr.data.cache import cached_images
from mtattr.data.decode import Box
from mtattr.data.folders import root_folder
from mtattr.data.options import SPLITS, check_choice
from mtattr.errors import InputError

ABOUT = (
    "; DeepFashion's Category and Attribute Prediction Benchmark is handed out for non-commercial "
    "research on the DeepFashion project page of the Multimedia Laboratory, The Chinese "
    "University of Hong Kong"
)
TYPES = {
    "coarse": ("texture", "fabric", "shape", "part", "style"),
    "fine": ("texture", "sleeve", "length", "neckline", "fabric", "fit"),
}
FOLDERS = {"coarse": ("Anno_coarse", "Anno"), "fine": ("Anno_fine",)}
# A file of this many bytes takes seconds to read, so its int8 form is kept in the cache.
LARGE = 1 << 26


@dataclass(frozen=True)
class Place:
    """Folders of one copy: `annotations` holds the tables, `base` is the folder above."""

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

    Args:
        category: int64 `(N,)`, positions in `category_names`.
        values: int8 `(N, A)`, 1 present, -1 absent, 0 unknown.
        attributes: (name, group) of each column of `values`.
    """

    images: tuple[str, ...]
    split: np.ndarray
    category: np.ndarray
    category_names: tuple[str, ...]
    values: np.ndarray
    attributes: tuple[tuple[str, str], ...]
    boxes: tuple[Box, ...] | None


def find_place(root: str | Path | None, annotation: str | None) -> Place:
    """The folder `Anno_coarse`, `Anno` or `Anno_fine` below `root`, or `root` if it is one.

    Args:
        annotation: "coarse" (1000 attributes), "fine" (26), or None for the first that is there.
    """
    if annotation is not None:
        check_choice("deepfashion", "annotation", annotation, FOLDERS)
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
    """Every table that is needed, read and checked; the box table only with `boxes`.

    Raises `InputError` for a missing or damaged file and for images that one table lists and
    another does not.
    """
    folders = [place.annotations, *(place.base / name for name in ("Anno_coarse", "Anno"))]
    path = _first([folder / "list_category_cloth.txt" for folder in folders])
    categories = [name for name, _ in read_names(path, about=ABOUT)]
    twice = [name for name, n in Counter(categories).items() if n > 1]
    if twice:
        raise InputError(f"{path}: category {twice[0]!r} is given twice")
    attributes = _attribute_groups(place)
    read = _read_coarse if place.kind == "coarse" else _read_fine
    images, split, category, values, found_boxes = read(
        place, len(categories), len(attributes), boxes
    )
    return Tables(
        images=tuple(images),
        split=np.array(split),
        category=np.array(category, dtype=np.int64) - 1,
        category_names=tuple(categories),
        values=values,
        attributes=attributes,
        boxes=tuple(found_boxes) if boxes else None,
    )


def _attribute_groups(place: Place) -> tuple[tuple[str, str], ...]:
    path, types = place.annotations / "list_attr_cloth.txt", TYPES[place.kind]
    found = read_names(path, about=ABOUT)
    for name, number in found:
        if place.kind == "coarse" and not 1 <= number <= len(types):
            raise InputError(
                f"{path}: attribute {name!r} has the type {number}, outside 1..{len(types)}"
            )
    return tuple(
        (name, types[number - 1] if 1 <= number <= len(types) else "") for name, number in found
    )


def _read_coarse(place: Place, num_categories: int, num_attributes: int, boxes: bool):
    folders = (place.base / "Eval", place.base, place.annotations)
    partition = _first([folder / "list_eval_partition.txt" for folder in folders])
    rows: dict[str, int] = {}
    convert = one_of(partition, SPLITS, "split")
    table = image_rows(partition, about=ABOUT)
    split = [
        convert(number, fields)
        for _, number, fields in joined(partition, table, 1, rows, unknown="add")
    ]
    if not split:
        raise InputError(f"{partition}: expected images, the file lists none")

    def column(file: str, width: int, converter) -> list:
        path, out = place.annotations / file, [None] * len(rows)
        convert = converter(path)
        for row, number, fields in joined(path, image_rows(path, about=ABOUT), width, rows):
            out[row] = convert(number, fields)
        return out

    category = column("list_category_img.txt", 1, _category_id(num_categories))
    found_boxes = column("list_bbox.txt", 4, box) if boxes else []
    values = _attribute_values(place.annotations / "list_attr_img.txt", rows, num_attributes)
    return rows, split, category, values, found_boxes


def _category_id(num_categories: int):
    return lambda path: number_within(path, range(1, num_categories + 1), "category id")


def _read_fine(place: Place, num_categories: int, num_attributes: int, boxes: bool):
    # These lists carry no names: their rows belong together by position.
    split_of, category, values, found_boxes = {}, [], [], []
    for split in SPLITS:
        path, before = place.annotations / f"{split}.txt", len(split_of)
        for number, name in table_rows(path, header=False, about=ABOUT):
            check_image_path(path, number, name)
            if name in split_of:
                again = f"image {name!r} is given again, first in {split_of[name]}.txt"
                raise fault(path, number, again)
            split_of[name] = split
        count = len(split_of) - before
        for part, found, width, converter in (
            ("cate", category, 1, _category_id(num_categories)),
            ("bbox", found_boxes, 4, box),
            ("attr", values, num_attributes, lambda path: codes(path, {"0": -1, "1": 1})),
        ):
            if part != "bbox" or boxes:
                path = place.annotations / f"{split}_{part}.txt"
                found += _column(path, count, width, converter(path))
    if not split_of:
        raise InputError(
            f"{place.annotations}: expected images in train.txt, val.txt and test.txt, got none"
        )
    # The fine labels are complete: 0 says absent, whereas in the coarse table it says unknown.
    return split_of, list(split_of.values()), category, np.stack(values), found_boxes


def _column(path: Path, expected: int, width: int, convert) -> list:
    found = []
    for number, line in table_rows(path, header=False, about=ABOUT):
        fields = line.split()
        if len(fields) != width:
            values = f"{width} value{'s' * (width != 1)}"
            raise fault(path, number, f"expected {values}, got {len(fields)}")
        found.append(convert(number, fields))
    if len(found) != expected:
        raise InputError(f"{path}: expected {expected} rows, one per image, got {len(found)}")
    return found


def _attribute_values(path: Path, rows: dict[str, int], num_attributes: int) -> np.ndarray:
    def fill(out: np.ndarray) -> None:
        convert = codes(path, {"-1": -1, "0": 0, "1": 1})
        table = image_rows(path, about=ABOUT)
        for row, number, fields in joined(path, table, num_attributes, rows):
            out.view(np.int8)[row] = convert(number, fields)

    shape = (len(rows), num_attributes)
    if not path.is_file() or path.stat().st_size < LARGE:
        values = np.empty(shape, dtype=np.int8)
        fill(values)
        return values
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update("\n".join(rows).encode())
    cached = cached_images("deepfashion-attributes", {"source": digest.hexdigest()}, shape, fill)
    return cached.numpy().view(np.int8)


def _first(candidates: list[Path]) -> Path:
    return next((path for path in candidates if path.is_file()), candidates[0])
