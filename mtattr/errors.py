"""The exception for bad user input, and checks of numbers."""

from numbers import Integral, Real


class InputError(Exception):
    """Bad input: one line that names the file or value and what was expected.

    The command line prints the line and ends with exit code 2.
    """


def whole_number(name: str, value: int, least: int = 1) -> int:
    """`value` as int; `InputError` unless it is a whole number of at least `least` in 63 bits."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= value < 2**63:
        raise InputError(
            f"{name} must be a whole number of at least {least} that fits 63 bits, got {value!r}"
        )
    return int(value)


def number_of_at_least(name: str, value: float, least: float = 0.0) -> float:
    """`value` as float; `InputError` unless it is a finite number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Real) or not least <= value < float("inf"):
        raise InputError(f"{name} must be a number of at least {least:g}, got {value!r}")
    return float(value)
