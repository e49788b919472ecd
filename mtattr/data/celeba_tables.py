"""CelebA's annotation files, found in every layout that is in use, read and joined by file name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtattr.data.annotations import fault, table_rows, whole_number
from mtattr.data.celeba_attributes import NAMES
from mtattr.data.folders import root_folder
from mtattr.errors import InputError

ABOUT = (
    "; CelebA is handed out for non-commercial research and education on the CelebA project page of the Multimedia "
    "Laboratory, The Chinese University of Hong Kong"
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
_SUFFIXES = (".txt", ".csv")
_FOLDERS = ("Anno", "Eval", ".")


@dataclass(frozen=True)
class Place:
    """Where one copy lies: `base` holds the tables, or the folders `Anno`, `Eval` and `Img`."""

    base: Path

    def table(self, stem: str) -> Path:
        """The table called `stem`, as official text or as the CSV of other copies; where it should be if it is nowhere."""
        candidates = self._candidates(stem)
        return next((path for path in candidates if path.is_file()), self._expected(stem))

    def _candidates(self, stem: str) -> list[Path]:
        return [
            self.base / folder / f"{stem}{suffix}" for suffix in _SUFFIXES for folder in _FOLDERS
        ]

    def _expected(self, stem: str) -> Path:
        folder = "Eval" if stem == "list_eval_partition" else "Anno"
        return self.base / (folder if (self.base / folder).is_dir() else ".") / f"{stem}.txt"

    @property
    def layout(self) -> str:
        """How the tables lie: "nested" in `Anno` and `Eval`, or "flat"; CSV files are said so."""
        attributes = self.table("list_attr_celeba")
        kind = "flat" if attributes.parent == self.base else "nested"
        return f"{kind}, CSV tables" if attributes.suffix == ".csv" else kind


def find_place(root) -> Place:
    """The copy at `root`, in its folder `celeba` (or `CelebA`), or around `root` if that is `Anno`, `Eval` or `Img`.

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
        f"{places[0].table('list_attr_celeba')}: file missing, also as .csv and in the folder celeba{ABOUT}"
    )


@dataclass(frozen=True)
class Tables:
    """All images of all splits, in the order of the partition file.

    split: int8 `(N,)`, 0 train, 1 validation, 2 test. present: bool `(N, 40)` in official order. identities: int64
    `(N,)` or None where the copy has no identity file.
    """

    images: tuple[str, ...]
    split: np.ndarray
    present: np.ndarray
    identities: np.ndarray | None


def read_tables(place: Place) -> Tables:
    """Read and check the partition, the attributes and, if they are there, the identities."""
    partition = place.table("list_eval_partition")
    first: dict[str, int] = {}
    split = []
    for number, image, fields in _rows(partition):
        if not _IMAGE_NAME.fullmatch(image):
            raise fault(
                partition,
                number,
                f"expected an image name of six digits such as 000001.jpg, got {image[:40]!r}",
            )
        if image in first:
            raise fault(
                partition, number, f"{image!r} is given again, first in line {first[image]}"
            )
        first[image] = number
        if len(fields) != 1 or fields[0] not in ("0", "1", "2"):
            raise fault(
                partition,
                number,
                f"expected one of 0, 1, 2 (train, validation, test) after {image!r}, got {' '.join(fields)[:40]!r}",
            )
        split.append(int(fields[0]))
    if not split:
        raise InputError(f"{partition}: expected images, the file lists none")
    rows = {image: row for row, image in enumerate(first)}
    identities = place.table("identity_CelebA")
    return Tables(
        images=tuple(first),
        split=np.array(split, dtype=np.int8),
        present=_attributes(place.table("list_attr_celeba"), rows),
        identities=_identities(identities, rows) if identities.is_file() else None,
    )


def read_numbers(
    place: Place, stem: str, images: Sequence[str], width: int
) -> tuple[np.ndarray, list[int]]:
    """The rows of the given images in a table of whole numbers: int64 `(n, width)`, and the line of each.

    Rows of other images are read and passed over. Raises `InputError` for an image without a row.
    """
    path = place.table(stem)
    out = np.empty((len(images), width), dtype=np.int64)
    lines = [0] * len(images)

    def put(row: int, number: int, fields: list[str]) -> None:
        lines[row] = number
        for column, field in enumerate(fields):
            value = whole_number(path, number, field, "a position in pixels")
            if abs(value) >= 2**31:
                raise fault(path, number, f"expected a position in pixels, got {field[:40]}")
            out[row, column] = value

    _join(path, {image: row for row, image in enumerate(images)}, width, put, others=True)
    return out, lines


