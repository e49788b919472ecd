"""Losses per task, with unknown labels left out."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mtattr.nets.output import Output
from mtattr.tasks import TaskSet


class Batch(NamedTuple):
    """One batch as a loss sees it.

    Args:
        images: float `(B, 3, H, W)` in [0, 1]; None where only logits are at hand, on validation.
        labels: float `(B, T)`, NaN = unknown.
        known: counts `(T,)` to divide by instead of those of `labels`, see `per_task_loss`.
    """

    images: Tensor | None
    labels: Tensor
    known: Tensor | None = None


def known_counts(labels: Tensor) -> Tensor:
    """Number of known labels (not NaN) of each task: float `(T,)` from labels `(B, T)`."""
    return (~labels.isnan()).sum(dim=0).to(torch.float32)


def per_task_loss(
    logits: Tensor, labels: Tensor, tasks: TaskSet, *, known: Tensor | None = None
) -> Tensor:
    """Mean cross-entropy of each task over its known labels: `(T,)`, in nats.

    Binary tasks take the sigmoid and soft labels, categorical ones the softmax. A task without a
    known label has loss 0 and gives no gradient.

    Args:
        logits: `(B, U)`.
        labels: `(B, T)`, NaN = unknown.
        tasks: the T tasks with their U units.
        known: `(T,)` replaces the counts to divide by: processes that share a batch pass the
            global count divided by their number, so that the mean of their gradients is the
            gradient of the whole batch.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    mask = ~labels.isnan()
    filled = torch.where(mask, labels, 0).to(logits.dtype)
    losses = logits.new_zeros(labels.shape)
    binary = list(tasks.binary_indices)
    if binary:
        units = [tasks.slices[t].start for t in binary]
        losses[:, binary] = F.binary_cross_entropy_with_logits(
            logits[:, units], filled[:, binary], reduction="none"
        )
    for t in tasks.categorical_indices:
        losses[:, t] = F.cross_entropy(
            logits[:, tasks.slices[t]], filled[:, t].long(), reduction="none"
        )
    counts = known_counts(labels) if known is None else known
    return torch.where(mask, losses, 0).sum(dim=0) / counts.clamp(
        min=torch.finfo(torch.float32).tiny
    )


def task_losses(output: Output, batch: Batch, tasks: TaskSet) -> Tensor:
    """`per_task_loss` of a network's logits, `(T,)`: the losses of a plan that names no others."""
    return per_task_loss(output.logits, batch.labels, tasks, known=batch.known)
