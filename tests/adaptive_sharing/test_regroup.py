import random

import numpy as np
import pytest
import torch
from mtattr.adaptive_sharing import Tree, grouped_by, leaf_order, shuffled, swapped
from mtattr.adaptive_sharing.regroup import label_affinity
from mtattr.errors import InputError

from reference import random_tree, tasks_above

TREE = Tree.trunk(6).widen([[0, 5], [1, 3, 4], [2]]).widen([[0, 2], [1]])


def tree_of(seed, num_tasks):
    return Tree.from_list(random_tree(random.Random(seed), num_tasks))


def noise(count, seed=0):
    matrix = torch.rand(count, count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return ((matrix + matrix.T) / 2).fill_diagonal_(1)


def test_leaves_by_hand():
    assert leaf_order(TREE) == [0, 5, 2, 1, 3, 4]
    assert leaf_order(Tree.trunk(4)) == [0, 1, 2, 3]


@pytest.mark.parametrize("seed", range(10))
def test_no_branches_cross_when_the_leaves_stand_in_order(seed):
    tree = tree_of(seed, 9)
    order = leaf_order(tree)
    assert sorted(order) == list(range(9))
    parents = tree.to_list()
    for layer in range(16):
        for branch in range(len(parents[layer])):
            places = sorted(order.index(task) for task in tasks_above(parents, layer, branch))
            assert places == list(range(places[0], places[0] + len(places)))


def test_swapped_by_hand():
    # 0 5 2 | 1 3 4 become 1 3 4 | 0 5 2, on branches of two, one and three.
    assert swapped(TREE).tasks_of(14) == [[1, 3], [0, 2, 5], [4]]
    assert swapped(TREE).tasks_of(13) == [[1, 3, 4], [0, 2, 5]]
    assert swapped(Tree.trunk(3).widen([[0, 1], [2]])).tasks_of(14) == [[1, 2], [0]]


@pytest.mark.parametrize("num_tasks", [1, 2, 5, 8, 9])
@pytest.mark.parametrize("seed", range(3))
def test_every_task_takes_the_place_half_the_tasks_away(seed, num_tasks):
    tree = tree_of(seed, num_tasks)
    order, changed = leaf_order(tree), swapped(tree)
    assert changed.copies == tree.copies
    for place, task in enumerate(order):
        taker = order[(place + num_tasks // 2) % num_tasks]
        assert changed.parents[-1][taker] == tree.parents[-1][task]
    assert changed.parents[:-1] == tree.parents[:-1]


def test_swapped_twice_is_the_original_where_no_branch_lies_across_the_middle():
    for groups in ([[0, 1, 2], [3, 4, 5]], [[0, 2], [1], [3], [4, 5]], [[0], [1], [2], [3], [4], [5]], [[0, 5], [1], [2, 3, 4]]):
        tree = Tree.trunk(6).widen(groups)
        # Left half of the tasks on the first branches.
        straight = tree.permute_tasks(np.argsort(leaf_order(tree)).tolist())
        assert leaf_order(straight) == list(range(6))
        assert swapped(straight) != straight
        assert swapped(swapped(straight)) == straight
    assert swapped(swapped(Tree.trunk(6))) == Tree.trunk(6)


def test_shuffled_deals_by_the_seed_alone():
    state = torch.get_rng_state()
    trees = [shuffled(TREE, seed=seed) for seed in range(200)]
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(9)
    assert [shuffled(TREE, seed=seed) for seed in range(5)] == trees[:5]
    assert all(tree.copies == TREE.copies and tree.parents[:-1] == TREE.parents[:-1] for tree in trees)
    # Every task is on the branch of three half of the time.
    on_large = np.array([[tree.parents[-1][task] == 1 for task in range(6)] for tree in trees]).mean(0)
    assert on_large == pytest.approx([0.5] * 6, abs=0.12)


def test_clear_blocks_are_found_on_every_layer():
    # Tasks 0 2 4 6 and 1 3 5 7; within each, two pairs.
    matrix = torch.full((8, 8), 0.4, dtype=torch.float64)
    for group, affinity in (([0, 2, 4, 6], 0.7), ([1, 3, 5, 7], 0.7), ([0, 4], 0.9), ([2, 6], 0.9), ([1, 7], 0.9), ([3, 5], 0.9)):
        matrix[np.ix_(group, group)] = affinity
    matrix = (matrix + 0.01 * noise(8)).fill_diagonal_(1)
    tree = Tree.trunk(8).widen([[0, 1, 2], [3, 4], [5, 6], [7]]).widen([[0], [1], [2], [3]]).widen([[0, 1], [2, 3]]).widen([[0, 1]])
    found = grouped_by(tree, matrix)
    assert found.copies == tree.copies == (*(1,) * 12, 2, 4, 4)
    assert found.tasks_of(14) == found.tasks_of(13) == [[0, 4], [1, 7], [2, 6], [3, 5]]
    assert found.tasks_of(12) == [[0, 2, 4, 6], [1, 3, 5, 7]]


@pytest.mark.parametrize("seed", range(4))
def test_other_groups_need_as_many_weights(seed):
    tree = tree_of(seed, 8)
    found = grouped_by(tree, noise(8, seed), seed=seed)
    assert found.copies == tree.copies
    assert found == grouped_by(tree, noise(8, seed), seed=seed)


def test_a_tree_without_branches_has_no_groups():
    for num_tasks in (1, 5):
        assert grouped_by(Tree.trunk(num_tasks), noise(num_tasks)) == Tree.trunk(num_tasks)


def test_affinities_that_tell_too_few_groups_apart_are_refused(monkeypatch):
    monkeypatch.setattr("mtattr.adaptive_sharing.regroup.cluster", lambda matrix, count, *, seed: None)
    with pytest.raises(InputError, match="fc7: the affinities do not tell 3 groups apart"):
        grouped_by(TREE, noise(6))
    monkeypatch.undo()
    with pytest.raises(InputError, match="not finite"):
        grouped_by(TREE, torch.full((6, 6), torch.nan))


def test_affinity_of_labels_by_hand():
    nan = torch.nan
    labels = torch.tensor([[1, 0, 1, 1, nan], [1, 0, 0, 1, nan], [0, 1, 1, 1, nan], [0, 1, nan, 1, nan]])
    found = label_affinity(labels)
    assert found.dtype == torch.float64
    # The third task is known on three images: phi of (1, 1, 0) and (1, 0, 1) is -1/2.
    expected = [[1, 1, 0.5, 0, 0], [1, 1, 0.5, 0, 0], [0.5, 0.5, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_affinity_of_labels_is_the_size_of_their_correlation():
    labels = (torch.rand(50, 4, generator=torch.Generator().manual_seed(0)) < torch.tensor([0.5, 0.2, 0.8, 0.4])).float()
    labels[:, 3] = 1 - labels[:, 0]
    expected = np.abs(np.corrcoef(labels.numpy().T))
    np.testing.assert_allclose(label_affinity(labels).numpy(), expected, rtol=0, atol=1e-6)
    assert label_affinity(labels)[0, 3] == pytest.approx(1)
