"""What is measured in a run, and what a constant answer would reach."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mtattr.adaptive_weighting.analysis import noise_floor, noise_metrics, weight_metrics
from mtattr.adaptive_weighting.loss import square_error, square_errors
from mtattr.data.image_data import ImageData
from mtattr.evaluation import accuracy, average_precision
from mtattr.tasks import TaskSet
from mtattr.training import predict

#: A binary task is rare when fewer training images than this share have its rarer answer.
RARE = 0.1


def rare_tasks(labels: Tensor, tasks: TaskSet) -> tuple[int, ...]:
    """Binary tasks whose rarer answer less than `RARE` of the known labels `(N, T)` give."""
    share = (labels > 0.5).sum(0) / (~labels.isnan()).sum(0)
    return tuple(t for t in tasks.binary_indices if min(share[t], 1 - share[t]) < RARE)


def metrics(
    logits: Tensor, labels: Tensor, tasks: TaskSet, *, rare: tuple[int, ...]
) -> dict[str, float]:
    """Mean accuracy (tau = 0, Eq. 4; argmax of a categorical task), balanced accuracy, the same of rare tasks, square error."""
    balanced = accuracy.balanced_accuracy(logits, labels, tasks)
    # Tasks of which only one answer occurs are left out by their labels, so that a NaN from a diverged network still shows.
    judged = [
        t
        for t in range(len(tasks))
        if len(labels[:, t][~labels[:, t].isnan()].round().unique()) > 1
    ]
    return {
        "mean_accuracy": accuracy.mean_accuracy(logits, labels, tasks),
        "balanced_accuracy": balanced[judged].mean().item(),
        "rare_balanced_accuracy": balanced[[t for t in rare if t in judged]].mean().item(),
        "square_error": _loss(logits, labels, tasks),
    }


def floors(labels: Tensor, tasks: TaskSet, *, rare: tuple[int, ...]) -> dict[str, float]:
    """What the most frequent answer of each task reaches: it recalls one value wholly and the others not at all."""
    balanced = torch.tensor(
        [1 / task.num_units if task.kind == "categorical" else 0.5 for task in tasks]
    )
    return {
        "mean_accuracy": accuracy.mean_accuracy_floor(labels, tasks),
        "balanced_accuracy": balanced.mean().item(),
        "rare_balanced_accuracy": balanced[list(rare)].mean().item(),
    }


def task_metrics(logits: Tensor, labels: Tensor, tasks: TaskSet) -> dict[str, list[float]]:
    """Accuracy, its floor and balanced accuracy of every task, average precision of every binary one."""
    ranking = torch.full((len(tasks),), torch.nan, dtype=torch.float64)
    binary = list(tasks.binary_indices)
    units = [tasks.slices[t].start for t in binary]
    ranking[binary] = average_precision(logits[:, units], labels[:, binary]).double()
    return {
        "accuracy": accuracy.task_accuracy(logits, labels, tasks).tolist(),
        "floor": accuracy.task_floor(labels, tasks).tolist(),
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
    """Validation loss (mean over tasks), and by how much the half that may steer lies below the half held out."""
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
    """Numbers and values per task of a whole training, for `Plan.analyse_training`.

    steering: the images that steered. draws: how many of them a window held. units: as in `square_error`. Values: mean
    weight, mean validation loss and noise floor of the last network.
    """
    errors = square_errors(
        predict(net, steering.images), steering.labels, steering.tasks, units=units
    )
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
