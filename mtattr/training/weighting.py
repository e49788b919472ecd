"""Loss weightings: from the losses of several tasks to the one number that is minimised."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn


class Weighting(Protocol):
    """A way to weigh tasks: an `nn.Module` with all of its state in `state_dict`.

    Its parameters are trained with those of the network.
    """

    #: Factors `(T,)` of the losses now.
    weights: Tensor
    #: Losses that `observe` is given once per iteration: "validation" (images of the plan's
    #: `steering`, before the training step), "training" (the batch, after it) or None.
    watches: str | None

    def __call__(self, losses: Tensor, features: Tensor | None = None) -> Tensor:
        """The number to minimise, from losses `(T,)` and the shared feature map before them."""

    def observe(self, losses: Tensor) -> None:
        """Take note of losses `(T,)` of all processes, without a graph, NaN = no known label."""

    def trace(self) -> dict[str, Tensor]:
        """Values `(T,)` by name, at least "weight", for the record; NaN = none yet."""


class FixedWeights(nn.Module):
    """Sum of the losses under constant weights."""

    watches = None

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.register_buffer("weights", torch.as_tensor(weights, dtype=torch.float32).clone())

    def forward(self, losses: Tensor, features: Tensor | None = None) -> Tensor:
        """Weighted sum of losses `(T,)`."""
        return (losses * self.weights).sum()

    def observe(self, losses: Tensor) -> None:
        """Ignored: the weights are constant."""

    def trace(self) -> dict[str, Tensor]:
        """The weights."""
        return {"weight": self.weights}
