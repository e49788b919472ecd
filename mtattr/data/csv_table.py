"""A table of images and attributes as people write it: read line by line, and what each of its columns means."""

from __future__ import annotations

import csv
import math
import posixpath
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from mtattr.data.annotations import check_image_path, fault
from mtattr.errors import InputError
from mtattr.tasks import Task

IMAGE, SPLIT, IDENTITY = "image", "split", "identity"
SPLIT_WORDS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}

_UNKNOWN = ("", "nan")
# What programs write for a cell without value, and what can as well be the name of a class.
_UNCLEAR = ("na", "n/a", "<na>", "#n/a", "null")
_TRUTH = {"true": 1.0, "false": 0.0}
_YES = {"yes": 1.0, "no": 0.0}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
# A column of text that never repeats names its rows; it does not sort them into classes.
_MOST_ALL_DIFFERENT = 20


@dataclass(frozen=True)
class CsvTable:
    """All rows in file order: image names, the line each stands in, split words and identities if there are such columns.

    columns: the cells of every other column, stripped, by name in order.
    """

    path: Path
    delimiter: str
    images: tuple[str, ...]
    lines: tuple[int, ...]
    splits: tuple[str, ...] | None
    identities: tuple[str, ...] | None
    columns: dict[str, tuple[str, ...]]


def read_table(path: Path) -> CsvTable:
    """Read a table with a header, separated by commas, semicolons or tabs, in UTF-8 with or without a byte order mark.

    Raises `InputError`, naming file and line, for a header without `image`, with an empty name or with one twice, for a row of
    another length, an image that is given twice or lies outside the folder, an unknown split word and an empty identity.
    """
    rows = _rows(path)
    try:
        header_line, header, delimiter = next(rows)
    except StopIteration:
        raise InputError(
            f"{path}: expected a header with the column {IMAGE!r}, the file is empty"
        ) from None
    names = _column_names(path, header_line, header)
    cells: dict[str, list[str]] = {name: [] for name in names}
    lines: dict[str, int] = {}
    for line, row, _ in rows:
        if len(row) != len(names):
            raise fault(
                path, line, f"expected {len(names)} values, one for each column, got {len(row)}"
            )
        for name, cell in zip(names, row, strict=True):
            cells[name].append(cell.strip())
        image = _image_name(path, line, cells[IMAGE][-1])
        if image in lines:
            raise fault(path, line, f"{image!r} is given again, first in line {lines[image]}")
        lines[image] = line
        if SPLIT in cells and cells[SPLIT][-1].casefold() not in SPLIT_WORDS:
            raise fault(
                path, line, f"split {cells[SPLIT][-1][:40]!r} is not one of train, val, test"
            )
        if IDENTITY in cells and not cells[IDENTITY][-1]:
            raise fault(
                path,
                line,
                "identity is empty; give each person or thing a name, or leave the column out",
            )
    if not lines:
        raise InputError(
            f"{path}: expected a row for each image below the header, the file has none"
        )
    splits = (
        tuple(SPLIT_WORDS[word.casefold()] for word in cells.pop(SPLIT)) if SPLIT in cells else None
    )
    identities = tuple(cells.pop(IDENTITY)) if IDENTITY in cells else None
    del cells[IMAGE]
    columns = {name: tuple(column) for name, column in cells.items()}
    return CsvTable(
        path, delimiter, tuple(lines), tuple(lines.values()), splits, identities, columns
    )


def column_task(
    table: CsvTable, name: str, *, categorical: bool = False
) -> tuple[Task, np.ndarray]:
    """What the column predicts, and its labels float32 `(N,)` with NaN where unknown.

    categorical: take the cells as classes even where they look like yes and no. Raises `InputError`, naming file and line,
    for a column without values, with ways of writing mixed, of continuous numbers, or of text that never repeats.
    """
    cells = table.columns[name]
    known = np.array(
        [i for i, cell in enumerate(cells) if cell.casefold() not in _UNKNOWN], dtype=np.int64
    )
    if not len(known):
        raise InputError(
            f"{table.path}: column {name!r} has no value; leave it out with attributes=(...)"
        )
    texts = [cells[i] for i in known]
    kinds = [_kind(text) for text in texts]
    labels = np.full(len(cells), np.nan, dtype=np.float32)
    if not categorical:
        odd = next((i for i, kind in enumerate(kinds) if kind != kinds[0]), None)
        if odd is not None:
            raise fault(
                table.path,
                table.lines[known[odd]],
                f"column {name!r} has {texts[odd][:40]!r} here and {texts[0][:40]!r} in line {table.lines[known[0]]}; keep to one way of "
                f"writing, leave unknown cells empty, or say categorical=({name!r},) if these are classes",
            )
        binary = _binary_labels(table, name, known, texts) if kinds[0] != "text" else None
        if binary is not None:
            labels[known] = binary
            return Task(name), labels
    if set(kinds) == {"number"}:
        # Programs write whole numbers as 3.0 once a cell of the column is empty.
        texts = [re.sub(r"\.0*$", "", text) for text in texts]
        values = sorted(set(texts), key=lambda text: (float(text), text))
        _check_spelt_once(table, name, known, texts)
    else:
        values = sorted(set(texts))
        unclear = next((i for i, text in enumerate(texts) if text.casefold() in _UNCLEAR), None)
        if unclear is not None and not categorical:
            raise fault(
                table.path,
                table.lines[known[unclear]],
                f"column {name!r} has {texts[unclear]!r}, which could mean unknown; leave unknown cells empty, or say "
                f"categorical=({name!r},) if it is a class",
            )
    if len(values) < 2:
        raise InputError(
            f"{table.path}: column {name!r} has the one value {values[0]!r}, nothing to tell apart; leave it out"
        )
    if len(values) == len(texts) > _MOST_ALL_DIFFERENT and not categorical:
        raise InputError(
            f"{table.path}: no two rows of column {name!r} agree, so that it holds no classes; leave it out with attributes=(...)"
        )
    index = {value: float(c) for c, value in enumerate(values)}
    labels[known] = [index[text] for text in texts]
    return Task(name, "categorical", tuple(values)), labels


