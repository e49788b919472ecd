"""Whether two groupings of the tasks agree, and how well chance would do."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

from mtattr.errors import InputError


def group_labels(groups: Sequence[Sequence[int]], count: int) -> list[int]:
    """For each of `count` members the number of its group."""
    labels = [-1] * count
    for number, group in enumerate(groups):
        for member in group:
            labels[member] = number
    return labels


def agreement(
    found: Sequence[Hashable], known: Sequence[Hashable], *, permutations: int = 1000, seed: int = 0
) -> dict[str, float]:
    """Adjusted Rand index of two groupings of the same tasks, and how often chance does as well.

    found, known: a group for each task. Returns `index`, 1 for equal groupings and 0 on average for groups of these sizes
    dealt at random; `chance`, the 95 % quantile of that; and `p`, the share of random deals that reach the index, the found
    one counted among them. Raises `InputError` for lengths that differ or fewer than two tasks.
    """
    if len(found) != len(known) or len(found) < 2:
        raise InputError(
            f"expected two groupings of at least two tasks, got {len(found)} and {len(known)}"
        )
    index = float(adjusted_rand_score(known, found))
    generator = torch.Generator().manual_seed(seed)
    deals = (
        torch.stack([torch.randperm(len(found), generator=generator) for _ in range(permutations)])
        if permutations
        else None
    )
    dealt = (
        torch.empty(0, dtype=torch.float64)
        if deals is None
        else _adjusted_rand(found, known, deals)
    )
    reached = int((dealt >= index - 1e-12).sum())
    chance = dealt.quantile(0.95).item() if permutations else float("nan")
    return {"index": index, "chance": chance, "p": (1 + reached) / (1 + permutations)}


def _adjusted_rand(found: Sequence[Hashable], known: Sequence[Hashable], deals: Tensor) -> Tensor:
    """The index for every deal `(P, n)` of the found groups, float64 `(P,)`: it counts the pairs that both put together."""
    together = [_pairs(groups) for groups in (found, known)]
    counts = torch.stack([(together[0][deal][:, deal] & together[1]).sum() for deal in deals]) / 2
    first, second = (pairs.sum().item() / 2 for pairs in together)
    expected = first * second / (len(found) * (len(found) - 1) / 2)
    spread = (first + second) / 2 - expected
    return (
        (counts.double() - expected) / spread
        if spread
        else torch.ones(len(deals), dtype=torch.float64)
    )


def _pairs(groups: Sequence[Hashable]) -> Tensor:
    """Which two members are in one group, bool `(n, n)`, nobody with itself."""
    number = {name: k for k, name in enumerate(dict.fromkeys(groups))}
    labels = torch.tensor([number[name] for name in groups])
    return (labels[:, None] == labels).fill_diagonal_(False)
