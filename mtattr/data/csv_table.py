"""A table of images and attributes as people write it, and the tasks in its columns."""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from mtattr.data.annotations import check_image_path, fault, reading
from mtattr.errors import InputError
from mtattr.tasks import Task

IMAGE, SPLIT, IDENTITY = "image", "split", "identity"
SPLIT_WORDS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}

_UNKNOWN = ("", "nan")
# Written by programs for a cell without a value, but possible as the name of a class.
_UNCLEAR = ("na", "n/a", "<na>", "#n/a", "null")
_TRUTH = {"true": 1.0, "false": 0.0}
_YES = {"yes": 1.0, "no": 0.0}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
# A longer column of text that never repeats names its rows; it does not sort them into classes.
_MOST_ALL_DIFFERENT = 20


@dataclass(frozen=True)
class CsvTable:
    """All rows in file order.

    Args:
        lines: the line in which each image stands.
        splits, identities: None without such a column.
        columns: {name: stripped cells} of every other column, in order.
    """

    path: Path
    delimiter: str
    images: tuple[str, ...]
    lines: tuple[int, ...]
    splits: tuple[str, ...] | None
    identities: tuple[str, ...] | None
    columns: dict[str, tuple[str, ...]]


def read_table(path: Path) -> CsvTable:
    """A table with a header in UTF-8, separated by commas, semicolons or tabs.

    Raises `InputError`, naming file and line, for a header without `image`, with an empty name or
    one twice, a row of another length, an image that is given twice or lies outside the folder, an
    unknown split word and an empty identity.
    """
    rows = _rows(path)
    header_line, header, delimiter = next(rows, (0, [], ""))
    if not header:
        raise InputError(f"{path}: expected a header with the column {IMAGE!r}, the file is empty")
    names = _column_names(path, header_line, header)
    cells: dict[str, list[str]] = {name: [] for name in names}
    lines: dict[str, int] = {}
    for line, row, _ in rows:
        if len(row) != len(names):
            raise fault(path, line, f"expected {len(names)} values, one per column, got {len(row)}")
        for name, cell in zip(names, row, strict=True):
            cells[name].append(cell.strip())
        image = _image_name(path, line, cells[IMAGE][-1])
        if image in lines:
            raise fault(path, line, f"{image!r} is given again, first in line {lines[image]}")
        lines[image] = line
        if SPLIT in cells and cells[SPLIT][-1].casefold() not in SPLIT_WORDS:
            word = cells[SPLIT][-1][:40]
            raise fault(path, line, f"split {word!r} is not one of train, val, test")
        if IDENTITY in cells and not cells[IDENTITY][-1]:
            cure = "give each person or thing a name, or leave the column out"
            raise fault(path, line, f"identity is empty; {cure}")
    if not lines:
        raise InputError(f"{path}: expected one row per image below the header, the file has none")
    splits = (
        tuple(SPLIT_WORDS[word.casefold()] for word in cells.pop(SPLIT)) if SPLIT in cells else None
    )
    identities = tuple(cells.pop(IDENTITY)) if IDENTITY in cells else None
    del cells[IMAGE]
    columns = {name: tuple(column) for name, column in cells.items()}
    images, numbers = tuple(lines), tuple(lines.values())
    return CsvTable(path, delimiter, images, numbers, splits, identities, columns)


