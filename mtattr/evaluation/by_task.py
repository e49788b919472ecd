"""Accuracy of every task beside its floor, as a run's record stores them."""

from __future__ import annotations

from torch import Tensor

from mtattr.evaluation.accuracy import task_accuracy, task_floor
from mtattr.tasks import TaskSet


def accuracy_by_task(logits: Tensor, labels: Tensor, tasks: TaskSet) -> dict[str, list[float]]:
    """`accuracy` of every task and its `floor`, lists of T numbers, NaN without known labels."""
    return {
        "accuracy": task_accuracy(logits, labels, tasks).tolist(),
        "floor": task_floor(labels, tasks).tolist(),
    }
