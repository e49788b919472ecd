"""The one exception that a user can cause and mend, and the commonest cause."""

from numbers import Integral, Real


class InputError(Exception):
    """Bad input: one line that names the file or value and what was expected.

    The command line prints the line and leaves with exit code 2; a library user catches it as any other exception.
    """


def whole_number(name: str, value: int, least: int = 1) -> int:
    """`value` as int, or `InputError` naming it if it is no whole number of at least `least` that fits 63 bits."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= value < 2**63:
        raise InputError(
            f"{name} must be a whole number of at least {least} that fits 63 bits, got {value!r}"
        )
    return int(value)


def number_of_at_least(name: str, value: float, least: float = 0.0) -> float:
    """`value` as float, or `InputError` naming it if it is no finite number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Real) or not least <= value < float("inf"):
        raise InputError(f"{name} must be a number of at least {least:g}, got {value!r}")
    return float(value)
