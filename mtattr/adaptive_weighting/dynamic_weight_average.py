"""Task weights from the rate at which training losses fall (Liu, Johns and Davison 2019)."""

from __future__ import annotations

import math
from numbers import Real

import torch
from torch import Tensor

from mtattr.adaptive_weighting.trend import WindowedWeights
from mtattr.errors import InputError


class DynamicWeightAverage(WindowedWeights):
    """Dynamic weight average of Liu, Johns and Davison ("End-to-End Multi-Task Learning with Attention", CVPR 2019, Eq. 7).

    weights = T * softmax(r / temperature), r = mean training loss of the last window over that of the window before it:
    a task whose loss falls more slowly than the others' weighs more; the weights average 1. A window of `interval`
    iterations stands for the paper's epoch, and as there all weights are 1 for the first two; 2 is its temperature,
    and a higher one brings the weights closer together. A task whose ratio is not known, or not finite because the
    earlier loss is 0, keeps weight 1 and the others average 1 among themselves. `observe` is given the losses of the
    training batch, once an iteration; see `WindowedWeights` for unknown ones. Raises `InputError` unless temperature is
    a finite number above 0.
    """

    watches = "training"

    def __init__(self, num_tasks: int, interval: int, temperature: float = 2.0) -> None:
        super().__init__(num_tasks, interval)
        if (
            isinstance(temperature, bool)
            or not isinstance(temperature, Real)
            or not 0 < temperature < math.inf
        ):
            raise InputError(f"temperature must be a finite number above 0, got {temperature!r}")
        self.temperature = float(temperature)

    def _compare(self, current: Tensor, previous: Tensor) -> None:
        ratio = current / previous
        known = ratio.isfinite()
        shares = torch.where(known, ratio / self.temperature, -torch.inf).softmax(dim=0)
        self.weights.copy_(torch.where(known, known.sum() * shares, 1))
