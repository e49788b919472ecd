"""From network units to answers: probabilities of the binary tasks, and one predicted value a task."""

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
            f"logits and labels must be {expected[0]} and {expected[1]}, got {tuple(logits.shape)} and {tuple(labels.shape)}"
        )


def binary_logits(logits: Tensor, tasks: TaskSet) -> Tensor:
    """The units of the binary tasks `(N, B)`, float32 or wider, in task order."""
    columns = [tasks.slices[t].start for t in tasks.binary_indices]
    picked = logits[:, columns]
    return picked if picked.dtype == torch.float64 else picked.float()


def probabilities(logits: Tensor, tasks: TaskSet) -> Tensor:
    """Probability that each binary attribute is present, `(N, B)` in [0, 1], in the order of `tasks.binary_indices`."""
    return binary_logits(logits, tasks).sigmoid()


def predict(logits: Tensor, tasks: TaskSet, *, thresholds: Tensor | None = None) -> Tensor:
    """One answer a task: 1 or 0 for a binary one, the class of the largest unit for a categorical one.

    logits: `(N, U)`. thresholds: `(B,)` on the probability scale, one per binary task in order; an attribute is said to
    be present when its probability exceeds its threshold. Without them a binary logit is compared with 0.
    Returns float `(N, T)`; NaN where a unit that decides is NaN, so that a diverged network is not taken for a cautious one.
    Raises `InputError` when there are not as many thresholds as binary tasks.
    """
    units = binary_logits(logits, tasks)
    answers = units.new_empty(len(logits), len(tasks))
    if thresholds is None:
        present = units > 0
    elif thresholds.shape == (units.shape[1],):
        present = units.sigmoid() > thresholds.to(units.device)
    else:
        raise InputError(
            f"thresholds must have shape ({units.shape[1]},), one per binary task, got {tuple(thresholds.shape)}"
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
