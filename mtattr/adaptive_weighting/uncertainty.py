"""Task weights learned as the noise of each task (Kendall, Gal and Cipolla 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtattr.adaptive_weighting.trend import check_losses
from mtattr.errors import whole_number


class UncertaintyWeighting(nn.Module):
    """Uncertainty weighting of Kendall, Gal and Cipolla ("Multi-Task Learning Using Uncertainty to Weigh Losses", CVPR 2018).

    Every task is taken for a regression with Gaussian noise of variance sigma_t^2, which is what square error is the
    likelihood of; the objective is the paper's Eq. 7, sum_t L_t / (2 sigma_t^2) + log sigma_t. The parameters are
    `log_variance` `(T,)`, s_t = log sigma_t^2, zero at first, trained with the network and without weight decay. For
    fixed losses the minimiser is s_t = log L_t, so every task comes to weigh the inverse of its loss. (For cross-entropy
    the paper has 1 / sigma_t^2 in place of 1 / (2 sigma_t^2), Eq. 10.)

    A task without a known label in a batch enters with loss 0, and its log sigma_t still counts: sigma_t^2 follows the
    mean over all batches. The objective may be negative.
    """

    watches = None

    def __init__(self, num_tasks: int) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(whole_number("num_tasks", num_tasks)))

    @property
    def weights(self) -> Tensor:
        """What multiplies the losses now, `(T,)`: exp(-s_t) / 2, all 1/2 at first; detached, and no mean is imposed."""
        return torch.exp(-self.log_variance.detach()) / 2

    def forward(self, losses: Tensor, features: Tensor | None = None) -> Tensor:
        """Sum over tasks of exp(-s_t) L_t / 2 + s_t / 2 for losses `(T,)`; a scalar, features play no part."""
        check_losses(losses, len(self.log_variance))
        return (torch.exp(-self.log_variance) * losses + self.log_variance).sum() / 2

    def observe(self, losses: Tensor) -> None:
        """Nothing: the weights are learned by gradient descent."""

    def trace(self) -> dict[str, Tensor]:
        """The weights divided by their mean, to be compared with those of other ways, and the log variances, each `(T,)`."""
        weights = self.weights
        return {
            "weight": weights / weights.mean(),
            "log_variance": self.log_variance.detach().clone(),
        }
