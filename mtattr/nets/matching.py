"""Controls as large as the network that they are compared with."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

T = TypeVar("T")


def closest(candidates: Sequence[T], count: Callable[[T], float], target: float) -> T:
    """Candidate whose count lies nearest to `target`; the smaller one of two that are equally near.

    Args:
        candidates: in order of rising count; a `range` is never unrolled.
        count: size of the network of a candidate, such as its number of parameters. Asked for
            about log2(len(candidates)) of them; networks that it builds get shapes but no memory.
    """
    with torch.device("meta"):
        above = bisect_right(candidates, target, key=count)
        pair = candidates[max(above - 1, 0) : above + 1]
        return min(pair, key=lambda candidate: abs(count(candidate) - target))
