"""Whether two groupings of the tasks agree, and how well chance would do."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch
from sklearn.metrics import adjusted_rand_score

from mtattr.errors import InputError


def group_labels(groups: Sequence[Sequence[int]], count: int) -> list[int]:
    """For each of `count` members the number of its group."""
    labels = [-1] * count
    for number, group in enumerate(groups):
        for member in group:
            labels[member] = number
    return labels


def agreement(found: Sequence[Hashable], known: Sequence[Hashable], *, permutations: int = 1000, seed: int = 0) -> dict[str, float]:
    """Adjusted Rand index of two groupings of the same tasks, and how often chance does as well.

    found, known: a group for each task. Returns `index`, 1 for equal groupings and 0 on average for groups of these sizes
    dealt at random; `chance`, the 95 % quantile of that; and `p`, the share of random deals that reach the index, the found
    one counted among them. Raises `InputError` for lengths that differ or fewer than two tasks.
    """
    if len(found) != len(known) or len(found) < 2:
        raise InputError(f"expected two groupings of at least two tasks, got {len(found)} and {len(known)}")
    index = float(adjusted_rand_score(known, found))
    generator = torch.Generator().manual_seed(seed)
    deals = [
        adjusted_rand_score(known, [found[i] for i in torch.randperm(len(found), generator=generator).tolist()])
        for _ in range(permutations)
    ]
    reached = sum(deal >= index - 1e-12 for deal in deals)
    chance = float(torch.tensor(deals, dtype=torch.float64).quantile(0.95)) if deals else float("nan")
    return {"index": index, "chance": chance, "p": (1 + reached) / (1 + permutations)}
