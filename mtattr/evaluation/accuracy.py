"""Accuracies over known labels, and the floors that an answer without looking reaches."""

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
    """Column means `(T,)` of `values` `(N, T)` where `known`; NaN without known entries or where a known one is NaN."""
    return ratio(torch.where(known, values, 0.0).sum(0), known.sum(0))


def _mean_over_tasks(per_task: Tensor, labels: Tensor) -> float:
    """Mean over the tasks that have a known label, so that a NaN from a diverged network still shows."""
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
    """Share of known labels answered rightly, per task.

    logits: `(N, U)`. labels: `(N, T)`, NaN = unknown. thresholds: `(B,)` probabilities, one per binary task; without them
    a binary logit is compared with 0. Returns float64 `(T,)` in [0, 1]; NaN for a task without known labels.
    """
    return _mean_of_known(*_correct(logits, labels, tasks, thresholds))


def mean_accuracy(
    logits: Tensor, labels: Tensor, tasks: TaskSet, *, thresholds: Tensor | None = None
) -> float:
    """Mean of `task_accuracy` over all tasks, binary and categorical alike, each task with the same weight.

    Tasks without a known label are left out. Returns a number in [0, 1], NaN if no label is known.
    """
    return _mean_over_tasks(task_accuracy(logits, labels, tasks, thresholds=thresholds), labels)


def micro_accuracy(
    logits: Tensor, labels: Tensor, tasks: TaskSet, *, thresholds: Tensor | None = None
) -> float:
    """Share of all known labels of the binary tasks that are answered rightly, pooled over tasks.

    With rare attributes an answer of "none" already scores high: read it beside `micro_floor`.
    Returns a number in [0, 1], NaN if no binary label is known. Source: Maeda et al. 2020, Fig. 2.
    """
    right, known = _correct(logits, labels, tasks, thresholds)
    chosen = known[:, list(tasks.binary_indices)]
    return right[:, list(tasks.binary_indices)][chosen].mean().item()


def micro_floor(labels: Tensor, tasks: TaskSet) -> float:
    """Micro accuracy of saying that no attribute is ever present: the share of negatives among known binary labels."""
    binary = labels[:, list(tasks.binary_indices)]
    return (~positives(binary[~binary.isnan()])).double().mean().item()


def task_floor(labels: Tensor, tasks: TaskSet) -> Tensor:
    """Accuracy of always giving the most frequent known answer of `labels`, float64 `(T,)`; NaN without known labels."""
    hard = _hard_labels(labels, tasks)
    floors = hard.new_full((len(tasks),), torch.nan)
    for t in range(len(tasks)):
        known = hard[:, t][~hard[:, t].isnan()]
        if len(known):
            floors[t] = known.long().bincount().max().double() / len(known)
    return floors


def mean_accuracy_floor(labels: Tensor, tasks: TaskSet) -> float:
    """Mean accuracy of the majority answer of every task (80.52 % on CelebA's test split), in [0, 1]."""
    return _mean_over_tasks(task_floor(labels, tasks), labels)


def class_task(tasks: TaskSet) -> int:
    """Position of the first categorical task; `InputError` if there is none."""
    if not tasks.categorical_indices:
        raise InputError("class accuracy needs a categorical task, but all tasks are binary")
    return tasks.categorical_indices[0]


def class_accuracy(logits: Tensor, labels: Tensor, tasks: TaskSet) -> float:
    """Accuracy in [0, 1] of the first categorical task over its known labels; `InputError` if there is none."""
    return task_accuracy(logits, labels, tasks)[class_task(tasks)].item()


def class_floor(labels: Tensor, tasks: TaskSet) -> float:
    """Share of the most frequent class of the first categorical task among its known labels."""
    return task_floor(labels, tasks)[class_task(tasks)].item()


def balanced_accuracy(
    logits: Tensor, labels: Tensor, tasks: TaskSet, *, thresholds: Tensor | None = None
) -> Tensor:
    """Mean of the recalls of a task's values (for a binary task: of positives and negatives), which no majority lifts.

    Values that no known label takes are left out. Returns float64 `(T,)` in [0, 1]; NaN where fewer than two values occur.
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
