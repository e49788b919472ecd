"""Dictionaries, lists, numbers, text and uint8 arrays out of a pickle, without unpickling it.

A pickle is a program, and loading one runs whatever its author wrote. This reader walks through the instructions,
carries out the few that build plain values, and refuses every other: it imports nothing and calls nothing that the file
names. The one object it knows is a numpy array of uint8, in the forms that Python 2 and 3 write.
"""

from __future__ import annotations

import math
import pickletools
from pathlib import Path

import numpy as np

from mtattr.errors import InputError

_MARK = object()
_RECONSTRUCT, _ARRAY, _DTYPE, _ENCODE, _FROM_BUFFER = (
    "reconstruct",
    "ndarray",
    "dtype",
    "encode",
    "from buffer",
)

# What a pickled array refers to: the names of old and new numpy, and how Python 3 writes bytes for Python 2.
_NAMES = {
    "numpy.core.multiarray _reconstruct": _RECONSTRUCT,
    "numpy._core.multiarray _reconstruct": _RECONSTRUCT,
    "numpy.core.numeric _frombuffer": _FROM_BUFFER,
    "numpy._core.numeric _frombuffer": _FROM_BUFFER,
    "numpy ndarray": _ARRAY,
    "numpy dtype": _DTYPE,
    "_codecs encode": _ENCODE,
}
_VALUES = {
    *(
        "INT",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG",
        "LONG1",
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
    ),
    *(
        "UNICODE",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
    ),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_STORE, _FETCH = {"PUT", "BINPUT", "LONG_BINPUT"}, {"GET", "BINGET", "LONG_BINGET"}


class _Name(str):
    """One of the names in `_NAMES`, which no text of the file can be mistaken for."""


class _Built:
    """An array or element type under construction: what the file says about it."""

    def __init__(self, kind: str, about: tuple) -> None:
        self.kind, self.about, self.state = kind, about, None


class _Refused(Exception):
    """The file holds something else than plain data."""


def read_plain_pickle(path: Path, about: str = "") -> object:
    """The value in a pickle file: dicts, lists, tuples, whole numbers, text, bytes and uint8 arrays.

    Python 2's byte strings come back as text, each byte one character. `about` completes the error for a missing file.
    Raises `InputError` if the file is missing, cut short, no pickle, or asks for anything that is not plain data.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: file missing{about}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}){about}") from None
    try:
        return _finished(_run(content), {})
    except _Refused as refused:
        raise InputError(
            f"{path}: expected plain data in this pickle file; {refused}, and nothing of it was run"
        ) from None
    except (
        ValueError,
        IndexError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        OverflowError,
    ) as error:
        raise InputError(
            f"{path}: expected a whole pickle file, it is damaged or cut short ({str(error)[:80]})"
        ) from None


def _run(content: bytes) -> object:
    stack: list = []
    memo: dict[int, object] = {}
    for opcode, argument, position in pickletools.genops(content):
        name = opcode.name
        if name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _STORE:
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in _FETCH:
            stack.append(memo[argument])
        elif name == "MARK":
            stack.append(_MARK)
        elif name in _TUPLES:
            count = _TUPLES[name]
            stack.append(tuple(_popped(stack, count)))
        elif name == "TUPLE":
            stack.append(tuple(_since_mark(stack)))
        elif name in ("EMPTY_LIST", "LIST"):
            stack.append(_since_mark(stack) if name == "LIST" else [])
        elif name in ("EMPTY_DICT", "DICT"):
            stack.append(_pairs(_since_mark(stack)) if name == "DICT" else {})
        elif name in ("APPEND", "APPENDS"):
            values = _since_mark(stack) if name == "APPENDS" else _popped(stack, 1)
            _of_type(stack[-1], list).extend(values)
        elif name in ("SETITEM", "SETITEMS"):
            values = _since_mark(stack) if name == "SETITEMS" else _popped(stack, 2)
            _of_type(stack[-1], dict).update(_pairs(values))
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            wanted = (
                argument
                if name == "GLOBAL"
                else " ".join(_of_type(part, str) for part in _popped(stack, 2))
            )
            if wanted not in _NAMES:
                raise _Refused(f"at byte {position} it names {wanted[:60]!r}")
            stack.append(_Name(_NAMES[wanted]))
        elif name == "REDUCE":
            function, arguments = _popped(stack, 2)
            stack.append(_reduced(function, _of_type(arguments, tuple)))
        elif name == "BUILD":
            (state,) = _popped(stack, 1)
            _of_type(stack[-1], _Built).state = state
        elif name == "STOP":
            (value,) = _popped(stack, len(stack))
            return value
        elif name not in ("PROTO", "FRAME"):
            raise _Refused(f"at byte {position} it has the instruction {name}")
    raise ValueError("no end")


def _popped(stack: list, count: int) -> list:
    values = stack[len(stack) - count :] if count else []
    if len(values) != count or any(value is _MARK for value in values):
        raise ValueError("too few values")
    del stack[len(stack) - count :]
    return values


def _since_mark(stack: list) -> list:
    start = max(i for i in range(len(stack)) if stack[i] is _MARK)
    values = stack[start + 1 :]
    del stack[start:]
    return values


def _pairs(values: list) -> dict:
    return {_key(key): value for key, value in zip(values[::2], values[1::2], strict=True)}


def _key(key: object) -> str:
    if isinstance(key, bytes):
        return key.decode("latin-1")
    return _of_type(key, str)


def _of_type(value, wanted: type):
    if not isinstance(value, wanted) or isinstance(value, _Name):
        raise _Refused(
            f"it has a {type(value).__name__.lstrip('_').lower()} where only a {wanted.__name__} makes sense"
        )
    return value


def _reduced(function: object, arguments: tuple) -> object:
    kind = str(function) if isinstance(function, _Name) else None
    if kind == _ENCODE and len(arguments) == 2 and arguments[1] in ("latin1", "latin-1"):
        return _of_type(arguments[0], str).encode("latin-1")
    if kind in (_DTYPE, _RECONSTRUCT, _FROM_BUFFER):
        return _Built(kind, arguments)
    raise _Refused(f"it calls {kind or type(function).__name__}")


def _finished(value: object, done: dict[int, object]) -> object:
    """`value` with every array under construction made real, each part once however often it occurs."""
    if isinstance(value, _Name):
        raise _Refused(f"it has the bare name {value}")
    if not isinstance(value, _Built | list | dict | tuple):
        return value
    if id(value) not in done:
        if isinstance(value, _Built):
            done[id(value)] = _array(value)
        elif isinstance(value, tuple):
            done[id(value)] = tuple(_finished(part, done) for part in value)
        else:
            # Changed in place, and noted first, because a list can hold itself.
            done[id(value)] = value
            for key in range(len(value)) if isinstance(value, list) else list(value):
                value[key] = _finished(value[key], done)
    return done[id(value)]


def _array(built: _Built) -> np.ndarray:
    if built.kind == _RECONSTRUCT:
        _, shape, element, by_columns, content = built.state
    elif built.kind == _FROM_BUFFER and built.state is None:
        content, element, shape, order = built.about
        by_columns = order == "F"
    else:
        raise _Refused("it has an element type outside an array")
    if (
        not isinstance(element, _Built)
        or element.kind != _DTYPE
        or element.about[0] not in ("u1", "|u1")
    ):
        raise _Refused("it has an array that is not of uint8")
    if isinstance(content, str):
        content = content.encode("latin-1")
    if not isinstance(content, bytes | bytearray):
        raise _Refused("it has an array whose content is no bytes")
    shape = tuple(_of_type(length, int) for length in _of_type(shape, tuple))
    if min(shape, default=0) < 0 or math.prod(shape) != len(content):
        raise ValueError(f"an array of shape {shape} with {len(content)} bytes")
    return np.frombuffer(bytes(content), dtype=np.uint8).reshape(
        shape, order="F" if by_columns else "C"
    )
