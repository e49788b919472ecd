"""Text tables of image datasets: two header lines (count, column names), then a row per line.

Every problem is an `InputError` that names the file, the line and what was expected. Lines may end in LF or CRLF, blank
lines count for nothing, columns are split on runs of spaces or tabs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from mtattr.errors import InputError

T = TypeVar("T")


def fault(path: Path, line: int, message: str) -> InputError:
    """The error for one line of a file."""
    return InputError(f"{path}, line {line}: {message}")


def table_rows(path: Path, *, header: bool = True, about: str = "") -> Iterator[tuple[int, str]]:
    """Yield (line number, stripped line) for each row of a table, reading line by line.

    With `header` the first two lines give the number of rows and the column names, and the number is checked at the end.
    `about` is appended to the error for a missing file or a web page: where to get the data.
    """
    expected, rows, heads = 0, 0, 0
    for number, line in _lines(path, about):
        if heads == rows == 0 and line.startswith("<"):
            raise fault(
                path,
                number,
                f"this is a web page, not the table that was expected; download the file itself{about}",
            )
        if header and heads < 2:
            if heads == 0:
                expected = whole_number(path, number, line, "the number of rows")
            heads += 1
            continue
        rows += 1
        yield number, line
    if header and heads < 2:
        raise InputError(
            f"{path}: expected two header lines (number of rows, column names), the file has {heads}"
        )
    if header and rows != expected:
        raise InputError(f"{path}: line 1 announces {expected} rows, the file has {rows}")


def _lines(path: Path, about: str) -> Iterator[tuple[int, str]]:
    if path.exists() and not path.is_file():
        # Opening a pipe would wait for ever.
        raise InputError(f"{path}: cannot be read, expected a text table and this is no file")
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line := line.strip():
                    yield number, line
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: file missing{about}") from None
    except UnicodeDecodeError:
        raise InputError(
            f"{path}: expected a UTF-8 text table, the file holds other bytes{about}"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def whole_number(path: Path, line: int, text: str, what: str) -> int:
    """The integer that `text` spells (leading zeros allowed); `InputError` if it is not one."""
    digits = text.removeprefix("-")
    # Python refuses to read longer numbers.
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 4000):
        raise fault(path, line, f"expected {what} as a whole number, got {_short(text)}")
    return int(text)


def check_image_path(path: Path, line: int, text: str) -> None:
    """Raise `InputError` unless `text` can name a file below the folder of the images: relative, without `..`, of usual length."""
    parts = text.split("/")
    if (
        text.startswith("/")
        or ".." in parts
        or "\0" in text
        or len(text) > 1000
        or max(len(part.encode()) for part in parts) > 255
    ):
        raise fault(
            path,
            line,
            f"expected an image's path below the folder of the images, got {_short(text)}",
        )


def read_names(path: Path, *, header: bool = True, about: str = "") -> list[tuple[str, int]]:
    """Rows `name type`, where the name may contain spaces and hyphens: (name, type) in file order, pairs unique."""
    found: dict[tuple[str, int], int] = {}
    for number, line in table_rows(path, header=header, about=about):
        parts = line.rsplit(None, 1)
        if len(parts) != 2:
            raise fault(path, number, f"expected a name and its type, got {_short(line)}")
        pair = parts[0], whole_number(path, number, parts[1], "a type after the name")
        if pair in found:
            raise fault(path, number, f"{pair[0]!r} is given again, first in line {found[pair]}")
        found[pair] = number
    return list(found)


def read_fields(
    path: Path,
    count: int,
    convert: Callable[[int, list[str]], T],
    *,
    header: bool = True,
    about: str = "",
) -> dict[str, tuple[T, int]]:
    """Rows `image field_1 … field_count`: image -> (convert(line number, fields), line number), in file order.

    Raises `InputError` for another number of fields, a name that is no path and an image that is given twice.
    """
    found: dict[str, tuple[T, int]] = {}
    for number, line in table_rows(path, header=header, about=about):
        image, *fields = line.split()
        check_image_path(path, number, image)
        if len(fields) != count:
            raise fault(
                path,
                number,
                f"expected an image name and {count} value{'s' * (count != 1)}, got {len(fields)} after {image!r}",
            )
        if image in found:
            raise fault(path, number, f"{image!r} is given again, first in line {found[image][1]}")
        found[image] = convert(number, fields), number
    return found


def one_of(path: Path, words: Collection[str], what: str) -> Callable[[int, list[str]], str]:
    """A converter for `read_fields`: the one field must be among `words`."""

    def convert(line: int, fields: list[str]) -> str:
        if fields[0] not in words:
            raise fault(path, line, f"{what} {_short(fields[0])} is not one of {', '.join(words)}")
        return fields[0]

    return convert


def number_within(path: Path, allowed: range, what: str) -> Callable[[int, list[str]], int]:
    """A converter for `read_fields`: the one field must be a whole number in `allowed`."""

    def convert(line: int, fields: list[str]) -> int:
        value = whole_number(path, line, fields[0], what)
        if value not in allowed:
            raise fault(
                path, line, f"{what} {value} is outside {allowed.start}..{allowed.stop - 1}"
            )
        return value

    return convert


def box(path: Path) -> Callable[[int, list[str]], tuple[int, int, int, int]]:
    """A converter for `read_fields`: four corners x_1 y_1 x_2 y_2 in pixels, with x_1 < x_2 and y_1 < y_2."""

    def convert(line: int, fields: list[str]) -> tuple[int, int, int, int]:
        x1, y1, x2, y2 = (
            whole_number(path, line, field, "a corner of the box") for field in fields
        )
        if x1 >= x2 or y1 >= y2:
            raise fault(
                path,
                line,
                f"expected a box x_1 y_1 x_2 y_2 with x_1 < x_2 and y_1 < y_2, got {x1} {y1} {x2} {y2}",
            )
        return x1, y1, x2, y2

    return convert


def fill_values(
    out: np.ndarray,
    path: Path,
    rows: Mapping[str, int] | None,
    values: Sequence[int],
    *,
    header: bool = True,
    about: str = "",
) -> None:
    """Read rows `image value_1 … value_A` line by line into int8 `out` `(N, A)`.

    `rows` maps each image to its row of `out`; without it lines hold no image name and follow the order of `out`.
    `values` are the whole numbers that may occur. Raises `InputError` for any other value, another number of values, an
    image that is unknown or given twice, and images that the file leaves out.
    """
    code = {str(value).encode(): value % 256 for value in values}
    n, width = out.shape
    seen = np.zeros(n, dtype=np.int64)
    for i, (number, line) in enumerate(table_rows(path, header=header, about=about)):
        fields = line.encode().split()
        row, given = i, len(fields)
        if rows is None:
            if i >= n:
                raise fault(
                    path, number, f"expected {n} rows, one for each image, and there are more"
                )
        else:
            image, given = fields.pop(0).decode(), given - 1
            check_image_path(path, number, image)
            if image not in rows:
                raise fault(
                    path,
                    number,
                    f"image {image!r} is in no split: the partition file does not list it",
                )
            row = rows[image]
            if seen[row]:
                raise fault(path, number, f"{image!r} is given again, first in line {seen[row]}")
        if given != width:
            raise fault(
                path, number, f"expected {width} attribute values, one for each name, got {given}"
            )
        try:
            out[row] = np.frombuffer(bytes(map(code.__getitem__, fields)), dtype=np.int8)
        except KeyError as error:
            allowed = ", ".join(map(str, values))
            raise fault(
                path,
                number,
                f"attribute value {_short(error.args[0].decode())} is not one of {allowed}",
            ) from None
        seen[row] = number
    left_out = np.flatnonzero(seen == 0)
    if len(left_out):
        if rows is None:
            raise InputError(
                f"{path}: expected {n} rows, one for each image, the file has {n - len(left_out)}"
            )
        image = next(name for name, row in rows.items() if row == left_out[0])
        raise InputError(
            f"{path}: no row for image {image!r}, which the partition file lists ({len(left_out)} images have none)"
        )


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
