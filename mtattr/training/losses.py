"""Losses per task, with unknown labels left out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mtattr.tasks import TaskSet


def known_counts(labels: Tensor) -> Tensor:
    """How many labels `(B, T)` of each task are known (not NaN): float `(T,)`."""
    return (~labels.isnan()).sum(dim=0).to(torch.float32)


def per_task_loss(
    logits: Tensor, labels: Tensor, tasks: TaskSet, *, known: Tensor | None = None
) -> Tensor:
    """Mean loss of each task over its known labels: `(T,)`, in nats.

    logits `(B, U)`, labels `(B, T)` with NaN = unknown. Binary tasks: cross-entropy of the sigmoid, soft labels
    allowed; categorical ones: cross-entropy of the softmax. A task without a known label has loss 0 and gives no
    gradient. `known` `(T,)` replaces the counts to divide by: processes that share a batch pass the global count
    divided by their number, so that averaging their gradients gives the gradient of the whole batch.
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
