"""Square error on -1/+1 labels, the loss of He et al. 2017."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from mtattr.errors import InputError
from mtattr.nets import Output
from mtattr.tasks import TaskSet
from mtattr.training.losses import Batch, known_counts


def square_error(
    outputs: Tensor,
    labels: Tensor,
    tasks: TaskSet,
    *,
    known: Tensor | None = None,
    units: str = "mean",
) -> Tensor:
    """Half squared distance to -1/+1 of each task, mean over its known labels: `(T,)`.

    He et al. 2017, Eq. 1 to 3. The half is that of the released code, whose loss is the sum of
    squares over twice the batch. A task without a known label has loss 0 and gives no gradient.

    Args:
        outputs: `(B, U)`; computed in float32 or better.
        labels: `(B, T)`, NaN = unknown. The target of a binary label y in [0, 1] is 2y - 1; for a
            categorical one it is +1 for the label's unit and -1 for the others.
        tasks: the T tasks with their U units.
        known: as in `per_task_loss`.
        units: over a categorical task's units the "mean", which puts all tasks on one scale, or
            the "sum", which puts all units on one; the paper does not say which.

    Raises:
        InputError: other `units` or shapes.
    """
    counts = known_counts(labels) if known is None else known
    total = _over_units(_squares(outputs, labels, tasks).sum(dim=0), tasks, units)
    return total / (2 * counts.clamp(min=torch.finfo(torch.float32).tiny))


def losses(output: Output, batch: Batch, tasks: TaskSet, *, units: str = "mean") -> Tensor:
    """Losses `(T,)` that a plan trains: `square_error` of a network's outputs."""
    return square_error(output.logits, batch.labels, tasks, known=batch.known, units=units)


def square_errors(
    outputs: Tensor, labels: Tensor, tasks: TaskSet, *, units: str = "mean"
) -> Tensor:
    """Half squared distance of every image and task: `(B, T)`, NaN where unknown."""
    halves = _over_units(_squares(outputs, labels, tasks).T.contiguous(), tasks, units).T / 2
    return torch.where(labels.isnan(), torch.nan, halves)


def _squares(outputs: Tensor, labels: Tensor, tasks: TaskSet) -> Tensor:
    """Squared distance of every unit to its target `(B, U)`, 0 where the label is unknown."""
    if (
        outputs.ndim != 2
        or outputs.shape[1] != tasks.num_units
        or labels.shape != (len(outputs), len(tasks))
    ):
        # Other shapes would be broadcast without a word.
        wanted = f"outputs (B, {tasks.num_units}) and labels (B, {len(tasks)})"
        raise InputError(
            f"square_error: expected {wanted}, got {tuple(outputs.shape)} and {tuple(labels.shape)}"
        )
    outputs = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
    task, value, _ = _layout(tasks, outputs.device)
    label = labels.to(outputs.dtype)[:, task]
    mask = ~label.isnan()
    truth = torch.where(value < 0, label, (label == value).to(label.dtype))
    # An unknown target must be a number too: NaN would pass through the masked gradient.
    distance = outputs - torch.where(mask, 2 * truth - 1, 0)
    return torch.where(mask, distance, 0).square()


def _over_units(values: Tensor, tasks: TaskSet, units: str) -> Tensor:
    """Mean or sum over each task's units, `(U, ...)` to `(T, ...)`."""
    if units not in ("mean", "sum"):
        raise InputError(f"units must be mean or sum, got {units!r}")
    # A task's units lie side by side. Unlike index_add, this adds in one order on every device.
    # Its check of the lengths would wait for a GPU; ours are right by construction.
    lengths = _layout(tasks, values.device)[2]
    return torch.segment_reduce(values, units, lengths=lengths, unsafe=True)


@functools.lru_cache(maxsize=64)
def _layout(tasks: TaskSet, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Task and class (-1 = binary) of each unit `(U,)`, and number of units of each task `(T,)`."""
    sizes = [task.num_units for task in tasks]
    task = [t for t, size in enumerate(sizes) for _ in range(size)]
    value = [v if one.kind == "categorical" else -1 for one in tasks for v in range(one.num_units)]
    # Tensors of a first call under inference_mode could not be saved for a later backward pass.
    with torch.inference_mode(False):
        return tuple(torch.tensor(row, device=device) for row in (task, value, sizes))
