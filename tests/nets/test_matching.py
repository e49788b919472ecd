import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mtattr.nets.matching import closest
from torch import nn


@settings(deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=20).map(sorted), st.integers(-5, 55))
def test_none_of_the_candidates_is_nearer(counts, target):
    found = closest(range(len(counts)), counts.__getitem__, target)
    assert abs(counts[found] - target) == min(abs(count - target) for count in counts)


@settings(deadline=None)
@given(st.sets(st.integers(0, 500), min_size=1, max_size=40).map(sorted), st.integers(-5, 505))
def test_of_two_equally_near_the_smaller_is_taken(counts, target):
    assert closest(counts, float, target) == min(counts, key=lambda count: abs(count - target))


def test_a_bisection_builds_few_networks_and_no_weights():
    built, state = [], torch.get_rng_state()

    def count(width):
        built.append(nn.Linear(width, width, bias=False))
        return built[-1].weight.numel()

    assert closest(range(1, 2**20), count, 500_000**2) == 500_000
    assert len(built) <= 20 + 2
    assert all(layer.weight.is_meta for layer in built)
    assert torch.equal(torch.get_rng_state(), state)
