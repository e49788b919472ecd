from fractions import Fraction

import numpy as np
import pytest
from mtattr.errors import InputError, number_of_at_least, whole_number


def test_whole_numbers_come_back_as_int():
    assert type(whole_number("n", np.int64(3))) is int
    assert whole_number("n", 0, least=0) == 0


def test_anything_else_is_named():
    for value in [True, 1.0, "1", None, 0, -1, 2**63, float("nan")]:
        with pytest.raises(InputError, match="n must be a whole number of at least 1"):
            whole_number("n", value)


def test_the_least_is_said():
    with pytest.raises(InputError, match="at least 2 "):
        whole_number("n", 1, least=2)


def test_numbers_come_back_as_float():
    for value in [2, 2.0, np.float32(2), np.int64(2), Fraction(2)]:
        found = number_of_at_least("weight", value)
        assert type(found) is float
        assert found == 2.0


def test_the_least_number_itself_is_enough():
    assert number_of_at_least("weight", 0) == 0.0
    assert number_of_at_least("weight", 0.5, least=0.5) == 0.5
    assert number_of_at_least("weight", -3, least=-3) == -3.0


def test_any_other_number_is_named():
    for value in [True, "1", None, -1, -1e-12, float("nan"), float("inf"), 1j, [1.0]]:
        with pytest.raises(InputError, match="weight must be a number of at least 0, got ") as caught:
            number_of_at_least("weight", value)
        assert str(caught.value).endswith(repr(value))


def test_the_least_number_is_said():
    with pytest.raises(InputError, match=r"rate must be a number of at least 0\.25, got 0\.1"):
        number_of_at_least("rate", 0.1, least=0.25)
