"""The same branches with other tasks on them: what the grouping is worth (Lu et al. 2017, Sec. 4.4, Fig. 3)."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.adaptive_sharing.affinity import branch_affinity
from mtattr.adaptive_sharing.grouping import cluster
from mtattr.adaptive_sharing.layout import LAYERS
from mtattr.adaptive_sharing.tree import Tree
from mtattr.errors import InputError
from mtattr.evaluation.correlation import phi_coefficients


def leaf_order(tree: Tree) -> list[int]:
    """The tasks from left to right as the tree is drawn: neighbours share the most branches."""
    paths = {}
    for task in range(tree.num_tasks):
        branch, path = task, []
        for parents in reversed(tree.parents):
            branch = parents[branch]
            path.append(branch)
        paths[task] = path[::-1]
    return sorted(paths, key=lambda task: (paths[task], task))


def swapped(tree: Tree) -> Tree:
    """The left half of the tasks takes the places of the right half and the other way round (Fig. 3)."""
    order = leaf_order(tree)
    return _dealt(tree, order[tree.num_tasks // 2 :] + order[: tree.num_tasks // 2])


def shuffled(tree: Tree, *, seed: int) -> Tree:
    """All tasks dealt to the places at random; the same for the same seed."""
    return _dealt(
        tree, torch.randperm(tree.num_tasks, generator=torch.Generator().manual_seed(seed)).tolist()
    )


def _dealt(tree: Tree, tasks: list[int]) -> Tree:
    """tasks[k] takes the k-th place of the tree, from left to right."""
    taker = dict(zip(leaf_order(tree), tasks, strict=True))
    return tree.permute_tasks([taker[task] for task in range(tree.num_tasks)])


def grouped_by(tree: Tree, matrix: Tensor, *, seed: int = 0) -> Tree:
    """A tree with as many branches in every layer as `tree`, but grouped by another affinity of the tasks, `(T, T)`.

    From the outputs down, the branches are clustered as in the search, into the numbers that `tree` has; so both networks have
    the same number of weights. Raises `InputError` if no clustering finds that many groups.
    """
    found = Tree.trunk(tree.num_tasks)
    for layer in reversed(range(len(LAYERS))):
        count = tree.copies[layer]
        if count == 1:
            break
        groups = cluster(branch_affinity(matrix, found.tasks_of(layer + 1)), count, seed=seed)
        if groups is None:
            raise InputError(f"{LAYERS[layer]}: the affinities do not tell {count} groups apart")
        found = found.widen(groups)
    return found


def label_affinity(labels: Tensor) -> Tensor:
    """How much the labels of two tasks tell about each other: |phi|, float64 `(T, T)` in [0, 1], diagonal 1.

    labels `(N, T)`, 0 or 1, NaN = unknown. A constant task tells nothing: 0.
    """
    return phi_coefficients(labels).abs().nan_to_num(0).fill_diagonal_(1)