def _attributes(path: Path, rows: Mapping[str, int]) -> np.ndarray:
    columns = _columns(path)
    if sorted(columns) != sorted(NAMES):
        wrong = [name for name in columns if name not in NAMES] or [
            name for name in NAMES if name not in columns
        ]
        about = (
            f"the first that is too much or missing is {wrong[0][:40]!r}"
            if wrong
            else "one is given twice"
        )
        raise InputError(
            f"{path}: expected the {len(NAMES)} official attribute names in the header, got {len(columns)}; {about}"
        )
    code = {"-1": 0, "1": 1}
    found = np.empty((len(rows), len(columns)), dtype=bool)

    def put(row: int, number: int, fields: list[str]) -> None:
        try:
            found[row] = np.frombuffer(bytes(map(code.__getitem__, fields)), dtype=bool)
        except KeyError as error:
            raise fault(
                path, number, f"attribute value {error.args[0][:40]!r} is not one of -1, 1"
            ) from None

    _join(path, rows, len(columns), put)
    # Columns of a rewritten copy may stand in another order.
    return found if columns == list(NAMES) else found[:, [columns.index(name) for name in NAMES]]


def _identities(path: Path, rows: Mapping[str, int]) -> np.ndarray:
    found = np.empty(len(rows), dtype=np.int64)

    def put(row: int, number: int, fields: list[str]) -> None:
        identity = whole_number(path, number, fields[0], "an identity")
        if not 1 <= identity < 2**31:
            raise fault(
                path, number, f"expected an identity number of at least 1, got {fields[0][:40]}"
            )
        found[row] = identity

    _join(path, rows, 1, put, others=True)
    return found


def _join(
    path: Path,
    rows: Mapping[str, int],
    width: int,
    put: Callable[[int, int, list[str]], None],
    *,
    others: bool = False,
) -> None:
    """Call `put(row, line number, fields)` once for each image of `rows`; `others` allows rows of further images."""
    seen = [0] * len(rows)
    further = {}
    for number, image, fields in _rows(path):
        if len(fields) != width:
            raise fault(
                path,
                number,
                f"expected an image name and {width} value{'s' * (width != 1)}, got {len(fields)} after {image[:40]!r}",
            )
        row = rows.get(image)
        if row is None and not others:
            raise fault(
                path,
                number,
                f"image {image[:40]!r} is in no split: the partition file does not list it",
            )
        first = further.get(image) if row is None else seen[row]
        if first:
            raise fault(path, number, f"{image[:40]!r} is given again, first in line {first}")
        if row is None:
            further[image] = number
            continue
        put(row, number, fields)
        seen[row] = number
    without = seen.count(0)
    if without:
        image = next(name for name, row in rows.items() if not seen[row])
        raise InputError(
            f"{path}: no row for image {image!r}, which is needed ({without} images have none)"
        )


def _rows(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """(line number, image, further fields) of each row, without the header lines."""
    csv = path.suffix == ".csv"
    lines = table_rows(path, header=not csv and path.stem not in _WITHOUT_HEADER, about=ABOUT)
    if csv:
        _columns(path)
        next(lines)
    for number, line in lines:
        if csv:
            image, *fields = (field.strip() for field in line.split(","))
        else:
            image, *fields = line.split()
        yield number, image, fields


def _columns(path: Path) -> list[str]:
    """The column names in the header, without the one for the image."""
    csv = path.suffix == ".csv"
    lines = table_rows(path, header=False, about=ABOUT)
    heads = [
        (number, line) for (number, line), _ in zip(lines, range(1 if csv else 2), strict=False)
    ]
    if csv:
        number, line = heads[0] if heads else (1, "")
        first, *columns = (field.strip() for field in line.split(","))
        if first != "image_id":
            raise fault(
                path, number, f"expected a CSV header that begins with image_id, got {first[:40]!r}"
            )
        return columns
    if heads:
        whole_number(path, *heads[0], "the number of rows")
    return heads[1][1].split() if len(heads) == 2 else []
