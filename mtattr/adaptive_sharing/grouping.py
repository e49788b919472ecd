"""How many branches, and who shares one (Lu et al. 2017, Sec. 3.4, Eq. 9 to 11)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mtattr.adaptive_sharing.affinity import _check_affinity
from mtattr.adaptive_sharing.layout import poolings_above
from mtattr.adaptive_sharing.tree import partition
from mtattr.errors import InputError, whole_number

#: Cost of one more branch at the top of the network, L0 of Eq. 9 (released code; the paper does not give it).
BASE_COST = 1 / 64
#: Clusterings tried for each number of branches (released code).
REPETITIONS = 5


def unit_cost(layer: int) -> float:
    """Cost of one more branch in layer 0 .. 14: `BASE_COST` times 2 for every pooling above it (Eq. 9)."""
    return BASE_COST * 2 ** poolings_above(layer)


def branch_limit(wide: int, thin: int) -> int:
    """Most branches of a layer: no more channels than the wide network has there (released code; the paper sets no limit)."""
    return max(1, wide // thin)


def separation_cost(branch_affinity: Tensor, groups: Sequence[Sequence[int]]) -> float:
    """How unlike the branches of one group are (Eq. 10 and 11): a number in [0, 1], 0 for groups of one task each.

    branch_affinity `(d, d)`. For every group 1 minus the mean over its branches of their least affinity within it, itself
    included; then the mean over groups. Raises `InputError` unless the groups hold each branch once.
    """
    _check_affinity(branch_affinity, "branch_affinity")
    affinity = branch_affinity.double()
    costs = [
        1 - affinity[group][:, group].amin(1).mean() for group in partition(groups, len(affinity))
    ]
    return float(torch.stack(costs).mean())


def choose_branches(
    branch_affinity: Tensor, unit_cost: float, alpha: float, limit: int | None = None, seed: int = 0
) -> list[list[int]]:
    """The grouping of d branches with the lowest loss of Eq. 9, over all numbers of groups up to `limit`.

    unit_cost: of each group beyond the first. alpha: the branching factor, weight of the separation cost. For each number
    the best of `REPETITIONS` spectral clusterings counts. Groups are in order of their first member; of equal losses the
    one with fewer groups is taken, and equal seeds give equal groups.
    Raises `InputError` for an affinity that is not square and finite, a negative alpha or cost, or a limit below 1.
    """
    _check_affinity(branch_affinity, "branch_affinity")
    for name, value in (("alpha", alpha), ("unit_cost", unit_cost)):
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 0 <= value < float("inf")
        ):
            raise InputError(f"{name} must be a number of at least 0, got {value!r}")
    most = min(
        len(branch_affinity),
        len(branch_affinity) if limit is None else whole_number("limit", limit),
    )
    best, best_loss = None, float("inf")
    for count in range(1, most + 1):
        # No separation cost is below 0, so more groups than this can only cost more.
        if (count - 1) * unit_cost >= best_loss:
            break
        groups = cluster(branch_affinity, count, seed=seed)
        if groups is None:
            continue
        loss = (count - 1) * unit_cost + alpha * separation_cost(branch_affinity, groups)
        if loss < best_loss:
            best, best_loss = groups, loss
    return best


def cluster(branch_affinity: Tensor, count: int, *, seed: int = 0) -> list[list[int]] | None:
    """Spectral clustering of d branches into `count` groups, the best of `REPETITIONS` by separation cost.

    None if no repetition finds as many groups.
    """
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
        # Equal branches make fewer clusters than asked for: such a clustering is dropped.
        warnings.simplefilter("ignore")
        labels = method.fit_predict(affinity)
    return partition(
        [np.flatnonzero(labels == label).tolist() for label in np.unique(labels)], len(affinity)
    )
