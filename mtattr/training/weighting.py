"""How the losses of several tasks become the one number that is trained on."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn


class Weighting(Protocol):
    """What the loop asks of a way to weigh tasks; every one is an `nn.Module`, with all that it
    remembers in its state.

    weights `(T,)` is what multiplies the losses now. watches says which losses the loop hands to
    `observe` once an
    iteration: those of images drawn from the plan's `steering` data ("validation", before the
    training step), those of the training batch ("training", after it) or none. Parameters of a
    weighting are trained with the network's.
    """

    weights: Tensor
    watches: str | None

    def __call__(self, losses: Tensor, features: Tensor | None = None) -> Tensor:
        """The number to minimise, from losses `(T,)` with their graph and the shared feature map
        that led to them.
        """

    def observe(self, losses: Tensor) -> None:
        """Take note of losses `(T,)`, NaN for a task without a known label; over all processes,
        without a graph.
        """

    def trace(self) -> dict[str, Tensor]:
        """Values `(T,)` by name, at least "weight", whose mean over each epoch the record keeps;
        NaN = none yet.
        """


class FixedWeights(nn.Module):
    """The sum of the losses under weights that never change."""

    watches = None

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.register_buffer("weights", torch.as_tensor(weights, dtype=torch.float32).clone())

    def forward(self, losses: Tensor, features: Tensor | None = None) -> Tensor:
        """Weighted sum of losses `(T,)`."""
        return (losses * self.weights).sum()

    def observe(self, losses: Tensor) -> None:
        """Nothing: the weights are fixed."""

    def trace(self) -> dict[str, Tensor]:
        """The weights."""
        return {"weight": self.weights}
