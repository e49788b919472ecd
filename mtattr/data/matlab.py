"""MATLAB files of level 5, read with every length checked.

`scipy.io.loadmat` is not used: SciPy 1.17.1 ended the process (segmentation fault) on 37 of 7,000
files with damaged bytes, such as another type of a text in a cell. Numbers, text, cells and
structs are read; sparse arrays, objects, functions and big-endian files are not. The
format is MathWorks' "MAT-File Format" (level 5): a header of 128 bytes, then elements of a type, a
length and padded content.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import numpy as np

from mtattr.data.folders import read_bytes
from mtattr.errors import InputError

_HEADER = 128
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4"}
_NUMBERS |= {7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16-le", 16: "utf-8", 17: "utf-16-le", 18: "utf-32-le"}
_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_CELL, _STRUCT, _CHAR, _NUMERIC = 1, 2, 4, range(6, 16)
_COMPLEX = 0x0800
#: The labels of a thousand people take a few kilobytes: more unpacked bytes are a fault.
LARGEST = 1 << 28
_DEEPEST = 16


class _Fault(Exception):
    """A fault in the bytes; `read_matlab` adds the file's name."""


def read_matlab(
    path: Path, about: str = "", *, only: str | None = None, largest: int = LARGEST
) -> dict[str, object]:
    """The variables of a file: {name: value}.

    Numbers become arrays of the stored type and shape (at least two axes), a row of text a str,
    several rows a list of str, a cell array a list in MATLAB's order (down the columns), a struct
    a dict, and an array of structs a list of dicts. Arrays are read-only views of the file.

    Args:
        about: where to obtain the file, for errors.
        only: the one variable wanted; the others are not unpacked.
        largest: bytes that a compressed variable may take.

    Raises:
        InputError: the file is missing, damaged, cut short, or not of level 5.
    """
    content = memoryview(read_bytes(path, about))
    try:
        _check_header(content)
        found = {}
        start = _HEADER
        while start < len(content):
            kind, data, start = _element(content, start)
            if only is not None and _name_of(kind, data) != only:
                continue
            if kind == _COMPRESSED:
                data = _unpacked(data, largest)
                kind, data, _ = _element(data, 0)
            if kind != _MATRIX:
                raise _Fault(f"an element of type {kind} where a variable should be")
            name, value = _matrix(data, 0)
            found[name] = value
    except _Fault as fault:
        raise InputError(
            f"{path}: expected a whole MATLAB file of level 5, found {fault}{about}"
        ) from None
    return found


def _check_header(content: memoryview) -> None:
    if len(content) < _HEADER:
        raise _Fault(f"{len(content)} bytes, less than its header")
    # The version is 0x0100; files of MATLAB 7.3 (HDF5) say 0x0200, big-endian ones b"MI".
    if content[125] != 1 or bytes(content[126:128]) != b"IM":
        raise _Fault("another header; files of MATLAB 7.3 (HDF5) are not read")


def _name_of(kind: int, data: memoryview) -> str:
    """Name of the variable in an element, from its first bytes."""
    if kind == _COMPRESSED:
        try:
            # Without the tag of eight bytes that announces the whole array.
            data = memoryview(zlib.decompressobj().decompress(data, 1024))[8:]
        except zlib.error:
            raise _Fault("compressed content that does not unpack") from None
    reader = _Reader(data)
    reader.numbers(_UINT32)
    reader.numbers(_INT32)
    return reader.name()


def _unpacked(data: memoryview, largest: int) -> memoryview:
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(data, largest)
    except zlib.error:
        raise _Fault("compressed content that does not unpack") from None
    if not stream.eof:
        raise _Fault("compressed content that is cut short or too large")
    return memoryview(content)


def _element(content: memoryview, start: int) -> tuple[int, memoryview, int]:
    """(type, content, start of the next element) of the element at `start`."""
    if start + 8 > len(content):
        raise _Fault("an end in the middle of an element")
    first, length = (int(word) for word in np.frombuffer(content, "<u4", 2, start))
    if first >> 16:
        # Up to four bytes stand in the tag itself.
        kind, length = first & 0xFFFF, first >> 16
        if length > 4:
            raise _Fault(f"a short element of {length} bytes")
        return kind, content[start + 4 : start + 4 + length], start + 8
    begin, end = start + 8, start + 8 + length
    if end > len(content):
        raise _Fault(f"an element of {length} bytes with {len(content) - begin} left")
    # All but compressed elements are padded to eight bytes; the last one's padding may be missing.
    after = end if first == _COMPRESSED else min(end + -length % 8, max(end, len(content)))
    return first, content[begin:end], after


