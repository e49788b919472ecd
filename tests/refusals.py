"""A check that a bad argument is refused, for tests that loop over a table of them."""

import re

import torch
from mtattr.errors import InputError


def assert_refused(message, function, *arguments, **options):
    """`function` raises `InputError` with one line that matches `message`; a failure names the arguments."""
    said = None
    try:
        function(*arguments, **options)
    except InputError as error:
        said = str(error)
    named = [*map(_short, arguments), *(f"{name}={_short(value)}" for name, value in options.items())]
    call = f"{getattr(function, '__name__', function)}({', '.join(named)})"
    assert said is not None, f"{call} was not refused"
    assert re.search(message, said), f"{call}: expected {message!r}, got {said!r}"
    assert "\n" not in said, f"{call}: more than one line, {said!r}"


def _short(value):
    return f"{value.dtype}{tuple(value.shape)}" if isinstance(value, torch.Tensor) else repr(value)[:80]
