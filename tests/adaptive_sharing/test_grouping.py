import itertools
import math
import warnings

import numpy as np
import pytest
import sklearn.cluster
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mtattr.adaptive_sharing import VGG16_WIDTHS, choose_branches, grouping, grouping_loss, separation_cost, thin_widths, unit_cost
from mtattr.adaptive_sharing.grouping import branch_limit, cluster

from cases import assert_refused
from reference import random_groups
from reference import separation_cost as by_loops


@pytest.fixture
def remembered(monkeypatch):
    """Clusterings of a matrix are made once, for a seed gives them: costs and factors only choose among them."""
    made, original = {}, grouping.cluster

    def cluster(matrix, count, *, seed=0):
        key = (matrix.numpy().tobytes(), count, seed)
        if key not in made:
            made[key] = original(matrix, count, seed=seed)
        return made[key]

    monkeypatch.setattr(grouping, "cluster", cluster)


def noise(count, seed=0):
    """Affinities without structure."""
    matrix = torch.rand(count, count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return ((matrix + matrix.T) / 2).fill_diagonal_(1)


def blocks(sizes, seed=0):
    """Affinities of branches that fall into clear blocks, in a random order, and the blocks."""
    order = torch.randperm(sum(sizes), generator=torch.Generator().manual_seed(seed))
    owner = torch.tensor([block for block, size in enumerate(sizes) for _ in range(size)])[order]
    inside = owner[:, None] == owner
    matrix = torch.where(inside, 0.92, 0.5) + 0.06 * (noise(len(owner), seed) - 0.5)
    return matrix.fill_diagonal_(1), sorted((owner == block).nonzero().flatten().tolist() for block in range(len(sizes)))


def loss_of(matrix, groups, cost, alpha):
    return (len(groups) - 1) * cost + alpha * by_loops(matrix.tolist(), groups)


def best_over_all_numbers(matrix, cost, alpha, limit):
    """The loss of Eq. 9 and the number of groups, every number up to the limit tried, as the released code does."""
    losses = {}
    for count in range(1, min(limit, len(matrix)) + 1):
        tries = [[0] * len(matrix)] if count == 1 else [range(len(matrix))]
        if 1 < count < len(matrix):
            how = {"n_clusters": count, "affinity": "precomputed", "eigen_solver": "arpack"}
            tries = [sklearn.cluster.SpectralClustering(random_state=77 + r, **how).fit_predict(matrix.numpy()) for r in range(5)]
        for labels in tries:
            groups = [[k for k in range(len(matrix)) if labels[k] == label] for label in set(labels)]
            if len(groups) == count:
                losses[count] = min(losses.get(count, math.inf), loss_of(matrix, groups, cost, alpha))
    return min((loss, count) for count, loss in losses.items())


@pytest.mark.parametrize("limit", [2, 3, 9])
@pytest.mark.parametrize("sizes", [(4, 2), (3, 3, 2), (2, 2, 2, 2), (7,), (2, 1, 3, 1)])
def test_equals_a_search_over_all_numbers_of_groups(sizes, limit):
    matrix, own = blocks(sizes, seed=len(sizes))
    groups = choose_branches(matrix, 1 / 16, 1.0, limit)
    loss, count = best_over_all_numbers(matrix, 1 / 16, 1.0, limit)
    assert len(groups) == count
    assert loss_of(matrix, groups, 1 / 16, 1.0) == pytest.approx(loss, abs=1e-12)
    if limit == 9:
        assert groups == own


@given(st.randoms(use_true_random=False), st.integers(1, 9), st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
def test_separation_by_loops(random, count, seed):
    matrix, groups = noise(count, seed), random_groups(random, count)
    if seed % 2:
        # Branches of several tasks resemble themselves less than fully.
        matrix.diagonal().mul_(0.9)
    found = separation_cost(matrix, groups)
    assert found == pytest.approx(by_loops(matrix.tolist(), groups), abs=1e-12)
    assert 0 <= found <= 1


def test_separation_by_hand():
    matrix = torch.tensor([[1.0, 0.75, 0.5], [0.75, 1.0, 0.25], [0.5, 0.25, 0.5]])
    assert separation_cost(matrix, [[0, 1, 2]]) == 1 - (0.5 + 0.25 + 0.25) / 3
    assert separation_cost(matrix, [[2], [1, 0]]) == (0.5 + 0.25) / 2
    assert separation_cost(matrix, [[0], [1], [2]]) == 0.5 / 3


@pytest.mark.parametrize("count", [1, 2, 7])
def test_tasks_of_their_own_are_not_unlike(count):
    assert separation_cost(noise(count), [[k] for k in range(count)]) == 0


@given(st.randoms(use_true_random=False), st.integers(1, 9), st.integers(0, 14), st.floats(0, 1e6))
@settings(deadline=None, max_examples=40)
def test_the_loss_is_that_of_equation_9(random, count, layer, alpha):
    matrix, groups, poolings = noise(count), random_groups(random, count), (5, 5, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1, 1, 0, 0)[layer]
    expected = (len(groups) - 1) * (1 / 64) * 2**poolings + alpha * by_loops(matrix.tolist(), groups)
    assert grouping_loss(matrix, groups, unit_cost(layer), alpha) == pytest.approx(expected, rel=1e-12)


def test_unit_costs_and_limits_are_those_of_the_released_code():
    in_64ths = [32, 32, 16, 16, 8, 8, 8, 4, 4, 4, 2, 2, 2, 1, 1]
    assert [64 * unit_cost(layer) for layer in range(15)] == in_64ths
    for omega, limits in {32: [2, 2, 4, 4, 8, 8, 8, *(16,) * 6, 64, 64], 64: [1, 1, 2, 2, 4, 4, 4, *(8,) * 6, 32, 32]}.items():
        assert [branch_limit(wide, thin) for wide, thin in zip(VGG16_WIDTHS, thin_widths(omega), strict=True)] == limits
    assert branch_limit(5, 7) == 1
    assert branch_limit(11, 4) == 2


@pytest.mark.parametrize("count", [2, 3, 6])
@pytest.mark.parametrize("cost", [0, 1 / 64, 0.5])
def test_without_weight_on_separation_nothing_forks(count, cost):
    assert choose_branches(noise(count), cost, 0) == [list(range(count))]


@pytest.mark.parametrize("count", [2, 3, 6])
def test_with_all_weight_on_separation_everything_does(count, remembered):
    assert choose_branches(noise(count), 0.5, 1e6) == [[k] for k in range(count)]
    # Nothing may be gained beyond the limit.
    for limit in range(1, count + 2):
        assert len(choose_branches(noise(count), 0.5, 1e6, limit)) == min(limit, count)


def test_one_branch_stays_one():
    for alpha in (0, 1.0, 1e6):
        assert choose_branches(torch.tensor([[0.3]]), 1 / 64, alpha) == [[0]]


def test_a_larger_factor_never_makes_groups_less_alike(remembered):
    for seed in range(3):
        matrix = noise(7, seed)
        found = [choose_branches(matrix, 1 / 64, alpha) for alpha in (0, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)]
        costs = [by_loops(matrix.tolist(), groups) for groups in found]
        assert costs == sorted(costs, reverse=True)
        assert [len(groups) for groups in found] == sorted(map(len, found))
        assert len({len(groups) for groups in found}) > 2


def test_a_dearer_branch_never_makes_more_of_them(remembered):
    matrix = noise(7)
    counts = [len(choose_branches(matrix, cost, 1.0)) for cost in (0, 1 / 64, 1 / 16, 1 / 8, 1 / 2)]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (7, 1)


def test_of_equal_losses_the_fewest_groups_are_taken():
    matrix = torch.tensor([[1.0, 0.5], [0.5, 1.0]])
    assert choose_branches(matrix, 0.5, 1.0) == [[0, 1]]
    assert choose_branches(matrix, 0.499, 1.0) == [[0], [1]]
    # Branches of several tasks: here two groups are not free of separation either, 0.25 + 0.5 against 0.75.
    matrix = torch.tensor([[0.5, 0.25], [0.25, 0.5]])
    assert choose_branches(matrix, 0.25, 1.0) == [[0, 1]]
    assert choose_branches(matrix, 0.249, 1.0) == [[0], [1]]
    assert choose_branches(torch.ones(5, 5), 0, 3.0) == [[0, 1, 2, 3, 4]]


def test_a_seed_gives_the_groups_and_leaves_other_generators_alone():
    matrix, states = noise(8), (np.random.get_state()[1].copy(), torch.get_rng_state())
    first = choose_branches(matrix, 1 / 64, 0.5, seed=3)
    assert np.array_equal(np.random.get_state()[1], states[0])
    assert torch.equal(torch.get_rng_state(), states[1])
    np.random.seed(5)
    torch.manual_seed(5)
    assert choose_branches(matrix, 1 / 64, 0.5, seed=3) == first
    assert 1 < len(first) < 8
    assert isinstance(choose_branches(matrix, 1 / 64, 0.5, seed=10**12), list)


def test_groups_follow_their_branches_into_another_order():
    matrix, own = blocks((3, 2, 3))
    assert choose_branches(matrix, 1 / 16, 1.0) == own
    for order in itertools.islice(itertools.permutations(range(8)), 0, 40320, 13000):
        moved = choose_branches(matrix[list(order)][:, list(order)], 1 / 16, 1.0)
        assert sorted(sorted(order[k] for k in group) for group in moved) == own
        assert moved == sorted(moved)


def test_single_precision_finds_the_same_blocks():
    matrix, own = blocks((3, 2, 3), seed=4)
    assert choose_branches(matrix.float(), 1 / 16, 1.0) == own


@pytest.mark.parametrize(
    "matrix", [torch.eye(6, dtype=torch.float64), torch.ones(6, 6, dtype=torch.float64), torch.zeros(6, 6, dtype=torch.float64)]
)
def test_affinities_without_any_difference_give_whole_groups_and_no_warning(matrix):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for count in range(1, 7):
            groups = cluster(matrix, count)
            assert groups is None or (len(groups) == count and sorted(itertools.chain(*groups)) == list(range(6)))
        choose_branches(matrix, 1 / 64, 1.0)


class Scripted:
    """Clusterings in the place of scikit-learn's, by their order; the last one is repeated."""

    answers: tuple = ()
    seeds: tuple = ()

    def __init__(self, n_clusters, *, random_state, affinity, eigen_solver):
        type(self).seeds += (random_state,)
        assert (affinity, eigen_solver) == ("precomputed", "arpack")

    def fit_predict(self, affinity):
        return np.array(self.answers[min(len(self.seeds), len(self.answers)) - 1])


def scripted(monkeypatch, *answers):
    kind = type("Scripted", (Scripted,), {"answers": answers})
    monkeypatch.setattr(sklearn.cluster, "SpectralClustering", kind)
    return kind


def test_the_best_of_five_clusterings_counts(monkeypatch):
    matrix, own = blocks((2, 2))
    good = [int(k in own[0]) for k in range(4)]
    bad = [int(k in (own[0][0], own[1][0])) for k in range(4)]
    for place in range(5):
        answers = [bad] * 5
        answers[place] = good
        kind = scripted(monkeypatch, *answers)
        assert cluster(matrix, 2) == own
        assert len(set(kind.seeds)) == 5


def test_every_seed_has_clusterings_of_its_own(monkeypatch):
    drawn = {}
    for seed in (0, 1, 2, 1):
        kind = scripted(monkeypatch, [0, 0, 1, 1])
        choose_branches(noise(4), 0.01, 1.0, limit=2, seed=seed)
        assert drawn.setdefault(seed, kind.seeds) == kind.seeds
    assert len({number for seeds in drawn.values() for number in seeds}) == 15


def test_clusterings_with_too_few_groups_are_dropped(monkeypatch):
    matrix = noise(4)
    scripted(monkeypatch, [0, 0, 0, 0], [5, 5, 5, 5], [2, 0, 0, 2], [1, 1, 1, 1])
    assert cluster(matrix, 2) == [[0, 3], [1, 2]]
    scripted(monkeypatch, [0, 0, 0, 0])
    assert cluster(matrix, 2) is None
    # The numbers that no clustering reaches are passed over: all together, or each for itself.
    assert choose_branches(matrix, 0.5, 0.5) == [[0, 1, 2, 3]]
    assert choose_branches(matrix, 1e-3, 10.0) == [[0], [1], [2], [3]]
    assert choose_branches(matrix, 1e-3, 10.0, limit=3) == [[0, 1, 2, 3]]


def test_bad_arguments_are_refused():
    for value in (-0.1, float("nan"), float("inf"), "1", None, True):
        assert_refused("alpha must be a number of at least 0", choose_branches, noise(3), 1 / 64, value)
        assert_refused("unit_cost must be a number of at least 0", choose_branches, noise(3), value, 1.0)
    for limit in (0, -1, 1.5, True, "2"):
        assert_refused("limit", choose_branches, noise(3), 1 / 64, 1.0, limit)
    for groups in ([], [[0, 1]], [[0, 1, 2], []], [[0, 1], [1, 2]], [[0, 1, 2, 3]]):
        assert_refused(r"each of 0..2 once", separation_cost, noise(3), groups)
    for shape in ((3,), (2, 3), (0, 0)):
        assert_refused("branch_affinity must be square", choose_branches, torch.ones(shape), 1 / 64, 1.0)
    for bad in (float("nan"), float("inf")):
        matrix = noise(4)
        matrix[1, 2] = matrix[2, 1] = bad
        assert_refused(r"branch_affinity is not finite at \[1, 2\]", choose_branches, matrix, 1 / 64, 1.0)
        assert_refused(r"branch_affinity is not finite at \[1, 2\]", separation_cost, matrix, [[0, 1], [2, 3]])
