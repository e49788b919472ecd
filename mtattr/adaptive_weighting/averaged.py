"""The validation loss trend without its fluctuation."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.adaptive_weighting.trend import ValidationLossTrend


class AveragedTrend(ValidationLossTrend):
    """The mean of all weights that `ValidationLossTrend` has given so far, the equal weights of its start among them.

    It keeps which task weighs more and takes away that weights jump from one update to the next: where it does as well as
    equal weights and the trend does not, the jumps are what costs. The counterpart of `ShuffledTrend`, which keeps the
    jumps and takes away whose weight is whose.
    """

    def __init__(self, num_tasks: int, interval: int = 200) -> None:
        super().__init__(num_tasks, interval)
        self.register_buffer("sum_of_weights", torch.zeros(num_tasks, dtype=torch.float64))

    def _compare(self, current: Tensor, previous: Tensor) -> None:
        super()._compare(current, previous)
        self.sum_of_weights.add_(self.weights)
        self.weights.copy_(self.sum_of_weights / self.sum_of_weights.mean())
