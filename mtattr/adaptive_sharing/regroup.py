"""Trees with the same branches and other tasks on them (Lu et al. 2017, Sec. 4.4, Fig. 3)."""

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
    """Tasks from left to right as the tree is drawn: neighbours share the most branches."""
    paths = {}
    for task in range(tree.num_tasks):
        branch, path = task, []
        for parents in reversed(tree.parents):
            branch = parents[branch]
            path.append(branch)
        paths[task] = path[::-1]
    return sorted(paths, key=lambda task: (paths[task], task))


def swapped(tree: Tree) -> Tree:
    """The tree with the left and the right half of the tasks exchanged (Fig. 3)."""
    order = leaf_order(tree)
    return _dealt(tree, order[tree.num_tasks // 2 :] + order[: tree.num_tasks // 2])


def shuffled(tree: Tree, *, seed: int) -> Tree:
    """The tree with all tasks dealt at random."""
    generator = torch.Generator().manual_seed(seed)
    return _dealt(tree, torch.randperm(tree.num_tasks, generator=generator).tolist())


def _dealt(tree: Tree, tasks: list[int]) -> Tree:
    """The tree with tasks[k] at the k-th place from the left."""
    taker = dict(zip(leaf_order(tree), tasks, strict=True))
    return tree.permute_tasks([taker[task] for task in range(tree.num_tasks)])


def grouped_by(tree: Tree, matrix: Tensor, *, seed: int = 0) -> Tree:
    """A tree with as many branches per layer as `tree`, grouped by another affinity `(T, T)`.

    Branches are clustered from the outputs down as in the search, so both networks have the same
    number of weights. Raises `InputError` if no clustering finds as many groups.
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
    """Absolute correlation |phi| of the labels `(N, T)` of two tasks, float64 `(T, T)`, diagonal 1.

    0 for a task whose label is constant.
    """
    return phi_coefficients(labels).abs().nan_to_num(0).fill_diagonal_(1)
