"""Affinity of tasks and branches from their difficult images (Lu et al. 2017, Sec. 3.3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mtattr.errors import InputError, whole_number


def error_margins(logits: Tensor, labels: Tensor) -> Tensor:
    """Distance |t - s| of each answer from its label, `(B, T)` in [0, 1]; NaN for unknown labels.

    s is the sigmoid of a logit, t the label, cut to 0 or 1 at one half as in the released code.
    Logits of half precision give float32 margins.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    # 1 - s is s(-z): subtracted from 1, a small margin of a confident answer would be lost.
    away = torch.where(labels >= 0.5, -logits, logits)
    return away.sigmoid().masked_fill(labels.isnan(), torch.nan)


class ErrorAffinity(nn.Module):
    """Probability that an image is easy for both tasks or difficult for both (Eq. 6).

    A moving average over batches. An image is difficult for a task if its margin is at least the
    mean margin so far; if a task has the same margin on every image, all are difficult. A pair of
    tasks is averaged over the images for which both labels are known. A batch counts less by the
    factor `decay` in [0, 1) after each later one; averages are divided by the weight that they
    hold, so early ones are not biased towards 0. All state is in buffers.
    """

    def __init__(self, num_tasks: int, decay: float = 0.99) -> None:
        super().__init__()
        if not isinstance(decay, int | float) or not 0 <= decay < 1:
            raise InputError(f"decay must be a number in [0, 1), got {decay!r}")
        self.num_tasks, self.decay = whole_number("num_tasks", num_tasks), decay
        for name, shape in {
            "margin": (num_tasks,),
            "difficult": (num_tasks,),
            "agreement": (num_tasks, num_tasks),
        }.items():
            self.register_buffer(f"{name}_total", torch.zeros(shape, dtype=torch.float64))
            self.register_buffer(f"{name}_count", torch.zeros(shape, dtype=torch.float64))

    @property
    def mean_margin(self) -> Tensor:
        """Mean margin per task, float64 `(T,)`; 0 before the first known label."""
        return self.margin_total / self.margin_count.clamp(min=torch.finfo(torch.float64).tiny)

    @property
    def difficult_share(self) -> Tensor:
        """Share of difficult images per task, float64 `(T,)`; NaN before the first known label."""
        return self.difficult_total / self.difficult_count

    @property
    def matrix(self) -> Tensor:
        """A of Eq. 6, float64 `(T, T)`, symmetric; NaN for a pair never known together."""
        return self.agreement_total / self.agreement_count

    def observe(self, logits: Tensor, labels: Tensor) -> None:
        """Update from the logits and labels `(B, T)` of a training batch, before its step."""
        self.update(error_margins(logits, labels))

    @torch.no_grad()
    def update(self, margins: Tensor) -> None:
        """Update from the margins `(B, T)` of a training batch, NaN = unknown.

        The threshold is the mean from before this batch, so in the first batch every image is
        difficult. Margins of a diverged network are NaN and change nothing.
        """
        if margins.ndim != 2 or margins.shape[1] != self.num_tasks:
            raise InputError(f"expected margins (B, {self.num_tasks}), got {tuple(margins.shape)}")
        if not len(margins):
            return
        margins = margins.double()
        known = (~margins.isnan()).double()
        # Less a rounding error, so that a constant margin is at least its own mean.
        difficult = (margins >= self.mean_margin * (1 - 1e-12)).double()
        easy = known - difficult
        # Divided by the batch, so that a small batch weighs as much as a large one.
        for name, total, count in (
            ("margin", margins.nan_to_num(0).sum(0), known.sum(0)),
            ("difficult", difficult.sum(0), known.sum(0)),
            ("agreement", difficult.T @ difficult + easy.T @ easy, known.T @ known),
        ):
            getattr(self, f"{name}_total").mul_(self.decay).add_(total / len(margins))
            getattr(self, f"{name}_count").mul_(self.decay).add_(count / len(margins))


def chance_affinity(difficult_share: Tensor) -> Tensor:
    """Affinity p_i p_j + (1 - p_i) (1 - p_j) of tasks with independent difficult images, `(T, T)`.

    p `(T,)` is the share of difficult images. Two tasks with few of them agree on nearly all
    images, related or not. Not in the paper.
    """
    p = difficult_share
    return torch.outer(p, p) + torch.outer(1 - p, 1 - p)


def affinity_beyond_chance(matrix: Tensor, difficult_share: Tensor) -> Tensor:
    """Cohen's kappa of the difficult images of two tasks, cut at 0: `(T, T)`, diagonal 1.

    0 for independent tasks and for pairs whose images are all difficult or all easy; NaN for tasks
    without known labels. `matrix` holds the affinities of Eq. 6. Not in the paper.
    """
    chance = chance_affinity(difficult_share)
    kappa = torch.where(chance == 1, 0, (matrix - chance) / (1 - chance))
    return kappa.clamp(min=0).fill_diagonal_(1)


def branch_affinity(matrix: Tensor, branches: Sequence[Sequence[int]]) -> Tensor:
    """Affinity of branches from that of their tasks (Eq. 7, Eq. 8), `(d, d)`, symmetric.

    One way, the affinity of k to l is the mean over the tasks in k of the least affinity to a task
    in l; both ways are averaged. The diagonal is below 1 for a branch of several tasks.

    Args:
        matrix: affinities of the tasks, `(T, T)`, finite.
        branches: for each branch the tasks above it.
    """
    check_affinity(matrix, "matrix")
    # least[i, l]: the affinity of task i to the task in branch l that resembles it least.
    least = torch.stack([matrix[:, list(branch)].amin(1) for branch in branches], 1)
    one_way = torch.stack([least[list(branch)].mean(0) for branch in branches])
    return (one_way + one_way.T) / 2


def check_affinity(matrix: Tensor, name: str) -> None:
    """Raise `InputError` unless `matrix` is square and finite."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise InputError(f"{name} must be square, got shape {tuple(matrix.shape)}")
    if len(bad := (~matrix.isfinite()).nonzero()):
        where = f"{name} is not finite at {bad[0].tolist()}"
        raise InputError(f"{where}: no image has known labels of both tasks")
