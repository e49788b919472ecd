"""One assertion for all tables of bad input."""

import re
from collections.abc import Callable

from mtattr.errors import InputError


def refused(message: str, act: Callable, *given, case: object = None, **named) -> None:
    """`act(*given, **named)` raises an `InputError` of one line that matches `message`; else the case is named."""
    case = (given, named) if case is None else case
    try:
        act(*given, **named)
    except InputError as error:
        text = str(error)
        assert "\n" not in text, f"{case}: more than one line: {text!r}"
        assert re.search(message, text), f"{case}: expected {message!r}, got {text!r}"
    else:
        raise AssertionError(f"{case}: was not refused")
