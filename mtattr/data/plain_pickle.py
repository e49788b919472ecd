"""Pickle files of plain data, such as CIFAR's, of which nothing is ever run."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np

from mtattr.data.folders import read_bytes
from mtattr.errors import InputError


class Array:
    """An array of uint8 in a pickle file: numpy's own unpickling would trust what the file says."""

    def __init__(self, content=b"", element=None, shape=(0,), order: str = "C") -> None:
        content = content.encode("latin-1") if isinstance(content, str) else content
        self.pixels = np.frombuffer(content, np.uint8).reshape(shape, order=order)

    def __setstate__(self, state: tuple) -> None:
        _, shape, element, by_columns, content = state
        self.__init__(content, element, shape, "F" if by_columns else "C")


class _Uint8:
    """The element type of an array, which must be uint8."""

    def __init__(self, code: str, *copying: bool) -> None:
        if code not in ("u1", "|u1"):
            raise ValueError(f"an array of {code!r}, not of uint8")

    def __setstate__(self, state: tuple) -> None:
        pass  # byte order and alignment, which mean nothing for single bytes


def _latin1(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"text in {encoding!r}")
    return text.encode("latin-1")


# What a pickled array of old and new numpy names, and how Python 3 writes bytes for Python 2.
_STAND_INS = {
    "numpy ndarray": Array,
    "numpy dtype": _Uint8,
    "numpy.core.multiarray _reconstruct": lambda *_: Array(),
    "numpy._core.multiarray _reconstruct": lambda *_: Array(),
    "numpy.core.numeric _frombuffer": Array,
    "numpy._core.numeric _frombuffer": Array,
    "_codecs encode": _latin1,
}


class _PlainUnpickler(pickle._Unpickler):
    # The form in Python: in the C form four damaged bytes can claim gigabytes for its memo.
    def find_class(self, module: str, name: str) -> object:
        wanted = f"{module} {name}"
        if wanted not in _STAND_INS:
            raise pickle.UnpicklingError(f"it names {wanted[:60]!r}")
        return _STAND_INS[wanted]


def read_plain_pickle(path: Path, about: str = "") -> object:
    """The value in a pickle file of dicts, lists, tuples, numbers, text, bytes and `Array`.

    Byte strings of Python 2 become text of one character per byte.

    Args:
        about: where to obtain the file, for the error if it is missing.

    Raises:
        InputError: the file is missing, damaged, no pickle, or holds anything but plain data.
    """
    content = io.BytesIO(read_bytes(path, about))
    try:
        return _PlainUnpickler(content, encoding="latin-1").load()
    except Exception as error:  # a damaged pickle can raise anything
        why = " ".join(str(error).split())[:80] or type(error).__name__
        raise InputError(
            f"{path}: expected a whole pickle file of plain data; nothing of it was run ({why})"
        ) from None