class _Reader:
    """The parts of one array, one after the other."""

    def __init__(self, content: memoryview) -> None:
        self.content, self.start = content, 0

    def next(self) -> tuple[int, memoryview]:
        kind, data, self.start = _element(self.content, self.start)
        return kind, data

    def numbers(self, *allowed: int) -> np.ndarray:
        kind, data = self.next()
        if kind not in (allowed or _NUMBERS):
            raise _Fault(f"an element of type {kind} where numbers should be")
        dtype = np.dtype(_NUMBERS[kind])
        if len(data) % dtype.itemsize:
            raise _Fault(f"{len(data)} bytes for numbers of {dtype.itemsize} bytes")
        return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False)

    def name(self) -> str:
        return self.numbers(_INT8).tobytes().decode("latin-1")

    def arrays(self, count: int, depth: int) -> list:
        left = len(self.content) - self.start
        # Each takes eight bytes at least, so that a damaged count cannot keep us busy.
        if count * 8 > left:
            raise _Fault(f"{count} arrays announced with {left} bytes left")
        found = []
        for _ in range(count):
            kind, data = self.next()
            if kind != _MATRIX:
                raise _Fault(f"an element of type {kind} where an array should be")
            found.append(_matrix(data, depth + 1)[1] if data else np.empty((0, 0)))
        return found


def _matrix(data: memoryview, depth: int) -> tuple[str, object]:
    """Name and value of one array."""
    if depth > _DEEPEST:
        raise _Fault(f"arrays nested more than {_DEEPEST} deep")
    reader = _Reader(data)
    flags = reader.numbers(_UINT32)
    if len(flags) != 2:
        raise _Fault(f"{len(flags)} words of array flags")
    shape = [int(length) for length in reader.numbers(_INT32)]
    if len(shape) < 2 or min(shape) < 0:
        raise _Fault(f"an array of the shape {tuple(shape[:8])}")
    name = reader.name()
    count, kind = math.prod(shape), int(flags[0]) & 0xFF
    if kind in _NUMERIC:
        values = reader.numbers()
        if flags[0] & _COMPLEX:
            raise _Fault("complex numbers, which are not read")
        if len(values) != count:
            raise _Fault(f"{len(values)} numbers for an array of {count}")
        return name, values.reshape(shape, order="F")
    if kind == _CHAR:
        return name, _text(reader, shape[0], count)
    if kind == _CELL:
        return name, reader.arrays(count, depth)
    if kind == _STRUCT:
        return name, _structs(reader, count, depth)
    raise _Fault(f"an array of class {kind}, which is not read")


def _text(reader: _Reader, rows: int, count: int) -> str | list[str]:
    kind, data = reader.next()
    if kind not in _TEXTS:
        raise _Fault(f"an element of type {kind} where text should be")
    try:
        text = bytes(data).decode(_TEXTS[kind])
    except UnicodeDecodeError:
        raise _Fault("text that is no text") from None
    if len(text) != count:
        raise _Fault(f"{len(text)} characters for a text of {count}")
    return text if rows <= 1 else [text[row::rows] for row in range(rows)]


def _structs(reader: _Reader, count: int, depth: int) -> dict | list[dict]:
    width = reader.numbers(_INT32)
    names = reader.numbers(_INT8).tobytes()
    if len(width) != 1 or width[0] < 1 or len(names) % width[0]:
        raise _Fault("field names of another length than announced")
    starts = range(0, len(names), int(width[0]))
    fields = [names[i : i + starts.step].split(b"\0")[0].decode("latin-1") for i in starts]
    if len(set(fields)) != len(fields):
        raise _Fault("a field name given twice")
    values = reader.arrays(count * len(fields), depth)
    each = iter(values)
    found = [{field: next(each) for field in fields} for _ in range(count)]
    return found[0] if count == 1 else found
