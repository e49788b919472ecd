"""Tests of many cases as one: `each` loops over a table, `assert_refused` checks one bad argument."""

import functools
import inspect
import re

import torch
from mtattr.errors import InputError


def each(names, values):
    """Like `pytest.mark.parametrize`, but one test that goes through all values; a failure names its case.

    For cases that take milliseconds and whose failures one would mend together. Fixtures are shared by the cases.
    """
    names, values = names.split(", ") if isinstance(names, str) else names, list(values)
    assert values, "a test without cases cannot fail"

    def decorate(test):
        @functools.wraps(test)
        def through_all(**fixtures):
            for value in values:
                given = dict(zip(names, value if len(names) > 1 else [value], strict=True))
                try:
                    test(**fixtures, **given)
                except Exception as error:
                    error.add_note("case: " + ", ".join(f"{name}={_short(part)}" for name, part in given.items()))
                    raise

        signature = inspect.signature(test)
        left = [parameter for name, parameter in signature.parameters.items() if name not in names]
        through_all.__signature__ = signature.replace(parameters=left)
        return through_all

    return decorate


def assert_refused(message, function, *arguments, case=None, **options):
    """`function` raises `InputError` with one line that matches `message`; a failure names the arguments, or `case`."""
    said = None
    try:
        function(*arguments, **options)
    except InputError as error:
        said = str(error)
    named = [*map(_short, arguments), *(f"{name}={_short(value)}" for name, value in options.items())]
    call = repr(case) if case is not None else f"{getattr(function, '__name__', function)}({', '.join(named)})"
    assert said is not None, f"{call} was not refused"
    assert re.search(message, said), f"{call}: expected {message!r}, got {said!r}"
    assert "\n" not in said, f"{call}: more than one line, {said!r}"


def _short(value):
    return f"{value.dtype}{tuple(value.shape)}" if isinstance(value, torch.Tensor) else repr(value)[:80]
