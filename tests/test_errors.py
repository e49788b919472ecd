import numpy as np
import pytest

from mtattr.errors import InputError, whole_number


def test_whole_numbers_come_back_as_int():
    assert type(whole_number("n", np.int64(3))) is int
    assert whole_number("n", 0, least=0) == 0


@pytest.mark.parametrize("value", [True, 1.0, "1", None, 0, -1, 2**63, float("nan")])
def test_anything_else_is_named(value):
    with pytest.raises(InputError, match="n must be a whole number of at least 1"):
        whole_number("n", value)


def test_the_least_is_said():
    with pytest.raises(InputError, match="at least 2 "):
        whole_number("n", 1, least=2)
