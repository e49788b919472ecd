"""A control of the validation loss trend: the same weights in a random order of tasks."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.adaptive_weighting.trend import ValidationLossTrend
from mtattr.errors import whole_number


class ShuffledTrend(ValidationLossTrend):
    """Weights of `ValidationLossTrend`, in a new random order of tasks after each update.

    The trend must beat it if it matters which task gets which weight. The order depends on the seed
    and the number of the update alone, so a resumed run draws the same orders. `change` stays with
    its task.
    """

    def __init__(self, num_tasks: int, interval: int = 200, seed: int = 0) -> None:
        super().__init__(num_tasks, interval)
        self.seed = whole_number("seed", seed, least=0)

    def _compare(self, current: Tensor, previous: Tensor) -> None:
        super()._compare(current, previous)
        seed = (self.seed * 1_000_003 + self._observed // self.interval) % 2**63
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(self.num_tasks, generator=generator)
        self.weights.copy_(self.weights[order.to(self.weights.device)])
