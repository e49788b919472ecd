import pytest
from hypothesis import given
from hypothesis import strategies as st
from mtattr.data.identity_split import VALIDATION_SHARE, validation_identities
from mtattr.errors import InputError

MANY = range(1, 10_001)


def test_about_the_share_validates():
    for share in (0.05, VALIDATION_SHARE, 0.5):
        spread = 4 * (share * (1 - share) / len(MANY)) ** 0.5
        assert abs(len(validation_identities(MANY, share)) / len(MANY) - share) < spread


@given(st.sets(st.integers(0, 99_999), max_size=60))
def test_other_identities_do_not_matter(some):
    assert validation_identities(some) == {number for number in some if validation_identities([number])}


def test_a_larger_share_keeps_those_of_a_smaller_one():
    assert validation_identities(MANY, 0.05) < validation_identities(MANY, 0.2)
    assert validation_identities(MANY, 0.0) == set()
    assert validation_identities(MANY, 1.0) == set(MANY)


def test_the_rule_is_the_same_everywhere_and_for_numpy_numbers():
    np = pytest.importorskip("numpy")
    assert validation_identities(np.arange(1, 61)) == validation_identities(range(1, 61))
    assert sorted(validation_identities(range(1, 61))) == PINNED


def test_a_share_beyond_one_is_an_error():
    with pytest.raises(InputError, match="share"):
        validation_identities([1, 2], 13.33)


PINNED = [3, 21, 28, 31, 33, 34, 58]
