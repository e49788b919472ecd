"""Task weights that balance the tasks' gradients (Chen et al. 2018)."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

from mtattr.adaptive_weighting.trend import check_losses
from mtattr.errors import InputError, number_of_at_least, whole_number

LEAST_WEIGHT = 1e-3
BETAS, EPSILON = (0.9, 0.999), 1e-8  # Adam's


class GradNorm(nn.Module):
    """GradNorm of Chen, Badrinarayanan, Lee and Rabinovich (ICML 2018, Algorithm 1).

    Let g_t be the norm of the gradient of loss L_t, G_t = w_t g_t that of its weighted loss, and
    r_t the ratio L_t / L_t(0) over its mean across tasks, high for a task that trains slowly. The
    weights w descend by Adam the L1 distance of Eq. 2,

        sum_t |G_t - target_t|,   target_t = mean(G) r_t^alpha, held constant,

    whose derivative by w_t is sign(G_t - target_t) g_t. After each step they are clamped at 0.001
    from below and scaled to mean 1.

    Unlike the paper, we take the gradient with respect to the shared feature map, not to the
    weights of the last shared layer: every layer below gets its gradient through that map, and a
    gradient per task costs a backward pass through the heads alone. Their norms differ by a scale,
    by which Adam divides.

    A task without a known label in a batch (loss or gradient 0, or not finite) keeps its weight but
    for the scaling and is left out of both means; its L_t(0) is its first known loss. Processes
    average losses and sum squared norms, so all have the same weights.

    Args:
        num_tasks: T.
        alpha: strength of the balance, at least 0; 1.5 in the paper.
        learning_rate: of the weights, at least 0; 0.025 in the paper.
    """

    watches = None

    def __init__(self, num_tasks: int, alpha: float = 1.5, learning_rate: float = 0.025) -> None:
        super().__init__()
        num_tasks = whole_number("num_tasks", num_tasks)
        self.alpha = number_of_at_least("alpha", alpha)
        self.learning_rate = number_of_at_least("learning_rate", learning_rate)
        self.register_buffer("weights", torch.ones(num_tasks, dtype=torch.float64))
        self.register_buffer("initial", torch.full((num_tasks,), torch.nan, dtype=torch.float64))
        for moment in ("steps", "slope", "squared_slope"):
            self.register_buffer(moment, torch.zeros(num_tasks, dtype=torch.float64))

    def forward(self, losses: Tensor, features: Tensor | None = None) -> Tensor:
        """Sum of the losses under the present weights, a scalar; then, in training, their update.

        No gradient goes to the weights. The graph is kept for the backward pass of the loop.
        `features` is the shared map `(B, C, h, w)` that the losses `(T,)` were computed from. A
        copy, such as mixed precision makes of bfloat16 output, raises `InputError`.
        """
        check_losses(losses, len(self.weights))
        objective = (losses * self.weights.to(losses.dtype, copy=True)).sum()
        if self.training and torch.is_grad_enabled():
            if features is None or not features.requires_grad:
                raise InputError("expected the shared features of the losses, with their graph")
            self._update(losses.detach().double(), _squared_norms(losses, features))
        return objective

    def observe(self, losses: Tensor) -> None:
        """No-op: `forward` updates the weights."""

    def trace(self) -> dict[str, Tensor]:
        """The present weights: `{"weight": (T,)}`."""
        return {"weight": self.weights.clone()}

    @torch.no_grad()
    def _update(self, losses: Tensor, squares: Tensor) -> None:
        if dist.is_available() and dist.is_initialized():
            processes = dist.get_world_size()
            both = torch.stack([losses / processes, squares / processes**2])
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
        squared = second * self.squared_slope + (1 - second) * slope**2
        self.squared_slope.copy_(torch.where(known, squared, self.squared_slope))
        mean = self.slope / (1 - first**self.steps)
        square = self.squared_slope / (1 - second**self.steps)
        return mean / (square.sqrt() + EPSILON)


def _squared_norms(losses: Tensor, features: Tensor) -> Tensor:
    """Squared norm of each loss's gradient by the features, float64 `(T,)`; keeps the graph."""
    one_each = torch.eye(len(losses), dtype=losses.dtype, device=losses.device)
    (gradients,) = torch.autograd.grad(
        losses, features, one_each, retain_graph=True, is_grads_batched=True, allow_unused=True
    )
    if gradients is None:
        raise InputError("expected the very features of the losses, not a copy of another dtype")
    wide = gradients.flatten(1).to(torch.promote_types(gradients.dtype, torch.float32))
    return wide.square().sum(dim=1).double()


def _mean(values: Tensor, known: Tensor) -> Tensor:
    return torch.where(known, values, 0).sum() / known.sum()
