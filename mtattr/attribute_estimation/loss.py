"""The loss of Maeda et al. (2020): a weighted sum of class and attribute loss."""

from __future__ import annotations

import functools
from numbers import Real

import torch
from torch import Tensor

from mtattr.errors import InputError
from mtattr.nets import Output
from mtattr.tasks import Task, TaskSet
from mtattr.training.losses import Batch, per_task_loss
from mtattr.training.weighting import FixedWeights


def loss_weights(num_attributes: int, alpha: float) -> Tensor:
    """Weights `(1 + K,)` of the losses: alpha for the class, (1 - alpha) / K for each attribute.

    They make the weighted sum of `per_task_loss` L = alpha L_c + (1 - alpha) L_a (Sec. 2); L_a
    averages over attributes, as Keras' binary cross-entropy does.

    Raises:
        InputError: alpha is outside [0, 1].
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
    *,
    known: Tensor | None = None,
    reduction: str = "sum",
) -> Tensor:
    """L = alpha L_c + (1 - alpha) L_a (Maeda et al. 2020, Sec. 2), in nats.

    Args:
        class_logits: `(B, C)`.
        attribute_logits: `(B, K)`.
        classes: `(B,)` indices, NaN = unknown.
        attributes: `(B, K)`, NaN = unknown, which is left out of its attribute's mean.
        alpha: weight of the class loss, in [0, 1].
        known: as in `per_task_loss`.
        reduction: "sum" gives L; "none" L_c and the loss of each attribute, `(1 + K,)`, before
            they are weighted: a plan's weighting multiplies them by the same `loss_weights`.

    Raises:
        InputError: other shapes, or labels out of range.
    """
    _check_shapes(class_logits, attribute_logits, classes, attributes)
    tasks = _tasks(class_logits.shape[1], attribute_logits.shape[1])
    labels = torch.cat([classes[:, None].float(), attributes.float()], dim=1)
    if known is None:  # labels of the training loop were checked when they were loaded
        labels = tasks.check_labels(labels)
    logits = torch.cat([class_logits, attribute_logits], dim=1)
    losses = per_task_loss(logits, labels, tasks, known=known)
    if reduction == "none":
        return losses
    return FixedWeights(loss_weights(len(tasks) - 1, alpha).to(losses))(losses)


def losses(output: Output, batch: Batch, tasks: TaskSet, *, told: bool = False) -> Tensor:
    """Losses `(1 + K,)` that a plan trains: `joint_loss` before its weights.

    Args:
        told: the class branch learns from the annotated attributes instead of o_a, as in the
            independent bottleneck of Koh et al. 2020. Where there are logits alone, on validation,
            the class is read from o_a, as in use.
    """
    classes, labels = tasks[0].num_units, batch.labels
    class_logits = output.logits[:, :classes]
    if told and output.extra:
        truth = tell(labels[:, 1:], output.extra["attributes"])
        class_logits = output.extra["classify"](truth)
    return joint_loss(
        class_logits,
        output.logits[:, classes:],
        labels[:, 0],
        labels[:, 1:],
        known=batch.known,
        reduction="none",
    )


def tell(truth: Tensor, attributes: Tensor) -> Tensor:
    """The true attributes `(B, K)` in {0, 1}, and the estimated o_a `(B, K)` where they are NaN."""
    return torch.where(truth.isnan(), attributes.detach().to(truth.dtype), truth)


@functools.lru_cache(maxsize=8)
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
            "expected class logits (B, C), attribute logits (B, K), classes (B,) and "
            f"attributes (B, K), got {', '.join(map(str, shapes))}"
        )
