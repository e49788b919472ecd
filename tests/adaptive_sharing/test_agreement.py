import itertools
import math
import random

import pytest
import torch
from mtattr.adaptive_sharing import agreement
from mtattr.adaptive_sharing.agreement import group_labels
from sklearn.metrics import adjusted_rand_score

from cases import assert_refused

KNOWN = [0] * 4 + [1] * 4 + [2] * 4


def pairs_together(groups):
    return [groups[i] == groups[j] for i, j in itertools.combinations(range(len(groups)), 2)]


def index_by_pairs(found, known):
    """Hubert and Arabie's adjusted Rand index from the pairs that both groupings put together."""
    ours, theirs = pairs_together(found), pairs_together(known)
    both = sum(a and b for a, b in zip(ours, theirs, strict=True))
    chance = sum(ours) * sum(theirs) / len(ours)
    return (both - chance) / ((sum(ours) + sum(theirs)) / 2 - chance)


@pytest.mark.parametrize("seed", range(10))
def test_the_index_is_the_adjusted_rand_index(seed):
    rng = random.Random(seed)
    found, known = ([rng.randrange(4) for _ in range(15)] for _ in range(2))
    result = agreement(found, known, permutations=0)
    assert result["index"] == pytest.approx(adjusted_rand_score(known, found))
    assert result["index"] == pytest.approx(index_by_pairs(found, known))
    assert result["p"] == 1
    assert math.isnan(result["chance"])


def test_equal_groupings_agree_and_chance_does_not_reach_them():
    found = agreement([{0: "eyes", 1: "mouth", 2: "hair"}[k] for k in KNOWN], KNOWN, permutations=199)
    assert found["index"] == 1
    assert found["p"] == 1 / 200
    assert 0 < found["chance"] < 0.5


def test_deals_that_do_as_well_count():
    # Of the 6 deals of two pairs, 2 are equal to the known one.
    found = agreement([0, 0, 1, 1], [5, 5, 7, 7], permutations=900)
    assert found["p"] == pytest.approx(1 / 3, abs=0.05)
    assert found["chance"] == 1
    # One group, or all alone: every deal is the same.
    for groups in ([0, 0, 0, 0], [0, 1, 2, 3]):
        assert agreement(groups, [0, 0, 1, 1], permutations=50)["p"] == 1


def test_random_groupings_have_all_p_values_alike():
    rng, found = random.Random(0), []
    for trial in range(60):
        groups = [rng.randrange(3) for _ in KNOWN]
        found.append(agreement(groups, KNOWN, permutations=39, seed=trial)["p"])
    assert sum(found) / len(found) == pytest.approx(0.55, abs=0.12)
    for level in (0.1, 0.25, 0.5):
        share = sum(p <= level for p in found) / len(found)
        assert share <= level + 3 * math.sqrt(level * (1 - level) / len(found))
    assert min(found) < 0.15
    assert max(found) > 0.85


def test_a_seed_gives_the_deals():
    groups = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 0, 1]
    first = agreement(groups, KNOWN, permutations=50, seed=1)
    assert agreement(groups, KNOWN, permutations=50, seed=1) == first
    assert agreement(groups, KNOWN, permutations=50, seed=2) != first


def test_groupings_that_cannot_be_compared_are_refused():
    for found, known in (([0, 1], [0, 1, 1]), ([], []), ([0], [0])):
        assert_refused("two groupings of at least two tasks", agreement, found, known)


def test_groups_as_a_label_for_each_member():
    assert group_labels([[3, 0], [2]], 5) == [0, -1, 1, 0, -1]


@pytest.mark.parametrize("seed", range(3))
def test_the_null_is_the_index_of_dealt_groups(seed):
    generator = torch.Generator().manual_seed(seed)
    found, known = (torch.randint(4, (15,), generator=generator).tolist() for _ in range(2))
    expected = []
    deals = torch.Generator().manual_seed(7)
    for _ in range(50):
        order = torch.randperm(15, generator=deals).tolist()
        expected.append(adjusted_rand_score(known, [found[i] for i in order]))
    result = agreement(found, known, permutations=50, seed=7)
    assert result["chance"] == pytest.approx(torch.tensor(expected, dtype=torch.float64).quantile(0.95).item())
    assert result["p"] == (1 + sum(value >= result["index"] - 1e-12 for value in expected)) / 51
