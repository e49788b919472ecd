"""Choice of the number of branches and of their tasks (Lu et al. 2017, Sec. 3.4, Eq. 9 to 11)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mtattr.adaptive_sharing.affinity import check_affinity
from mtattr.adaptive_sharing.layout import POOLED
from mtattr.adaptive_sharing.tree import partition
from mtattr.errors import number_of_at_least, whole_number

#: Cost of one more branch at the top, L0 of Eq. 9 (released code; the paper gives no value).
BASE_COST = 1 / 64
#: Clusterings tried for each number of branches (released code).
REPETITIONS = 5


def unit_cost(layer: int) -> float:
    """Cost of one more branch in layer 0 .. 14: L0 2^p of Eq. 9, with L0 = `BASE_COST`."""
    p = sum(pooled >= layer for pooled in POOLED)  # poolings above, that of its own block included
    return BASE_COST * 2**p


def branch_limit(wide: int, thin: int) -> int:
    """Most branches with no more channels than the wide network (released code, not the paper)."""
    return max(1, wide // thin)


def separation_cost(branch_affinity: Tensor, groups: Sequence[Sequence[int]]) -> float:
    """Dissimilarity of the branches within a group (Eq. 10, Eq. 11), a number in [0, 1].

    Per group 1 minus the mean over its branches of their least affinity to a branch of the
    group, itself included; then the mean over groups. 0 for groups of one task each.

    `branch_affinity` is `(d, d)`; `groups` hold each of the d branches once.
    """
    check_affinity(branch_affinity, "branch_affinity")
    affinity = branch_affinity.double()
    costs = [
        1 - affinity[group][:, group].amin(1).mean() for group in partition(groups, len(affinity))
    ]
    return float(torch.stack(costs).mean())


def grouping_loss(
    branch_affinity: Tensor, groups: Sequence[Sequence[int]], unit_cost: float, alpha: float
) -> float:
    """Loss (d - 1) L0 2^p + alpha L_s of d groups (Eq. 9), L_s their `separation_cost`.

    The function `unit_cost` gives L0 2^p for a layer; alpha is the branching factor.
    """
    return (len(groups) - 1) * unit_cost + alpha * separation_cost(branch_affinity, groups)


def choose_branches(
    branch_affinity: Tensor, unit_cost: float, alpha: float, limit: int | None = None, seed: int = 0
) -> list[list[int]]:
    """Grouping of d branches with the lowest `grouping_loss` over all numbers of groups.

    Each number of groups is judged by the best of `REPETITIONS` spectral clusterings. Of equal
    losses the one with fewer groups is taken. Groups are in order of their first member.

    Args:
        branch_affinity: `(d, d)`, finite.
        unit_cost: cost of each group beyond the first, at least 0.
        alpha: branching factor, at least 0; a larger one makes more branches.
        limit: largest number of groups, d by default.
    """
    check_affinity(branch_affinity, "branch_affinity")
    for name, value in (("alpha", alpha), ("unit_cost", unit_cost)):
        number_of_at_least(name, value)
    most = len(branch_affinity)
    if limit is not None:
        most = min(most, whole_number("limit", limit))
    best, best_loss = None, float("inf")
    for count in range(1, most + 1):
        # No separation cost is below 0, so more groups than this can only cost more.
        if (count - 1) * unit_cost >= best_loss:
            break
        groups = cluster(branch_affinity, count, seed=seed)
        if groups is None:
            continue
        loss = grouping_loss(branch_affinity, groups, unit_cost, alpha)
        if loss < best_loss:
            best, best_loss = groups, loss
    return best


def cluster(branch_affinity: Tensor, count: int, *, seed: int = 0) -> list[list[int]] | None:
    """Spectral clustering with the lowest `separation_cost`; None if none finds `count` groups."""
    d = len(branch_affinity)
    if count == 1:
        return [list(range(d))]
    if count == d:
        return [[branch] for branch in range(d)]
    affinity = branch_affinity.double().cpu().numpy()
    found = [
        _spectral(affinity, count, 1_000 * seed + repetition) for repetition in range(REPETITIONS)
    ]
    whole = [groups for groups in found if len(groups) == count]
    return min(whole, key=lambda groups: separation_cost(branch_affinity, groups), default=None)


def _spectral(affinity: np.ndarray, count: int, seed: int) -> list[list[int]]:
    from sklearn.cluster import SpectralClustering

    method = SpectralClustering(
        count, affinity="precomputed", eigen_solver="arpack", random_state=seed % 2**32
    )
    with warnings.catch_warnings():
        # Equal branches give fewer clusters than asked for; `cluster` drops such a clustering.
        warnings.simplefilter("ignore")
        labels = method.fit_predict(affinity)
    return partition(
        [np.flatnonzero(labels == label).tolist() for label in np.unique(labels)], len(affinity)
    )
