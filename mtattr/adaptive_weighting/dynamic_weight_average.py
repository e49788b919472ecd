"""Task weights from the rate at which training losses fall (Liu, Johns and Davison 2019)."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.adaptive_weighting.trend import WindowedWeights
from mtattr.errors import number_of_at_least


class DynamicWeightAverage(WindowedWeights):
    """Weights T softmax(r / temperature), with r the ratio of the losses of the last two windows.

    A task whose training loss falls more slowly weighs more. Weights average 1 and are 1 during the
    first two windows. If the ratio of a task is unknown or infinite, the task keeps weight 1 and
    the others average 1. `observe` takes the losses of every training batch.

    Args:
        num_tasks: T.
        interval: iterations per window; an epoch in the paper.
        temperature: above 0, 2 in the paper; a higher one makes weights more alike.

    Source: Liu, Johns and Davison, "End-to-End Multi-Task Learning with Attention", CVPR 2019,
    Eq. 7.
    """

    watches = "training"

    def __init__(self, num_tasks: int, interval: int, temperature: float = 2.0) -> None:
        super().__init__(num_tasks, interval)
        self.temperature = number_of_at_least("temperature", temperature, least=1e-6)

    def _compare(self, current: Tensor, previous: Tensor) -> None:
        ratio = current / previous
        known = ratio.isfinite()
        shares = torch.where(known, ratio / self.temperature, -torch.inf).softmax(dim=0)
        self.weights.copy_(torch.where(known, known.sum() * shares, 1))
