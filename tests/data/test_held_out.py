"""Validation carved by path: fixed, fair, nested, and independent of everything else."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mtattr.data.held_out import VALIDATION_SHARE, held_out, is_validation, validation_identities
from mtattr.errors import InputError

PATHS = [f"{make}/{make * 7}/2012/{i:014x}.jpg" for make in range(1, 41) for i in range(250)]


def test_a_share_of_the_paths_is_held_out():
    for share in (0.05, 0.1, 0.5):
        rate = sum(is_validation(path, share) for path in PATHS) / len(PATHS)
        assert abs(rate - share) < 5 * (share * (1 - share) / len(PATHS)) ** 0.5


def test_every_folder_gives_its_part():
    for make in range(1, 41):
        held = sum(is_validation(path) for path in PATHS if path.startswith(f"{make}/"))
        assert 5 <= held <= 60


def test_a_larger_share_keeps_what_a_smaller_one_held_out():
    small, large = ({path for path in PATHS if is_validation(path, share)} for share in (0.1, 0.3))
    assert small < large
    assert not any(is_validation(path, 0.0) for path in PATHS)
    assert all(is_validation(path, 1.0) for path in PATHS)


def test_the_rule_never_changes():
    """The held-out images are part of every published number, so the rule is pinned by another way to write it."""
    for path in PATHS[:500]:
        assert is_validation(path) == (int(hashlib.sha256(path.encode()).hexdigest()[:16], 16) / 16**16 < 0.1)
    assert [i for i in range(40) if is_validation(f"78/1/2014/{i}.jpg")] == [1, 8, 37]


def test_a_share_out_of_range_is_refused():
    for share in [-0.1, 1.5, float("nan")]:
        with pytest.raises(InputError, match="share"):
            is_validation("78/1/2014/a.jpg", share)


def test_a_large_set_follows_the_rule_for_paths():
    for share in [0.01, 0.1, 0.5, 1.0]:
        paths = [f"{i % 7}/{i}.jpg" for i in range(3000)]
        assert held_out(paths, share).tolist() == [is_validation(path, share) for path in paths]


def test_a_small_set_holds_out_what_a_growing_share_takes_first():
    for start in range(0, 200, 4):
        paths = [f"{i}.jpg" for i in range(start, start + 4)]
        share = 0.001
        while not any(is_validation(path, share) for path in paths):
            share += 0.001
        assert set(held_out(paths, 0.0).nonzero()[0]) <= {i for i, path in enumerate(paths) if is_validation(path, share)}
        assert held_out(paths, 0.0).sum() == 1


def test_nothing_is_left_to_hold_out():
    assert held_out(["a"], 0.0).tolist() == [False]
    assert held_out([], 0.1).tolist() == []


MANY = range(1, 10_001)


def test_about_the_share_of_identities_validates():
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