def _binary_labels(
    table: CsvTable, name: str, known: np.ndarray, texts: list[str]
) -> list[float] | None:
    """Labels of a column of one kind that is no text; None if its whole numbers are classes."""
    words = _TRUTH | _YES
    if texts[0].casefold() in words:
        return [words[text.casefold()] for text in texts]
    numbers = [float(text) for text in texts]
    found = set(numbers)
    if found <= {-1.0, 1.0}:
        return [max(number, 0.0) for number in numbers]
    if {-1.0, 0.0} <= found <= {-1.0, 0.0, 1.0}:
        line = table.lines[known[numbers.index(0.0)]]
        raise fault(
            table.path,
            line,
            f"column {name!r} has -1, 0 and 1, where 0 could mean absent or unknown; leave unknown cells empty",
        )
    if all(0 <= number <= 1 for number in numbers):
        return numbers
    odd = next(
        (
            i
            for i, number in enumerate(numbers)
            if not math.isfinite(number) or number != round(number)
        ),
        None,
    )
    if odd is not None:
        raise fault(
            table.path,
            table.lines[known[odd]],
            f"column {name!r} has the number {texts[odd][:40]}; expected 0 and 1, probabilities, or whole numbers that are classes",
        )
    return None


def _check_spelt_once(table: CsvTable, name: str, known: np.ndarray, texts: list[str]) -> None:
    """Raise `InputError` where one number is written in two ways, which would make two classes of it."""
    first: dict[Decimal, int] = {}
    for i, text in enumerate(texts):
        before = first.setdefault(Decimal(text), i)
        if texts[before] != text:
            raise fault(
                table.path,
                table.lines[known[i]],
                f"column {name!r} has {text[:40]!r} here and {texts[before][:40]!r} in line {table.lines[known[before]]}; "
                "write the same number in one way",
            )


def _kind(text: str) -> str:
    word = text.casefold()
    return (
        "truth"
        if word in _TRUTH
        else "yes or no"
        if word in _YES
        else "number"
        if _NUMBER.fullmatch(text)
        else "text"
    )


def _rows(path: Path) -> Iterator[tuple[int, list[str], str]]:
    """(line number, cells, delimiter) of every line that is not blank."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = next((line for line in file if line.strip()), "")
            delimiter = max(DELIMITERS, key=first.count)
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            for row in reader:
                if any(cell.strip() for cell in row):
                    yield reader.line_num, row, delimiter
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: file missing") from None
    except UnicodeDecodeError:
        raise InputError(
            f"{path}: expected text in UTF-8, the file holds other bytes; spreadsheets call it 'CSV UTF-8'"
        ) from None
    except csv.Error as error:
        raise fault(
            path, reader.line_num, f"expected values with quotes that open and close ({error})"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _column_names(path: Path, line: int, header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    names = [
        name.casefold() if name.casefold() in (IMAGE, SPLIT, IDENTITY) else name for name in names
    ]
    if IMAGE not in names:
        raise fault(
            path, line, f"expected a column {IMAGE!r} in the header, got {', '.join(names)[:80]!r}"
        )
    if "" in names:
        raise fault(
            path,
            line,
            f"column {names.index('') + 1} has no name (pandas writes its index so; use index=False)",
        )
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise fault(path, line, f"two columns are called {twice!r}")
    if not _attributes(names):
        raise fault(path, line, f"expected at least one attribute beside {', '.join(names)}")
    return names


def _attributes(names: Collection[str]) -> list[str]:
    return [name for name in names if name not in (IMAGE, SPLIT, IDENTITY)]


def _image_name(path: Path, line: int, cell: str) -> str:
    if not cell:
        raise fault(path, line, "the image's name is empty")
    name = posixpath.normpath(cell.replace("\\", "/"))
    if name.startswith(("/", "../")) or name in (".", "..") or re.match(r"[A-Za-z]:", name):
        raise fault(
            path, line, f"expected an image's path below the folder of the table, got {cell[:60]!r}"
        )
    check_image_path(path, line, name)
    return name
