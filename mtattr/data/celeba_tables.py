"""CelebA's annotation files in every usual layout, read and joined by file name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from mtattr.data.annotations import (
    codes,
    fault,
    joined,
    number_within,
    one_of,
    table_rows,
    whole_number,
)
from mtattr.data.celeba_attributes import NAMES
from mtattr.data.folders import root_folder
from mtattr.errors import InputError

ABOUT = (
    "; CelebA is handed out for non-commercial research and education on the CelebA project page "
    "of the Multimedia Laboratory, The Chinese University of Hong Kong"
)
#: MD5 of the official text files.
MD5 = {
    "list_attr_celeba": "75e246fa4810816ffd6ee81facbd244c",
    "list_eval_partition": "d32c9cbf5e040fd4025c592c306e6668",
    "identity_CelebA": "32bd1bd63d3c78cd57e08160ec5ed1e2",
    "list_bbox_celeba": "00566efa6fedff7a56946cd1c10f1c16",
    "list_landmarks_align_celeba": "cc24ecafdb5b50baae59b03474781f8c",
    "list_landmarks_celeba": "063ee6ddb681f96bc9ca28c6febb9d1a",
}
# The two official tables without header lines.
_WITHOUT_HEADER = ("list_eval_partition", "identity_CelebA")
_IMAGE_NAME = re.compile(r"[0-9]{6}\.(jpg|jpeg|png)")


@dataclass(frozen=True)
class Place:
    """Folder of one copy: `base` holds the tables, or the folders `Anno`, `Eval` and `Img`."""

    base: Path

    def table(self, stem: str) -> Path:
        """The official text or a copy's CSV of one table; where it should be if it is nowhere."""
        for suffix in (".txt", ".csv"):
            for folder in ("Anno", "Eval", "."):
                if (path := self.base / folder / f"{stem}{suffix}").is_file():
                    return path
        folder = "Eval" if stem == "list_eval_partition" else "Anno"
        return self.base / (folder if (self.base / folder).is_dir() else ".") / f"{stem}.txt"

    @property
    def layout(self) -> str:
        """Layout of the tables: "nested" in `Anno` and `Eval`, or "flat"; CSV tables are named."""
        attributes = self.table("list_attr_celeba")
        kind = "flat" if attributes.parent == self.base else "nested"
        return f"{kind}, CSV tables" if attributes.suffix == ".csv" else kind


def find_place(root) -> Place:
    """The copy at `root`, in its folder `celeba`, or around it if it is `Anno`, `Eval` or `Img`.

    Raises `InputError` if root is no folder or none of these places holds the attribute table.
    """
    root = root_folder(
        "celeba", root, "Anno, Eval and Img, or list_attr_celeba.txt and img_align_celeba", ABOUT
    )
    around = (root.absolute().parent,) if root.name in ("Anno", "Eval", "Img") else ()
    places = [Place(base) for base in (*around, root, root / "celeba", root / "CelebA")]
    for place in places:
        if place.table("list_attr_celeba").is_file():
            return place
    raise InputError(
        f"{places[0].table('list_attr_celeba')}: file missing, "
        f"also as .csv and in the folder celeba{ABOUT}"
    )


@dataclass(frozen=True)
class Tables:
    """All images of all splits, in the order of the partition file.

    Args:
        split: int8 `(N,)`, 0 train, 1 validation, 2 test.
        present: bool `(N, 40)`, attributes in official order.
        identities: int64 `(N,)`, or None where the copy has no identity file.
    """

    images: tuple[str, ...]
    split: np.ndarray
    present: np.ndarray
    identities: np.ndarray | None


def read_tables(place: Place) -> Tables:
    """The partition, the attributes and, if they are there, the identities, all checked."""
    partition, rows = place.table("list_eval_partition"), {}
    convert = one_of(partition, ("0", "1", "2"), "split (train, validation, test)")
    split = [
        int(convert(number, fields))
        for _, number, fields in joined(partition, _images(partition), 1, rows, unknown="add")
    ]
    if not split:
        raise InputError(f"{partition}: expected images, the file lists none")
    identities = place.table("identity_CelebA")
    return Tables(
        images=tuple(rows),
        split=np.array(split, dtype=np.int8),
        present=_attributes(place.table("list_attr_celeba"), rows),
        identities=_identities(identities, rows) if identities.is_file() else None,
    )


def read_numbers(
    place: Place, stem: str, images: Sequence[str], width: int
) -> tuple[np.ndarray, list[int]]:
    """Rows of the given images in a table of positions: int64 `(n, width)`, and their lines.

    Rows of other images are passed over. Raises `InputError` for an image without a row.
    """
    path = place.table(stem)
    out = np.empty((len(images), width), dtype=np.int64)
    lines = [0] * len(images)
    rows = {image: row for row, image in enumerate(images)}
    convert = number_within(path, range(1 - 2**31, 2**31), "a position in pixels")
    for row, number, fields in joined(path, _rows(path), width, rows, unknown="skip"):
        lines[row] = number
        out[row] = [convert(number, [field]) for field in fields]
    return out, lines


def _attributes(path: Path, rows: dict[str, int]) -> np.ndarray:
    columns = _columns(path)
    if sorted(columns) != sorted(NAMES):
        odd = [name for name in columns if name not in NAMES]
        odd = odd or [name for name in NAMES if name not in columns]
        first = f"the first unknown or missing one is {odd[0][:40]!r}" if odd else "one is twice"
        raise InputError(
            f"{path}: expected the {len(NAMES)} official attribute names in the header, "
            f"got {len(columns)}; {first}"
        )
    convert = codes(path, {"-1": 0, "1": 1})
    found = np.empty((len(rows), len(columns)), dtype=bool)
    for row, number, fields in joined(path, _rows(path), len(columns), rows):
        found[row] = convert(number, fields)
    # Columns of a rewritten copy may stand in another order.
    return found if columns == list(NAMES) else found[:, [columns.index(name) for name in NAMES]]


def _identities(path: Path, rows: dict[str, int]) -> np.ndarray:
    found = np.empty(len(rows), dtype=np.int64)
    convert = number_within(path, range(1, 2**31), "an identity number")
    for row, number, fields in joined(path, _rows(path), 1, rows, unknown="skip"):
        found[row] = convert(number, fields)
    return found


def _images(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    for number, image, fields in _rows(path):
        if not _IMAGE_NAME.fullmatch(image):
            expected = "expected an image name of six digits such as 000001.jpg"
            raise fault(path, number, f"{expected}, got {image[:40]!r}")
        yield number, image, fields


def _rows(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """(line number, image, further fields) of each row, without the header lines."""
    csv = path.suffix == ".csv"
    lines = table_rows(path, header=not csv and path.stem not in _WITHOUT_HEADER, about=ABOUT)
    if csv:
        _columns(path)
        next(lines)
    for number, line in lines:
        image, *fields = map(str.strip, line.split(",")) if csv else line.split()
        yield number, image, fields


def _columns(path: Path) -> list[str]:
    """The column names in the header, without the one for the image."""
    csv = path.suffix == ".csv"
    lines = table_rows(path, header=False, about=ABOUT)
    heads = list(islice(lines, 1 if csv else 2))
    if csv:
        number, line = heads[0] if heads else (1, "")
        first, *columns = map(str.strip, line.split(","))
        if first != "image_id":
            expected = "expected a CSV header that begins with image_id"
            raise fault(path, number, f"{expected}, got {first[:40]!r}")
        return columns
    if heads:
        whole_number(path, *heads[0], "the number of rows")
    return heads[1][1].split() if len(heads) == 2 else []
