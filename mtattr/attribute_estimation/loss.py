"""The loss of the letter: a weighted sum of class and attribute loss."""

from __future__ import annotations

from numbers import Real

import torch
from torch import Tensor

from mtattr.errors import InputError
from mtattr.tasks import Task, TaskSet
from mtattr.training.losses import per_task_loss


def loss_weights(num_attributes: int, alpha: float) -> Tensor:
    """Weights `(1 + K,)` of the class loss and of the K attribute losses: alpha, then (1 - alpha) / K each.

    With them the weighted sum of `per_task_loss` is L = alpha L_c + (1 - alpha) L_a (Sec. 2); L_a averages over
    attributes as Keras' binary cross-entropy does. Raises `InputError` for alpha outside [0, 1].
    """
    if isinstance(alpha, bool) or not isinstance(alpha, Real) or not 0 <= alpha <= 1:
        raise InputError(f"alpha must be a number in [0, 1], got {alpha!r}")
    weights = torch.full((1 + num_attributes,), (1 - alpha) / max(num_attributes, 1))
    weights[0] = alpha
    return weights


def joint_loss(
    class_logits: Tensor,
    attribute_logits: Tensor,
    classes: Tensor,
    attributes: Tensor,
    alpha: float = 0.5,
) -> Tensor:
    """L = alpha L_c + (1 - alpha) L_a (Sec. 2), a scalar in nats.

    class_logits `(B, C)`, classes `(B,)` indices; attribute_logits and attributes `(B, K)`, NaN = unknown, which is left
    out of its attribute's mean. Raises `InputError` for other shapes and for labels out of range.
    """
    _check_shapes(class_logits, attribute_logits, classes, attributes)
    tasks = _tasks(class_logits.shape[1], attribute_logits.shape[1])
    labels = tasks.check_labels(torch.cat([classes[:, None].float(), attributes.float()], dim=1))
    losses = per_task_loss(torch.cat([class_logits, attribute_logits], dim=1), labels, tasks)
    return (losses * loss_weights(len(tasks) - 1, alpha).to(losses)).sum()


def _tasks(num_classes: int, num_attributes: int) -> TaskSet:
    classes = Task("class", "categorical", values=tuple(str(c) for c in range(num_classes)))
    return TaskSet([classes, *(Task(f"attribute {k}") for k in range(num_attributes))])


def _check_shapes(
    class_logits: Tensor, attribute_logits: Tensor, classes: Tensor, attributes: Tensor
) -> None:
    shapes = [
        tuple(tensor.shape) for tensor in (class_logits, attribute_logits, classes, attributes)
    ]
    if (
        [len(shape) for shape in shapes] != [2, 2, 1, 2]
        or len({shape[0] for shape in shapes}) > 1
        or shapes[1] != shapes[3]
    ):
        raise InputError(
            f"expected class logits (B, C), attribute logits (B, K), classes (B,) and attributes (B, K), got {', '.join(map(str, shapes))}"
        )
