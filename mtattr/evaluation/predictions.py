"""Answers from network units: probabilities of binary tasks, and one predicted value per task."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.errors import InputError
from mtattr.tasks import TaskSet


def check_logits(logits: Tensor, labels: Tensor, tasks: TaskSet) -> None:
    """Raise `InputError` unless logits are `(N, U)` and labels `(N, T)` of these tasks."""
    expected = ((len(logits), tasks.num_units), (len(logits), len(tasks)))
    if (tuple(logits.shape), tuple(labels.shape)) != expected:
        raise InputError(
            f"logits and labels must be {expected[0]} and {expected[1]}, "
            f"got {tuple(logits.shape)} and {tuple(labels.shape)}"
        )


def binary_logits(logits: Tensor, tasks: TaskSet) -> Tensor:
    """Units of the binary tasks `(N, B)`, float32 or float64, in task order."""
    columns = [tasks.slices[t].start for t in tasks.binary_indices]
    picked = logits[:, columns]
    return picked if picked.dtype == torch.float64 else picked.float()


def probabilities(logits: Tensor, tasks: TaskSet) -> Tensor:
    """Probabilities `(N, B)` of the binary tasks, in the order of `tasks.binary_indices`."""
    return binary_logits(logits, tasks).sigmoid()


def predict(logits: Tensor, tasks: TaskSet, *, thresholds: Tensor | None = None) -> Tensor:
    """One answer per task: 1 or 0 for a binary one, the class of the largest unit otherwise.

    Float `(N, T)` from logits `(N, U)`; NaN where a unit that decides is NaN, as of a diverged
    network. An attribute is present if its probability exceeds its threshold, one of `(B,)` for
    the binary tasks; without them, if its logit exceeds 0.
    """
    units = binary_logits(logits, tasks)
    answers = units.new_empty(len(logits), len(tasks))
    if thresholds is None:
        present = units > 0
    elif thresholds.shape == (units.shape[1],):
        present = units.sigmoid() > thresholds.to(units.device)
    else:
        raise InputError(
            f"thresholds must have shape ({units.shape[1]},), one per binary task, "
            f"got {tuple(thresholds.shape)}"
        )
    answers[:, list(tasks.binary_indices)] = present.to(units.dtype).masked_fill(
        units.isnan(), torch.nan
    )
    for t in tasks.categorical_indices:
        scores = logits[:, tasks.slices[t]]
        answers[:, t] = (
            scores.argmax(1).to(units.dtype).masked_fill(scores.isnan().any(1), torch.nan)
        )
    return answers
