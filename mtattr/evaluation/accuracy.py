"""Accuracies over known labels, and floors: the accuracy of answers that ignore the image."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.errors import InputError
from mtattr.evaluation.counts import positives, ratio
from mtattr.evaluation.predictions import check_logits, predict
from mtattr.tasks import TaskSet


def _hard_labels(labels: Tensor, tasks: TaskSet) -> Tensor:
    """Labels `(N, T)` with soft binary ones cut at 0.5; NaN stays NaN."""
    hard = labels.double()
    binary = list(tasks.binary_indices)
    hard[:, binary] = (
        positives(labels[:, binary]).double().masked_fill(labels[:, binary].isnan(), torch.nan)
    )
    return hard


def _mean_of_known(values: Tensor, known: Tensor) -> Tensor:
    """Column means `(T,)` of `values` `(N, T)` where `known`; NaN without known entries."""
    return ratio(torch.where(known, values, 0.0).sum(0), known.sum(0))


def _mean_over_tasks(per_task: Tensor, labels: Tensor) -> float:
    # Only tasks without a known label are left out: the NaN of a diverged network must show.
    return per_task[~labels.isnan().all(0)].mean().item()


def _correct(
    logits: Tensor, labels: Tensor, tasks: TaskSet, thresholds: Tensor | None
) -> tuple[Tensor, Tensor]:
    check_logits(logits, labels, tasks)
    answers = predict(logits, tasks, thresholds=thresholds).double()
    right = (
        (answers == _hard_labels(labels, tasks)).double().masked_fill(answers.isnan(), torch.nan)
    )
    return right, ~labels.isnan()


def task_accuracy(
    logits: Tensor, labels: Tensor, tasks: TaskSet, *, thresholds: Tensor | None = None
) -> Tensor:
    """Share of known labels answered correctly: float64 `(T,)` in [0, 1], NaN without a label.

    Args:
        logits: `(N, U)`.
        labels: `(N, T)`, NaN = unknown.
        thresholds: probabilities `(B,)` of the binary tasks; by default 0.5, a logit of 0.
    """
    return _mean_of_known(*_correct(logits, labels, tasks, thresholds))


def mean_accuracy(
    logits: Tensor, labels: Tensor, tasks: TaskSet, *, thresholds: Tensor | None = None
) -> float:
    """Mean of `task_accuracy` over all tasks, binary and categorical, with equal weights.

    In [0, 1]; tasks without a known label are left out, and NaN if there is no other.
    """
    return _mean_over_tasks(task_accuracy(logits, labels, tasks, thresholds=thresholds), labels)


def micro_accuracy(
    logits: Tensor, labels: Tensor, tasks: TaskSet, *, thresholds: Tensor | None = None
) -> float:
    """Share of all known labels of the binary tasks answered correctly, pooled over tasks.

    In [0, 1]; NaN if no binary label is known. With rare attributes the answer "none" already
    scores high: compare it with `micro_floor`. Source: Maeda et al. 2020, Fig. 2.
    """
    right, known = _correct(logits, labels, tasks, thresholds)
    chosen = known[:, list(tasks.binary_indices)]
    return right[:, list(tasks.binary_indices)][chosen].mean().item()


def micro_floor(labels: Tensor, tasks: TaskSet) -> float:
    """Micro accuracy of "no attribute is present": the share of negatives among known labels."""
    binary = labels[:, list(tasks.binary_indices)]
    return (~positives(binary[~binary.isnan()])).double().mean().item()


def task_floor(labels: Tensor, tasks: TaskSet) -> Tensor:
    """Accuracy of always giving the most frequent known label: float64 `(T,)`, NaN without one."""
    hard = _hard_labels(labels, tasks)
    floors = hard.new_full((len(tasks),), torch.nan)
    for t in range(len(tasks)):
        known = hard[:, t][~hard[:, t].isnan()]
        if len(known):
            floors[t] = known.long().bincount().max().double() / len(known)
    return floors


def mean_accuracy_floor(labels: Tensor, tasks: TaskSet) -> float:
    """Mean of `task_floor` over tasks, in [0, 1]; 0.8052 on CelebA's test split."""
    return _mean_over_tasks(task_floor(labels, tasks), labels)


def class_task(tasks: TaskSet) -> int:
    """Position of the first categorical task; `InputError` if there is none."""
    if not tasks.categorical_indices:
        raise InputError("class accuracy needs a categorical task, but all tasks are binary")
    return tasks.categorical_indices[0]


def class_accuracy(logits: Tensor, labels: Tensor, tasks: TaskSet) -> float:
    """Accuracy of the first categorical task, in [0, 1]; `InputError` if there is none."""
    return task_accuracy(logits, labels, tasks)[class_task(tasks)].item()


def class_floor(labels: Tensor, tasks: TaskSet) -> float:
    """Share of the most frequent class of the first categorical task, in [0, 1]."""
    return task_floor(labels, tasks)[class_task(tasks)].item()


def balanced_accuracy(
    logits: Tensor, labels: Tensor, tasks: TaskSet, *, thresholds: Tensor | None = None
) -> Tensor:
    """Mean of the recalls of a task's values; for a binary task, of positives and negatives.

    Float64 `(T,)` in [0, 1]; a constant answer scores 1 over the number of values. Values without a
    known label are left out; NaN where fewer than two values occur.
    """
    right, known = _correct(logits, labels, tasks, thresholds)
    hard = _hard_labels(labels, tasks)
    result = right.new_full((len(tasks),), torch.nan)
    for t in range(len(tasks)):
        rows = known[:, t]
        sizes = hard[rows, t].long().bincount()
        hits = torch.zeros_like(sizes, dtype=torch.float64).index_add_(
            0, hard[rows, t].long(), right[rows, t]
        )
        if (sizes > 0).sum() >= 2:
            result[t] = (hits / sizes)[sizes > 0].mean()
    return result
