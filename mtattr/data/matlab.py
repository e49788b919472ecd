"""MATLAB files of level 5, read with every length checked: `scipy.io.loadmat` crashes the process on some damaged ones.

Numbers, text, cells and structs are read; sparse arrays, objects and functions are not. The format is MathWorks'
"MAT-File Format" (level 5): a header of 128 bytes, then elements of a type, a length and padded content.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtattr.errors import InputError

_HEADER = 128
_NUMBERS = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
_TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_CELL, _STRUCT, _CHAR, _NUMERIC = 1, 2, 4, range(6, 16)
_COMPLEX = 0x0800
#: The labels of a thousand people take a few kilobytes: what unpacks to more is damaged or means harm.
LARGEST = 1 << 28
_DEEPEST = 16


class _Fault(Exception):
    """What is wrong with the bytes; `read_matlab` adds the file's name."""


def read_matlab(
    path: Path, about: str = "", *, only: str | None = None, largest: int = LARGEST
) -> dict[str, object]:
    """The variables of a file: {name: value}.

    Numbers become arrays of the stored type and the shape in MATLAB (at least two axes), a row of text a str, several
    rows a list of str, a cell array a list in MATLAB's order (down the columns), a struct a dict, and an array of
    structs a list of dicts. Arrays are views of what was read and must not be written to.
    about: where to obtain the file, appended to errors. only: the one variable wanted, which spares unpacking the others.
    largest: bytes that a compressed variable may take.
    Raises `InputError`, naming the file, if it is missing, damaged, cut short, or of another level than 5.
    """
    try:
        content = memoryview(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: file missing{about}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        order = _byte_order(content)
        found = {}
        start = _HEADER
        while start < len(content):
            kind, data, start = _element(content, start, order)
            if only is not None and _name_of(kind, data, order) != only:
                continue
            if kind == _COMPRESSED:
                data = _unpacked(data, largest)
                kind, data, _ = _element(data, 0, order)
            if kind != _MATRIX:
                raise _Fault(f"an element of type {kind} where a variable should be")
            name, value = _matrix(data, order, 0)
            found[name] = value
    except _Fault as fault:
        raise InputError(
            f"{path}: expected a whole MATLAB file of level 5, found {fault}{about}"
        ) from None
    return found


def _byte_order(content: memoryview) -> str:
    if len(content) < _HEADER:
        raise _Fault(f"{len(content)} bytes, less than its header")
    mark, version = bytes(content[126:128]), content[124:126]
    order = {b"IM": "<", b"MI": ">"}.get(mark)
    if order is None or np.frombuffer(version, f"{order}u2")[0] >> 8 != 1:
        raise _Fault("another header; files of MATLAB 7.3 (HDF5) are not read")
    return order


def _name_of(kind: int, data: memoryview, order: str) -> str:
    """Name of the variable in an element, from its first bytes."""
    if kind == _COMPRESSED:
        try:
            # Without the tag of eight bytes that announces the whole array.
            data = memoryview(zlib.decompressobj().decompress(data, 1024))[8:]
        except zlib.error:
            raise _Fault("compressed content that does not unpack") from None
    reader = _Reader(data, order)
    reader.numbers(_UINT32)
    reader.numbers(_INT32)
    return reader.numbers(_INT8).tobytes().decode("latin-1")


def _unpacked(data: memoryview, largest: int) -> memoryview:
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(data, largest)
    except zlib.error:
        raise _Fault("compressed content that does not unpack") from None
    if not stream.eof:
        raise _Fault("compressed content that is cut short or too large")
    return memoryview(content)


def _element(content: memoryview, start: int, order: str) -> tuple[int, memoryview, int]:
    """(type, content, where the next element starts) of the element at `start`."""
    if start + 8 > len(content):
        raise _Fault("an end in the middle of an element")
    first, length = (int(word) for word in np.frombuffer(content, f"{order}u4", 2, start))
    if first >> 16:
        # Up to four bytes stand in the tag itself.
        kind, length = first & 0xFFFF, first >> 16
        if length > 4:
            raise _Fault(f"a short element of {length} bytes")
        return kind, content[start + 4 : start + 4 + length], start + 8
    begin, end = start + 8, start + 8 + length
    if end > len(content):
        raise _Fault(f"an element of {length} bytes with {len(content) - begin} left")
    # Compressed elements are the only ones without padding to eight bytes; the last one's may be missing.
    return (
        first,
        content[begin:end],
        end if first == _COMPRESSED else min(end + -length % 8, max(end, len(content))),
    )


@dataclass
class _Reader:
    """The parts of one array, one after the other."""

    content: memoryview
    order: str
    start: int = 0

    def next(self) -> tuple[int, memoryview]:
        kind, data, self.start = _element(self.content, self.start, self.order)
        return kind, data

    def numbers(self, *allowed: int) -> np.ndarray:
        kind, data = self.next()
        if kind not in (allowed or _NUMBERS):
            raise _Fault(f"an element of type {kind} where numbers should be")
        dtype = np.dtype(_NUMBERS[kind])
        if len(data) % dtype.itemsize:
            raise _Fault(f"{len(data)} bytes for numbers of {dtype.itemsize} bytes")
        return np.frombuffer(data, dtype.newbyteorder(self.order)).astype(dtype, copy=False)

    def array(self, depth: int) -> object:
        kind, data = self.next()
        if kind != _MATRIX:
            raise _Fault(f"an element of type {kind} where an array should be")
        return _matrix(data, self.order, depth)[1] if data else np.empty((0, 0))


def _matrix(data: memoryview, order: str, depth: int) -> tuple[str, object]:
    """Name and value of one array."""
    if depth > _DEEPEST:
        raise _Fault(f"arrays nested more than {_DEEPEST} deep")
    reader = _Reader(data, order)
    flags = reader.numbers(_UINT32)
    if len(flags) != 2:
        raise _Fault(f"{len(flags)} words of array flags")
    shape = [int(length) for length in reader.numbers(_INT32)]
    if len(shape) < 2 or min(shape) < 0:
        raise _Fault(f"an array of the shape {tuple(shape[:8])}")
    name = reader.numbers(_INT8).tobytes().decode("latin-1")
    count, kind = math.prod(shape), int(flags[0]) & 0xFF
    if kind in _NUMERIC:
        return name, _numeric(reader, shape, count, bool(flags[0] & _COMPLEX))
    if kind == _CHAR:
        return name, _text(reader, shape, count)
    if kind == _CELL:
        return name, _arrays(reader, count, depth)
    if kind == _STRUCT:
        return name, _structs(reader, count, depth)
    raise _Fault(f"an array of class {kind}, which is not read")


def _numeric(reader: _Reader, shape: list[int], count: int, is_complex: bool) -> np.ndarray:
    values = reader.numbers()
    if is_complex:
        raise _Fault("complex numbers, which are not read")
    if len(values) != count:
        raise _Fault(f"{len(values)} numbers for an array of {count}")
    return values.reshape(shape, order="F")


def _text(reader: _Reader, shape: list[int], count: int) -> str | list[str]:
    kind, data = reader.next()
    if kind not in _TEXTS:
        raise _Fault(f"an element of type {kind} where text should be")
    encoding = _TEXTS[kind] + (
        {"<": "-le", ">": "-be"}[reader.order] if _TEXTS[kind] in ("utf-16", "utf-32") else ""
    )
    try:
        text = bytes(data).decode(encoding)
    except UnicodeDecodeError:
        raise _Fault("text that is no text") from None
    if len(text) != count:
        raise _Fault(f"{len(text)} characters for a text of {count}")
    rows = shape[0]
    return text if rows <= 1 else [text[row::rows] for row in range(rows)]


def _arrays(reader: _Reader, count: int, depth: int) -> list:
    # Each takes eight bytes at least, so that a damaged count cannot keep us busy.
    if count * 8 > len(reader.content) - reader.start:
        raise _Fault(
            f"{count} arrays announced with {len(reader.content) - reader.start} bytes left"
        )
    return [reader.array(depth + 1) for _ in range(count)]


def _structs(
    reader: _Reader, count: int, depth: int
) -> dict[str, object] | list[dict[str, object]]:
    width = reader.numbers(_INT32)
    names = reader.numbers(_INT8).tobytes()
    if len(width) != 1 or width[0] < 1 or len(names) % width[0]:
        raise _Fault("field names of another length than announced")
    fields = [
        names[i : i + int(width[0])].split(b"\0")[0].decode("latin-1")
        for i in range(0, len(names), int(width[0]))
    ]
    if len(set(fields)) != len(fields):
        raise _Fault("a field name given twice")
    values = _arrays(reader, count * len(fields), depth)
    found = [
        dict(zip(fields, values[i * len(fields) : (i + 1) * len(fields)], strict=True))
        for i in range(count)
    ]
    return found[0] if count == 1 else found
