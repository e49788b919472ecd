"""Text tables of image datasets: two header lines (count, column names), then one row per line.

Every problem is an `InputError` that names the file, the line and what was expected. Lines may end
in LF or CRLF, blank lines are ignored, columns are split on runs of spaces or tabs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mtattr.errors import InputError


def fault(path: Path, line: int, message: str) -> InputError:
    """The error for one line of a file."""
    return InputError(f"{path}, line {line}: {message}")


def table_rows(path: Path, *, header: bool = True, about: str = "") -> Iterator[tuple[int, str]]:
    """Yield (line number, stripped line) of each row of a table, reading line by line.

    Args:
        header: the first two lines hold the number of rows, which is checked at the end, and the
            column names.
        about: where to obtain the file, for the error if it is missing or a web page.
    """
    expected, rows, heads = 0, 0, 0
    for number, line in _lines(path, about):
        if heads == rows == 0 and line.startswith("<"):
            raise fault(path, number, f"this is a web page; download the table itself{about}")
        if header and heads < 2:
            if heads == 0:
                expected = whole_number(path, number, line, "the number of rows")
            heads += 1
            continue
        rows += 1
        yield number, line
    if header and heads < 2:
        raise InputError(
            f"{path}: expected two header lines (number of rows, column names), got {heads}"
        )
    if header and rows != expected:
        raise InputError(f"{path}: line 1 announces {expected} rows, the file has {rows}")


@contextmanager
def reading(path: Path, about: str = "") -> Iterator[None]:
    """Turns what can go wrong when a UTF-8 text file is read into `InputError`."""
    if path.exists() and not path.is_file():
        # Opening a pipe would wait for ever.
        raise InputError(f"{path}: cannot be read, expected a text table and this is no file")
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: file missing{about}") from None
    except UnicodeDecodeError:
        raise InputError(
            f"{path}: expected a text table in UTF-8 ('CSV UTF-8' in spreadsheets){about}"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _lines(path: Path, about: str) -> Iterator[tuple[int, str]]:
    with reading(path, about), path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line := line.strip():
                yield number, line


def whole_number(path: Path, line: int, text: str, what: str) -> int:
    """The integer that `text` spells (leading zeros allowed); `InputError` if it is not one."""
    digits = text.removeprefix("-")
    # Python refuses to read longer numbers.
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 4000):
        raise fault(path, line, f"expected {what} as a whole number, got {_short(text)}")
    return int(text)


def check_image_path(path: Path, line: int, text: str) -> None:
    """Raise `InputError` unless `text` is a usual relative path that stays below its folder."""
    parts = text.split("/")
    usual = len(text) <= 1000 and max(len(part.encode()) for part in parts) <= 255
    if text.startswith("/") or ".." in parts or "\0" in text or not usual:
        raise fault(
            path, line, f"expected an image's path below the folder of images, got {_short(text)}"
        )


def read_names(path: Path, *, about: str = "") -> list[tuple[str, int]]:
    """(name, type) of each row in file order, all different; names may hold spaces and hyphens."""
    found: dict[tuple[str, int], int] = {}
    for number, line in table_rows(path, about=about):
        parts = line.rsplit(None, 1)
        if len(parts) != 2:
            raise fault(path, number, f"expected a name and its type, got {_short(line)}")
        pair = parts[0], whole_number(path, number, parts[1], "a type after the name")
        if pair in found:
            raise fault(path, number, f"{pair[0]!r} is given again, first in line {found[pair]}")
        found[pair] = number
    if not found:
        raise InputError(f"{path}: expected names, the file has none")
    return list(found)


def image_rows(path: Path, *, about: str = "") -> Iterator[tuple[int, str, list[str]]]:
    """Yield (line number, image, further fields) of each row of a table with a header."""
    for number, line in table_rows(path, about=about):
        image, *fields = line.split()
        check_image_path(path, number, image)
        yield number, image, fields


def joined(
    path: Path,
    table: Iterable[tuple[int, str, list[str]]],
    width: int,
    rows: dict[str, int],
    *,
    unknown: str = "refuse",
) -> Iterator[tuple[int, int, list[str]]]:
    """Yield (row of the image, line number, fields) of each row of a table, joined by image.

    Args:
        table: (line number, image, fields) of each row.
        width: the number of fields that each row must have.
        rows: image -> its row; each must occur in the table exactly once.
        unknown: what is done about further images: "refuse", "skip", or "add" to `rows`.

    Raises:
        InputError: another number of fields, an unknown image, one given twice, or one left out.
    """
    first: dict[str, int] = {}
    for number, image, fields in table:
        if len(fields) != width:
            expected = f"expected an image name and {width} value{'s' * (width != 1)}"
            raise fault(path, number, f"{expected}, got {len(fields)} after {_short(image)}")
        if image in first:
            again = f"{_short(image)} is given again, first in line {first[image]}"
            raise fault(path, number, again)
        first[image] = number
        if image not in rows:
            if unknown == "refuse":
                no_split = "is in no split: the partition file does not list it"
                raise fault(path, number, f"image {_short(image)} {no_split}")
            if unknown == "skip":
                continue
            rows[image] = len(rows)
        yield rows[image], number, fields
    without = [image for image in rows if image not in first]
    if without:
        count = f"{len(without)} images have none"
        raise InputError(f"{path}: no row for image {without[0]!r}, which is needed ({count})")


def one_of(path: Path, words: Collection[str], what: str) -> Callable[[int, list[str]], str]:
    """A converter of a row's one field, which must be among `words`."""

    def convert(line: int, fields: list[str]) -> str:
        if fields[0] not in words:
            raise fault(path, line, f"{what} {_short(fields[0])} is not one of {', '.join(words)}")
        return fields[0]

    return convert


def number_within(path: Path, allowed: range, what: str) -> Callable[[int, list[str]], int]:
    """A converter of a row's one field, which must be a whole number in `allowed`."""

    def convert(line: int, fields: list[str]) -> int:
        value = whole_number(path, line, fields[0], what)
        if value not in allowed:
            within = f"{allowed.start}..{allowed.stop - 1}"
            raise fault(path, line, f"{what} {str(value)[:40]} is outside {within}")
        return value

    return convert


def codes(path: Path, code: dict[str, int]) -> Callable[[int, list[str]], np.ndarray]:
    """A converter of a row's fields, each a key of `code`, to int8 values."""
    as_byte = {text: value % 256 for text, value in code.items()}

    def convert(line: int, fields: list[str]) -> np.ndarray:
        try:
            return np.frombuffer(bytes(map(as_byte.__getitem__, fields)), dtype=np.int8)
        except KeyError as error:
            wrong = f"attribute value {_short(error.args[0])}"
            raise fault(path, line, f"{wrong} is not one of {', '.join(code)}") from None

    return convert


def box(path: Path) -> Callable[[int, list[str]], tuple[int, int, int, int]]:
    """A converter of four fields to a box: x_1 < x_2 and y_1 < y_2 in pixels."""

    def convert(line: int, fields: list[str]) -> tuple[int, int, int, int]:
        x1, y1, x2, y2 = (
            whole_number(path, line, field, "a corner of the box") for field in fields
        )
        if x1 >= x2 or y1 >= y2:
            expected = "expected a box x_1 y_1 x_2 y_2 with x_1 < x_2 and y_1 < y_2"
            raise fault(path, line, f"{expected}, got {x1} {y1} {x2} {y2}")
        return x1, y1, x2, y2

    return convert


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
