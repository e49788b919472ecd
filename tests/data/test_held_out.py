import pytest

from mtattr.data.held_out import held_out
from mtattr.data.path_split import is_validation


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 1.0])
def test_a_large_set_follows_the_rule_for_paths(share):
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
