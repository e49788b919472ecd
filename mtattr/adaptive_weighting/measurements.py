"""Metrics of a run and the floors of a constant answer (He et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mtattr.adaptive_weighting.analysis import noise_floor, noise_metrics, weight_metrics
from mtattr.adaptive_weighting.loss import square_error, square_errors
from mtattr.data.image_data import ImageData
from mtattr.evaluation import accuracy, accuracy_by_task, average_precision
from mtattr.tasks import TaskSet
from mtattr.training import predict

#: A binary task is rare if its rarer answer has less than this share of the training images.
RARE = 0.1


def rare_tasks(labels: Tensor, tasks: TaskSet) -> tuple[int, ...]:
    """Positions of the rare binary tasks, by the known labels `(N, T)` of the training split."""
    share = (labels > 0.5).sum(0) / (~labels.isnan()).sum(0)
    return tuple(t for t in tasks.binary_indices if min(share[t], 1 - share[t]) < RARE)


def metrics(
    logits: Tensor, labels: Tensor, tasks: TaskSet, *, rare: tuple[int, ...]
) -> dict[str, float]:
    """Mean accuracy (Eq. 4), balanced accuracy of all and of the `rare` tasks, and square error."""
    balanced = accuracy.balanced_accuracy(logits, labels, tasks)
    # Tasks with one answer only are left out by their labels: NaN of a diverged network must show.
    known = [column[~column.isnan()].round() for column in labels.T]
    judged = [t for t, column in enumerate(known) if len(column.unique()) > 1]
    return {
        "mean_accuracy": accuracy.mean_accuracy(logits, labels, tasks),
        "balanced_accuracy": balanced[judged].mean().item(),
        "rare_balanced_accuracy": balanced[[t for t in rare if t in judged]].mean().item(),
        "square_error": _loss(logits, labels, tasks),
    }


def floors(labels: Tensor, tasks: TaskSet, *, rare: tuple[int, ...]) -> dict[str, float]:
    """Metrics of the most frequent answer, which recalls one value of each task and no other."""
    values = [task.num_units if task.kind == "categorical" else 2 for task in tasks]
    balanced = torch.tensor([1 / count for count in values])
    return {
        "mean_accuracy": accuracy.mean_accuracy_floor(labels, tasks),
        "balanced_accuracy": balanced.mean().item(),
        "rare_balanced_accuracy": balanced[list(rare)].mean().item(),
    }


def task_metrics(logits: Tensor, labels: Tensor, tasks: TaskSet) -> dict[str, list[float]]:
    """Accuracy, its floor, balanced accuracy and, of binary tasks, average precision per task."""
    ranking = torch.full((len(tasks),), torch.nan, dtype=torch.float64)
    binary = list(tasks.binary_indices)
    units = [tasks.slices[t].start for t in binary]
    ranking[binary] = average_precision(logits[:, units], labels[:, binary]).double()
    return accuracy_by_task(logits, labels, tasks) | {
        "balanced_accuracy": accuracy.balanced_accuracy(logits, labels, tasks).tolist(),
        "average_precision": ranking.tolist(),
    }


def _loss(logits: Tensor, labels: Tensor, tasks: TaskSet) -> float:
    """Mean square error over the tasks that have a known label."""
    return square_error(logits, labels, tasks)[~labels.isnan().all(0)].mean().item()


def analyse(
    val: ImageData,
    steering: ImageData,
    held: ImageData,
    net: nn.Module,
    data: Mapping[str, ImageData],
    device: object,
) -> dict[str, float]:
    """Validation loss, mean over tasks, and `optimism`: held-out half minus half that may steer."""
    loss = {
        name: _loss(predict(net, of.images), of.labels, of.tasks)
        for name, of in (("all", val), ("half", steering), ("held", held))
    }
    return {"validation_loss": loss["all"], "optimism": loss["held"] - loss["half"]}


def analyse_training(
    steering: ImageData,
    draws: int,
    units: str,
    history: Mapping[str, Tensor],
    net: nn.Module,
    data: Mapping[str, ImageData],
    device: object,
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Numbers of a training, and per task its mean weight, mean validation loss and noise floor.

    Args:
        steering: the images whose losses set the weights.
        draws: how many of them a window held.
        units: as in `square_error`.
        history: means per epoch of the weighting, each `(E, T)`.
        net: the trained network.
    """
    logits = predict(net, steering.images)
    errors = square_errors(logits, steering.labels, steering.tasks, units=units)
    floor = noise_floor(errors.double(), draws)
    result = weight_metrics(history["weight"], history["validation_loss"])
    if "change" in history:
        result |= noise_metrics(history["weight"][-1], history["change"][-1], floor)
    values = {
        "weight": history["weight"].mean(0),
        "validation_loss": history["validation_loss"].mean(0),
        "noise_floor": floor,
    }
    return result, {
        name: [float(f"{value:.5g}") for value in row.tolist()] for name, row in values.items()
    }
