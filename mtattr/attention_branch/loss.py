"""The loss of the Attention Branch Network (Fukui et al. 2019, Eq. 3)."""

from __future__ import annotations

from torch import Tensor

from mtattr.nets import Output
from mtattr.tasks import TaskSet
from mtattr.training.losses import Batch, per_task_loss, task_losses


def attention_branch_loss(
    perception_logits: Tensor,
    attention_logits: Tensor,
    labels: Tensor,
    tasks: TaskSet,
    *,
    known: Tensor | None = None,
) -> Tensor:
    """L = L_att + L_per of each task (Eq. 3), `(T,)` in nats: both branches answer one question.

    Args:
        perception_logits: `(B, U)`.
        attention_logits: `(B, U)`.
        labels: `(B, T)`, NaN = unknown; softmax for a categorical task, sigmoid for a binary one.
        tasks: the T tasks.
        known: as in `per_task_loss`.
    """
    attention = per_task_loss(attention_logits, labels, tasks, known=known)  # L_att
    perception = per_task_loss(perception_logits, labels, tasks, known=known)  # L_per
    return attention + perception


def losses(output: Output, batch: Batch, tasks: TaskSet) -> Tensor:
    """Losses `(T,)` that a plan trains: Eq. 3, or L_per for a network without attention branch."""
    if "attention_logits" not in output.extra:
        return task_losses(output, batch, tasks)
    return attention_branch_loss(
        output.logits, output.extra["attention_logits"], batch.labels, tasks, known=batch.known
    )
