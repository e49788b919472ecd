"""The loss of the Attention Branch Network: both branches answer the same question (Fukui et al. 2019, Eq. 3)."""

from __future__ import annotations

from torch import Tensor

from mtattr.nets import Output
from mtattr.tasks import TaskSet
from mtattr.training.losses import per_task_loss


def attention_branch_loss(
    perception_logits: Tensor, attention_logits: Tensor, labels: Tensor, tasks: TaskSet
) -> Tensor:
    """L = L_att + L_per (Eq. 3), `(T,)` in nats, from logits `(B, U)` of both branches and labels `(B, T)`, NaN = unknown.

    Cross-entropy of the softmax for a categorical task, of the sigmoid for a binary one.
    """
    return per_task_loss(attention_logits, labels, tasks) + per_task_loss(
        perception_logits, labels, tasks
    )


def attention_losses(
    output: Output, images: Tensor, labels: Tensor, tasks: TaskSet, *, known: Tensor | None = None
) -> Tensor:
    """L_att alone, `(T,)`: what the training loop adds to the losses of a network's logits."""
    return per_task_loss(output.extra["attention_logits"], labels, tasks, known=known)
