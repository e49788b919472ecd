"""Which tasks find the same images hard (Lu et al. 2017, Sec. 3.3, Eq. 6 to 8)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mtattr.errors import InputError, whole_number


def error_margins(logits: Tensor, labels: Tensor) -> Tensor:
    """How far each answer lies from its label: `(B, T)` in [0, 1], NaN where the label is unknown.

    logits and labels `(B, T)`. With s the sigmoid of a logit, the margin is 1 - s for a label of at least one half and s for
    any other: |t - s| of hard labels, and soft ones are cut first, as in the released code.
    """
    score = logits.sigmoid()
    return torch.where(labels >= 0.5, 1 - score, score).masked_fill(labels.isnan(), torch.nan)


class ErrorAffinity(nn.Module):
    """The probability that two tasks find an image both easy or both difficult (Eq. 6), as a moving average over batches.

    An image is difficult for a task when its margin is at least the mean margin so far; a task with the same margin for
    every image, for instance one that is always positive, finds them all difficult. Batches count `decay` less with
    each later one, and the averages are divided by the weight they hold, so early ones are not biased towards 0.
    A pair of tasks is averaged over the images whose labels both are known. State is in buffers.
    Raises `InputError` unless 0 <= decay < 1.
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
        """Mean margin of each task, float64 `(T,)`; 0 before the first known label."""
        return self.margin_total / self.margin_count.clamp(min=torch.finfo(torch.float64).tiny)

    @property
    def difficult_share(self) -> Tensor:
        """Share of the images that are difficult for each task, float64 `(T,)` in [0, 1]; NaN before the first known label."""
        return self.difficult_total / self.difficult_count

    @property
    def matrix(self) -> Tensor:
        """A of Eq. 6, float64 `(T, T)` in [0, 1], symmetric; NaN for a pair without an image that knows both."""
        return self.agreement_total / self.agreement_count

    def observe(self, logits: Tensor, labels: Tensor) -> None:
        """`update` from the logits and labels `(B, T)` of a training batch, before its step: what the loop calls."""
        self.update(error_margins(logits, labels))

    @torch.no_grad()
    def update(self, margins: Tensor) -> None:
        """Take in the margins `(B, T)` of one training batch, NaN = unknown.

        They are compared with the mean from before this batch; so in the very first one everything is difficult. A diverged
        network's margins are NaN and change nothing, and so does an empty batch. Raises `InputError` for another number of tasks.
        """
        if margins.ndim != 2 or margins.shape[1] != self.num_tasks:
            raise InputError(f"expected margins (B, {self.num_tasks}), got {tuple(margins.shape)}")
        if not len(margins):
            return
        margins = margins.double()
        known = (~margins.isnan()).double()
        # Less a rounding error, so that a constant margin is at least its own mean; NaN is never at least anything.
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
    """The affinity that tasks would have if their difficult images were independent: `(T, T)`, diagonal included.

    difficult_share p `(T,)` in [0, 1]: p_i p_j + (1 - p_i) (1 - p_j). Two tasks with few difficult images agree on nearly
    all, whether they are related or not. Not in the paper.
    """
    p = difficult_share
    return torch.outer(p, p) + torch.outer(1 - p, 1 - p)


def affinity_beyond_chance(matrix: Tensor, difficult_share: Tensor) -> Tensor:
    """Cohen's kappa of two tasks' difficult images: `(T, T)`, 1 for equal ones, 0 for independent ones and for fewer agreements.

    matrix: Eq. 6. A pair that agrees by chance alone everywhere (all or none difficult) gets 0, one with a task that was never known NaN;
    the diagonal is 1.
    """
    chance = chance_affinity(difficult_share)
    kappa = torch.where(chance == 1, 0, (matrix - chance) / (1 - chance))
    return kappa.clamp(min=0).fill_diagonal_(1)


def branch_affinity(matrix: Tensor, branches: Sequence[Sequence[int]]) -> Tensor:
    """Affinity of branches from that of their tasks (Eq. 7 and 8): `(d, d)`, symmetric, in the type of `matrix`.

    matrix `(T, T)`; branches: the tasks above each. Before it is made symmetric, the entry of k and l is the mean over the
    tasks in k of the least affinity to a task in l. The diagonal is below 1 for a branch of several tasks.
    Raises `InputError` for NaN or infinite affinities, an empty branch or a task that is not there.
    """
    _check_affinity(matrix, "matrix")
    if not len(branches):
        raise InputError("expected at least one branch")
    for branch in branches:
        if not len(branch) or min(branch) < 0 or max(branch) >= len(matrix):
            raise InputError(
                f"a branch needs tasks out of 0..{len(matrix) - 1}, got {list(branch)}"
            )
    # least[i, l]: the affinity of task i to the task in branch l that resembles it least.
    least = torch.stack([matrix[:, list(branch)].amin(1) for branch in branches], 1)
    one_way = torch.stack([least[list(branch)].mean(0) for branch in branches])
    return (one_way + one_way.T) / 2


def _check_affinity(matrix: Tensor, name: str) -> None:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise InputError(f"{name} must be square, got shape {tuple(matrix.shape)}")
    if not matrix.isfinite().all():
        first = (~matrix.isfinite()).nonzero()[0].tolist()
        raise InputError(
            f"{name} is not finite at {first}: two tasks without an image that knows both"
        )
