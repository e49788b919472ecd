"""Task weights learned as the noise of each task (Kendall, Gal and Cipolla 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtattr.adaptive_weighting.trend import check_losses
from mtattr.errors import whole_number


class UncertaintyWeighting(nn.Module):
    """Uncertainty weighting: sum_t L_t / (2 sigma_t^2) + log sigma_t, with trained variances.

    Every task is a regression with Gaussian noise of variance sigma_t^2, as square error implies.
    The parameters are `log_variance` `(T,)`, s_t = log sigma_t^2, initially 0, trained without
    weight decay. For fixed losses the minimum is at s_t = log L_t, so a task comes to weigh the
    inverse of its loss. For cross-entropy the paper has 1 / sigma_t^2, Eq. 10.

    A task without a known label in a batch has loss 0 there and its log sigma_t still counts. The
    objective may be negative.

    Source: Kendall, Gal and Cipolla, "Multi-Task Learning Using Uncertainty to Weigh Losses for
    Scene Geometry and Semantics", CVPR 2018, Eq. 7.
    """

    watches = None

    def __init__(self, num_tasks: int) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(whole_number("num_tasks", num_tasks)))

    @property
    def weights(self) -> Tensor:
        """Present factors of the losses, exp(-s_t) / 2, `(T,)`; detached, their mean is free."""
        return torch.exp(-self.log_variance.detach()) / 2

    def forward(self, losses: Tensor, features: Tensor | None = None) -> Tensor:
        """Sum over tasks of exp(-s_t) L_t / 2 + s_t / 2; features are not used."""
        check_losses(losses, len(self.log_variance))
        return (torch.exp(-self.log_variance) * losses + self.log_variance).sum() / 2

    def observe(self, losses: Tensor) -> None:
        """No-op: the weights are learned by gradient descent."""

    def trace(self) -> dict[str, Tensor]:
        """The weights over their mean, as other methods give them, and the log variances."""
        log_variance = self.log_variance.detach().clone()
        return {"weight": self.weights / self.weights.mean(), "log_variance": log_variance}
