import itertools
import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from mtattr.adaptive_sharing.tree import Tree, partition

from cases import assert_refused
from reference import random_groups, random_tree, tasks_above

randoms = st.randoms(use_true_random=False)
TRUNK = [[0]] * 15


def tasks_by_walking(parents, layer):
    return [tasks_above(parents, layer, branch) for branch in range(len(parents[layer]))]


def test_a_trunk_has_one_branch_below_the_outputs():
    tree = Tree.trunk(3)
    assert (tree.num_tasks, tree.copies, tree.junction) == (3, (1,) * 15, 15)
    assert all(tree.tasks_of(layer) == [[0, 1, 2]] for layer in range(15))
    assert tree.tasks_of(15) == [[0], [1], [2]]


def test_one_task_has_nothing_to_fork():
    tree = Tree.trunk(1)
    assert (tree.num_tasks, tree.junction, tree.tasks_of(15)) == (1, 16, [[0]])
    assert_refused("nothing to widen", tree.widen, [[0]])


def test_parents_that_make_no_tree_are_refused():
    for num_tasks in (0, -1, 2.0, True, None):
        assert_refused("num_tasks", Tree.trunk, num_tasks)
    for parents, expected in (
        ([], "16 layers, the outputs included; got 0"),
        (TRUNK, "16 layers, the outputs included; got 15"),
        ([*TRUNK, [0], [0]], "got 17"),
        ([*TRUNK, []], "outputs"),
        ([*TRUNK, [0, 1]], r"outputs: the branches below are 0..0"),
        ([*TRUNK, [-1]], "outputs"),
        ([[1], *TRUNK], "conv1_1"),
        ([*TRUNK[:14], [0, 0], [0, 0]], r"outputs: the branches below are 0..1 and each needs a reader"),
        ([*TRUNK[:13], [0, 0], [0, 2], [0, 1]], "fc7"),
        ([[0], [], *TRUNK[:13], [0]], "conv1_2"),
        *((foreign, "tree") for foreign in (None, 5, "tree", [0] * 16, [["x"]] * 16, [[None]] * 16)),
    ):
        assert_refused(expected, Tree, parents)
        assert_refused(expected, Tree.from_list, parents)


@settings(deadline=None)
@given(randoms, st.integers(1, 12))
def test_json_reads_back_equal(random, num_tasks):
    parents = random_tree(random, num_tasks)
    tree = Tree.from_list(parents)
    assert tree.to_list() == parents
    again = Tree.from_list(json.loads(json.dumps(tree.to_list())))
    assert again == tree
    assert hash(again) == hash(tree)


@settings(deadline=None)
@given(randoms, st.integers(1, 12))
def test_tasks_are_those_whose_way_down_passes_the_branch(random, num_tasks):
    parents = random_tree(random, num_tasks)
    tree = Tree.from_list(parents)
    for layer in range(16):
        assert tree.tasks_of(layer) == tasks_by_walking(parents, layer)
    assert tree.copies == tuple(len(layer) for layer in parents[:15])


@settings(deadline=None)
@given(randoms, st.integers(2, 12))
def test_a_whole_search_from_the_outputs_down(random, num_tasks):
    tree = Tree.trunk(num_tasks)
    for at in range(15, 1, -1):
        assert tree.junction == at
        groups = random_groups(random, len(tree.parents[at]))
        before, tree = tree, tree.widen(groups)
        assert tree.copies[at - 1] == len(groups)
        for layer, (was, now) in enumerate(zip(before.parents, tree.parents, strict=True)):
            if layer not in (at - 1, at):
                assert now == was
        above = before.tasks_of(at)
        assert tree.tasks_of(at) == above
        assert tree.tasks_of(at - 1) == [sorted(task for branch in group for task in above[branch]) for group in groups]
        # Partitions are nested: every branch lies within one of the layer below.
        for layer in range(15):
            below = tree.tasks_of(layer)
            assert sorted(itertools.chain(*below)) == list(range(num_tasks))
            assert all(any(set(branch) <= set(group) for group in below) for branch in tree.tasks_of(layer + 1))
        if len(groups) == 1:
            assert tree == before
            break
    assert tree.copies[0] == 1


def test_a_search_to_the_image_can_go_no_further():
    tree = Tree.trunk(2)
    for at in range(15, 0, -1):
        assert tree.junction == at
        tree = tree.widen([[1], [0]])
        assert tree.copies == (1,) * (at - 1) + (2,) * (16 - at)
    assert_refused("nothing to widen", tree.widen, [[0], [1]])


def test_groups_of_one_leave_the_layer_below_single():
    assert Tree.trunk(4).widen([[2, 0, 3, 1]]) == Tree.trunk(4)


def test_widening_by_hand():
    tree = Tree.trunk(7).widen([[3, 0, 1], [2], [4, 6, 5]]).widen([[1], [2, 0]])
    assert tree.parents[13:] == ((0, 0), (0, 1, 0), (0, 0, 1, 0, 2, 2, 2))
    assert tree.tasks_of(14) == [[0, 1, 3], [2], [4, 5, 6]]
    assert tree.tasks_of(13) == [[0, 1, 3, 4, 5, 6], [2]]
    assert tree.junction == 13


def test_the_order_of_groups_does_not_matter():
    groups = [[0, 4], [1], [2, 5], [3]]
    trees = {Tree.trunk(6).widen([list(reversed(group)) for group in order]) for order in itertools.permutations(groups)}
    assert len(trees) == 1


def test_groups_that_do_not_hold_each_branch_once_are_refused():
    for groups in ([], [[0, 1]], [[0, 1, 2], []], [[0, 1], [1, 2]], [[0, 1, 2, 3]], [[0, 0, 1, 2]], [[-1, 0, 1, 2]]):
        assert_refused(r"each of 0..2 once", Tree.trunk(3).widen, groups)
        assert_refused(r"each of 0..2 once", partition, groups, 3)


def test_a_partition_is_sorted():
    assert partition(((4, 2), [3], {1, 0}), 5) == [[0, 1], [2, 4], [3]]


@settings(deadline=None)
@given(randoms, st.integers(1, 10))
def test_permuted_tasks_sit_where_others_sat(random, num_tasks):
    tree = Tree.from_list(random_tree(random, num_tasks))
    order = random.sample(range(num_tasks), num_tasks)
    moved = tree.permute_tasks(order)
    assert moved.copies == tree.copies
    for layer in range(15):
        assert moved.tasks_of(layer) == [sorted(order[t] for t in tasks) for tasks in tree.tasks_of(layer)]
    back = [order.index(task) for task in range(num_tasks)]
    assert moved.permute_tasks(back) == tree
    assert tree.permute_tasks(range(num_tasks)) == tree


def test_an_order_that_does_not_hold_each_task_once_is_refused():
    for order in ([], [0, 1], [0, 1, 1], [1, 2, 3], [0, 1, 2, 3]):
        assert_refused("each of the 3 tasks once", Tree.trunk(3).permute_tasks, order)


def test_random_trees_reach_deep():
    # What the tests above draw: else they would say little.
    depths = [Tree.from_list(random_tree(random.Random(seed), 10)).junction for seed in range(50)]
    assert min(depths) == 1
    assert len(set(depths)) > 3
