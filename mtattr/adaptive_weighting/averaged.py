"""The validation loss trend without its fluctuation."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.adaptive_weighting.trend import ValidationLossTrend


class AveragedTrend(ValidationLossTrend):
    """Mean of all weights of `ValidationLossTrend` so far, its initial weights of 1 included.

    A control without the jumps between updates: if it does as well as equal weights and the trend
    does not, the jumps do the harm. `ShuffledTrend` keeps the jumps and exchanges the tasks.
    """

    def __init__(self, num_tasks: int, interval: int = 200) -> None:
        super().__init__(num_tasks, interval)
        self.register_buffer("sum_of_weights", torch.zeros(num_tasks, dtype=torch.float64))

    def _compare(self, current: Tensor, previous: Tensor) -> None:
        super()._compare(current, previous)
        self.sum_of_weights.add_(self.weights)
        self.weights.copy_(self.sum_of_weights / self.sum_of_weights.mean())
