"""Task weights that balance the tasks' gradients (Chen et al. 2018)."""

from __future__ import annotations

import math
from numbers import Real

import torch
import torch.distributed as dist
from torch import Tensor, nn

from mtattr.adaptive_weighting.trend import check_losses
from mtattr.errors import InputError, whole_number

LEAST_WEIGHT = 1e-3
BETAS, EPSILON = (0.9, 0.999), 1e-8  # of Adam


class GradNorm(nn.Module):
    """GradNorm of Chen, Badrinarayanan, Lee and Rabinovich (ICML 2018, Algorithm 1).

    With g_t the norm of the gradient of loss L_t, G_t = w_t g_t that of its weighted loss, and r_t = (L_t / L_t(0)) over
    its mean across tasks (high for a task that trains slowly), the weights descend the L1 distance (Eq. 2)

        sum_t |G_t - target_t|,   target_t = mean(G) r_t^alpha, held constant,

    whose derivative by w_t is sign(G_t - target_t) g_t, by steps of Adam with a learning rate of their
    own (0.025 there). After each step they are kept at or above 0.001 and scaled to average 1. One thing differs from
    the paper: norms are those of gradients with respect to the shared feature map handed to `forward`, not to the last
    shared layer's weights. Every layer below gets its gradient through that map, the loop need not know the layers of a
    backbone, and a gradient for each task costs a way back through the heads alone. Adam divides by the scale of the
    norms, which a map and a layer do not share.

    A task whose loss or gradient is 0 in a batch (no known label) keeps its weight but for the scaling, stays out of both
    means, and has its L_t(0) from the first batch in which it has a loss. A loss that is not finite stays out too, and
    where its gradient spoils the others' no weight moves. Under several processes
    losses are averaged and squared norms summed over them, so that all have the same weights. Raises `InputError` unless
    alpha is a finite number of at least 0 and learning_rate one above 0.
    """

    watches = None

    def __init__(self, num_tasks: int, alpha: float = 1.5, learning_rate: float = 0.025) -> None:
        super().__init__()
        num_tasks = whole_number("num_tasks", num_tasks)
        for name, value in {"alpha": alpha, "learning_rate": learning_rate}.items():
            if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= value < math.inf:
                raise InputError(f"{name} must be a finite number of at least 0, got {value!r}")
        if learning_rate == 0:
            raise InputError("learning_rate must be above 0, got 0")
        self.alpha, self.learning_rate = float(alpha), float(learning_rate)
        self.register_buffer("weights", torch.ones(num_tasks, dtype=torch.float64))
        self.register_buffer("initial", torch.full((num_tasks,), torch.nan, dtype=torch.float64))
        for moment in ("steps", "slope", "squared_slope"):
            self.register_buffer(moment, torch.zeros(num_tasks, dtype=torch.float64))

    def forward(self, losses: Tensor, features: Tensor | None = None) -> Tensor:
        """Sum of losses `(T,)` under the weights of now, a scalar; no gradient goes to the weights.

        In training mode and with gradients enabled it then updates the weights, for the next call: features is the
        shared map `(B, C, h, w)` that the losses were computed from, and the graph is kept for the loop's own backward.
        Raises `InputError` for another number of losses and, in training, for features that no gradient reaches, such as
        the float32 copy that mixed precision makes of what a network returns in bfloat16.
        """
        check_losses(losses, len(self.weights))
        objective = (losses * self.weights.to(losses.dtype, copy=True)).sum()
        if self.training and torch.is_grad_enabled():
            if features is None or not features.requires_grad:
                raise InputError(
                    "expected the shared features that the losses were computed from, with their graph"
                )
            self._update(losses.detach().double(), _squared_norms(losses, features))
        return objective

    def observe(self, losses: Tensor) -> None:
        """Nothing: the weights are updated by `forward`."""

    def trace(self) -> dict[str, Tensor]:
        """The weights of now: `{"weight": (T,)}`."""
        return {"weight": self.weights.clone()}

    @torch.no_grad()
    def _update(self, losses: Tensor, squares: Tensor) -> None:
        if dist.is_available() and dist.is_initialized():
            both = torch.stack(
                [losses / dist.get_world_size(), squares / dist.get_world_size() ** 2]
            )
            dist.all_reduce(both)
            losses, squares = both
        norms = squares.sqrt()
        known = losses.isfinite() & norms.isfinite() & (losses > 0) & (norms > 0)
        self.initial.copy_(torch.where(known & self.initial.isnan(), losses, self.initial))
        weighted = self.weights * norms
        mean = _mean(weighted, known)
        progress = losses / self.initial
        target = mean * (progress / _mean(progress, known)) ** self.alpha
        step = self.learning_rate * self._adam((weighted - target).sign() * norms, known)
        moved = (self.weights - torch.where(known, step, 0)).clamp(min=LEAST_WEIGHT)
        self.weights.copy_(moved / moved.mean())

    def _adam(self, slope: Tensor, known: Tensor) -> Tensor:
        first, second = BETAS
        self.steps.add_(known)
        self.slope.copy_(torch.where(known, first * self.slope + (1 - first) * slope, self.slope))
        self.squared_slope.copy_(
            torch.where(
                known, second * self.squared_slope + (1 - second) * slope**2, self.squared_slope
            )
        )
        mean, square = (
            self.slope / (1 - first**self.steps),
            self.squared_slope / (1 - second**self.steps),
        )
        return mean / (square.sqrt() + EPSILON)


def _squared_norms(losses: Tensor, features: Tensor) -> Tensor:
    """Squared norm of the gradient of each loss `(T,)` with respect to features, float64 `(T,)`; the graph is kept."""
    one_each = torch.eye(len(losses), dtype=losses.dtype, device=losses.device)
    (gradients,) = torch.autograd.grad(
        losses, features, one_each, retain_graph=True, is_grads_batched=True, allow_unused=True
    )
    if gradients is None:
        raise InputError(
            "expected the very features that the losses were computed from; a copy of another dtype leads to no loss"
        )
    return (
        gradients.flatten(1)
        .to(torch.promote_types(gradients.dtype, torch.float32))
        .square()
        .sum(dim=1)
        .double()
    )


def _mean(values: Tensor, known: Tensor) -> Tensor:
    return torch.where(known, values, 0).sum() / known.sum()
