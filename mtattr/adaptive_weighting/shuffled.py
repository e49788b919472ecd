"""The control of the validation loss trend: the same weights, given to tasks at random."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.adaptive_weighting.trend import ValidationLossTrend
from mtattr.errors import whole_number


class ShuffledTrend(ValidationLossTrend):
    """Weights with the spread of `ValidationLossTrend` at every moment, in a new random order of tasks after each update.

    It is what the trend must beat if it matters which task gets which weight. A weight of 1 that a task without known
    labels was left with is shuffled with the others. The order depends on the seed and on the number of the update
    alone, so a resumed run draws the orders that an undisturbed one draws; `change` stays with its own task.
    """

    def __init__(self, num_tasks: int, interval: int = 200, seed: int = 0) -> None:
        super().__init__(num_tasks, interval)
        self.seed = whole_number("seed", seed, least=0)

    def _compare(self, current: Tensor, previous: Tensor) -> None:
        super()._compare(current, previous)
        generator = torch.Generator().manual_seed(
            (self.seed * 1_000_003 + self._observed // self.interval) % 2**63
        )
        order = torch.randperm(self.num_tasks, generator=generator)
        self.weights.copy_(self.weights[order.to(self.weights.device)])
