"""Agreement of two groupings of the tasks, and of groups dealt at random."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

from mtattr.errors import InputError


def group_labels(groups: Sequence[Sequence[int]], count: int) -> list[int]:
    """Number of the group of each of `count` members, -1 for a member without a group."""
    labels = [-1] * count
    for number, group in enumerate(groups):
        for member in group:
            labels[member] = number
    return labels


def agreement(
    found: Sequence[Hashable], known: Sequence[Hashable], *, permutations: int = 1000, seed: int = 0
) -> dict[str, float]:
    """Adjusted Rand index of two groupings of the same tasks, compared with chance.

    Args:
        found: a group for each of at least two tasks; dealt at random `permutations` times.
        known: a group for each task.

    Returns:
        `index`, 1 for equal groupings and 0 on average for random ones; `chance`, the 95 % quantile
        of the deals; `p`, the share of deals that reach the index, the found one counted.
    """
    if len(found) != len(known) or len(found) < 2:
        raise InputError(
            f"expected two groupings of at least two tasks, got {len(found)} and {len(known)}"
        )
    index = float(adjusted_rand_score(known, found))
    generator = torch.Generator().manual_seed(seed)
    deals = [torch.randperm(len(found), generator=generator) for _ in range(permutations)]
    dealt = _adjusted_rand(found, known, deals)
    reached = int((dealt >= index - 1e-12).sum())
    chance = dealt.quantile(0.95).item() if permutations else float("nan")
    return {"index": index, "chance": chance, "p": (1 + reached) / (1 + permutations)}


def _adjusted_rand(
    found: Sequence[Hashable], known: Sequence[Hashable], deals: Sequence[Tensor]
) -> Tensor:
    """Index of every deal of the found groups, float64, from the pairs together in both."""
    ours, theirs = _pairs(found), _pairs(known)
    both = [int((ours[deal][:, deal] & theirs).sum()) for deal in deals]
    counts = torch.tensor(both, dtype=torch.float64) / 2
    first, second = ours.sum().item() / 2, theirs.sum().item() / 2
    expected = first * second / (len(found) * (len(found) - 1) / 2)
    spread = (first + second) / 2 - expected
    return (counts - expected) / spread if spread else torch.ones_like(counts)


def _pairs(groups: Sequence[Hashable]) -> Tensor:
    """Pairs of members of one group, bool `(n, n)`, without the diagonal."""
    number = {name: k for k, name in enumerate(dict.fromkeys(groups))}
    labels = torch.tensor([number[name] for name in groups])
    return (labels[:, None] == labels).fill_diagonal_(False)