def column_task(
    table: CsvTable, name: str, *, categorical: bool = False
) -> tuple[Task, np.ndarray]:
    """The task of a column, and its labels float32 `(N,)` with NaN where unknown.

    Args:
        categorical: take the cells as classes even where they look like yes and no.

    Raises:
        InputError: the column has no values, mixes ways of writing, or holds continuous numbers or
            text that never repeats.
    """
    cells = table.columns[name]
    known = [i for i, cell in enumerate(cells) if cell.casefold() not in _UNKNOWN]
    if not known:
        leave_out = "leave it out with attributes=(...)"
        raise InputError(f"{table.path}: column {name!r} has no value; {leave_out}")
    texts = [cells[i] for i in known]
    kinds = [_kind(text) for text in texts]

    def odd(i: int, message: str) -> InputError:
        return fault(table.path, table.lines[known[i]], f"column {name!r} has {message}")

    labels = np.full(len(cells), np.nan, dtype=np.float32)
    if not categorical:
        other = next((i for i, kind in enumerate(kinds) if kind != kinds[0]), None)
        if other is not None:
            first = f"{texts[0][:40]!r} in line {table.lines[known[0]]}"
            raise odd(
                other,
                f"{texts[other][:40]!r} here and {first}; keep to one way of writing, leave "
                f"unknown cells empty, or say categorical=({name!r},) if these are classes",
            )
        binary = _binary_labels(texts, odd) if kinds[0] != "text" else None
        if binary is not None:
            labels[known] = binary
            return Task(name), labels
    if set(kinds) == {"number"}:
        # Programs write whole numbers as 3.0 once a cell of the column is empty.
        texts = [re.sub(r"\.0*$", "", text) for text in texts]
        values = sorted(set(texts), key=lambda text: (float(text), text))
        first: dict[Decimal, int] = {}
        for i, text in enumerate(texts):
            before = first.setdefault(Decimal(text), i)
            if texts[before] != text:
                there = f"{texts[before][:40]!r} in line {table.lines[known[before]]}"
                raise odd(i, f"{text[:40]!r} here and {there}; write one number in one way")
    else:
        values = sorted(set(texts))
        unclear = next((i for i, text in enumerate(texts) if text.casefold() in _UNCLEAR), None)
        if unclear is not None and not categorical:
            raise odd(
                unclear,
                f"{texts[unclear]!r}, which could mean unknown; leave unknown cells empty, or say "
                f"categorical=({name!r},) if it is a class",
            )
    if len(values) < 2:
        only = f"has only the value {values[0]!r}; leave it out"
        raise InputError(f"{table.path}: column {name!r} {only}")
    if len(values) == len(texts) > _MOST_ALL_DIFFERENT and not categorical:
        raise InputError(
            f"{table.path}: no two rows of column {name!r} agree, so it holds no classes; leave it "
            "out with attributes=(...)"
        )
    index = {value: float(c) for c, value in enumerate(values)}
    labels[known] = [index[text] for text in texts]
    return Task(name, "categorical", tuple(values)), labels


def _binary_labels(texts: list[str], odd: Callable[[int, str], InputError]) -> list[float] | None:
    """Labels of a column of one kind that is no text; None if its whole numbers are classes."""
    words = _TRUTH | _YES
    if texts[0].casefold() in words:
        return [words[text.casefold()] for text in texts]
    numbers = [float(text) for text in texts]
    found = set(numbers)
    if found <= {-1.0, 1.0}:
        return [max(number, 0.0) for number in numbers]
    if {-1.0, 0.0} <= found <= {-1.0, 0.0, 1.0}:
        absent = "-1, 0 and 1, where 0 could mean absent or unknown; leave unknown cells empty"
        raise odd(numbers.index(0.0), absent)
    if all(0 <= number <= 1 for number in numbers):
        return numbers
    for i, number in enumerate(numbers):
        if not number.is_integer():
            expected = "expected 0 and 1, probabilities, or whole numbers that are classes"
            raise odd(i, f"the number {texts[i][:40]}; {expected}")
    return None


def _kind(text: str) -> str:
    word = text.casefold()
    if word in _TRUTH or word in _YES:
        return "truth" if word in _TRUTH else "yes or no"
    return "number" if _NUMBER.fullmatch(text) else "text"


def _rows(path: Path) -> Iterator[tuple[int, list[str], str]]:
    """(line number, cells, delimiter) of every line that is not blank."""
    with reading(path), path.open(encoding="utf-8-sig", newline="") as file:
        first = next((line for line in file if line.strip()), "")
        delimiter = max(DELIMITERS, key=first.count)
        file.seek(0)
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                if any(cell.strip() for cell in row):
                    yield reader.line_num, row, delimiter
        except csv.Error as error:
            expected = f"expected values with quotes that open and close ({error})"
            raise fault(path, reader.line_num, expected) from None


def _column_names(path: Path, line: int, header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    names = [
        name.casefold() if name.casefold() in (IMAGE, SPLIT, IDENTITY) else name for name in names
    ]
    if IMAGE not in names:
        got = ", ".join(names)[:80]
        raise fault(path, line, f"expected a column {IMAGE!r} in the header, got {got!r}")
    if "" in names:
        pandas = "(pandas writes its index so; use index=False)"
        raise fault(path, line, f"column {names.index('') + 1} has no name {pandas}")
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise fault(path, line, f"two columns are called {twice!r}")
    if set(names) <= {IMAGE, SPLIT, IDENTITY}:
        raise fault(path, line, f"expected at least one attribute beside {', '.join(names)}")
    return names


def _image_name(path: Path, line: int, cell: str) -> str:
    if not cell:
        raise fault(path, line, "the image's name is empty")
    name = posixpath.normpath(cell.replace("\\", "/"))
    if name.startswith(("/", "../")) or name in (".", "..") or re.match(r"[A-Za-z]:", name):
        expected = "expected an image's path below the folder of the table"
        raise fault(path, line, f"{expected}, got {cell[:60]!r}")
    check_image_path(path, line, name)
    return name
