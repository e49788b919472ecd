"""`Plan`: everything the training loop needs for one run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.nets.output import Output
from mtattr.tasks import TaskSet
from mtattr.training.losses import Batch, task_losses
from mtattr.training.settings import FitSettings
from mtattr.training.weighting import FixedWeights, Weighting

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Initial:
    """Network and weights before the first step; None = those that `Plan.build` gives.

    Args:
        structure: JSON from which `Plan.build` makes the network.
        weights: its state.
    """

    structure: Any = None
    weights: Mapping[str, Tensor] | None = None


def _nothing(*_: Any) -> dict[str, float]:
    return {}


def _nothing_of_training(*_: Any) -> tuple[dict[str, float], dict[str, list[float]]]:
    return {}, {}


@dataclass(frozen=True)
class Measures:
    """What is measured of a network.

    Args:
        metrics: `(logits (N, U), labels (N, T), tasks)` -> values by name.
        select_by: metric whose highest validation value selects the epoch.
        floors: `(labels, tasks)` -> the metrics of a constant guess.
        task_metrics: `(logits, labels, tasks)` -> lists of a value per task, by name.
        analyse: `(net, data, device)` -> values by name, for the last and the selected epoch.
        analyse_training: `(values per epoch and task (E, T) by name, last net, data, device)` ->
            values by name, and lists of a value per task by name.
    """

    metrics: Callable[[Tensor, Tensor, TaskSet], dict[str, float]]
    select_by: str
    floors: Callable[[Tensor, TaskSet], dict[str, float]]
    task_metrics: Callable[[Tensor, Tensor, TaskSet], dict[str, list[float]]] = _nothing
    analyse: Callable[[nn.Module, Mapping[str, ImageData], object], dict[str, float]] = _nothing
    analyse_training: Callable[..., tuple[dict[str, float], dict[str, list[float]]]] = (
        _nothing_of_training
    )


@dataclass(frozen=True)
class Plan:
    """One run: data, network, losses, optimisation and measurements.

    Args:
        data: an `ImageData` per split (train, val, test), all with the same tasks.
        build: makes the network, called after seeding; with the `structure` of a run's record, a
            network that can load that run's weights.
        settings: length, rate, optimiser, augmentation.
        measures: metrics, floors and analyses.
        losses: `(output, batch, tasks) -> (T,)`, the paper's loss by task. On validation images the
            output has logits alone, and the batch no images.
        task_weights: `(T,)`, factors of the losses that are reported and, without `weighting`, of
            those that are trained; all 1 by default.
        weighting: makes the loss weighting, called with T.
        steering: images for weightings that observe validation losses; the validation split by
            default.
        steering_norm: batch norm statistics for these images, "running" or those of the "batch".
        initial: gives structure and weights before the first step.
        train: `(plan, loop) -> Trained` instead of `fit`, for a training that is a search.
        seen_by_all: data whose fingerprint goes to the record, where the networks of a comparison
            see different tasks of the same images; else `data`.
        notes: remarks for the page (for example "random initial weights").
    """

    data: Mapping[str, ImageData]
    build: Callable[..., nn.Module]
    settings: FitSettings
    measures: Measures
    losses: Callable[[Output, Batch, TaskSet], Tensor] = task_losses
    task_weights: Tensor | None = None
    weighting: Callable[[int], Weighting] | None = None
    steering: ImageData | None = None
    steering_norm: str = "running"
    initial: Callable[[], Initial] = Initial
    train: Callable[..., Any] | None = None
    seen_by_all: Mapping[str, ImageData] | None = None
    notes: tuple[str, ...] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        if set(self.data) != set(SPLITS):
            there = ", ".join(sorted(self.data))
            raise InputError(f"a plan needs the splits {', '.join(SPLITS)}, got {there}")
        if any(split.tasks != self.tasks for split in self.data.values()):
            raise InputError("all splits of a plan must have the same tasks")
        if self.steering_norm not in ("running", "batch"):
            raise InputError(f"steering_norm must be running or batch, got {self.steering_norm!r}")
        if self.steering is None:
            object.__setattr__(self, "steering", self.data["val"])
        elif not len(self.steering) or self.steering.tasks != self.tasks:
            raise InputError(
                "the steering images of a plan must be there and have the tasks of its splits"
            )
        if self.task_weights is None:
            object.__setattr__(self, "task_weights", torch.ones(len(self.tasks)))
        if self.task_weights.shape != (len(self.tasks),):
            shape = tuple(self.task_weights.shape)
            raise InputError(f"task weights must have shape ({len(self.tasks)},), got {shape}")

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the fingerprints of the three splits; only runs with the same are paired."""
        data = self.data if self.seen_by_all is None else self.seen_by_all
        return hashlib.sha256("".join(data[s].fingerprint for s in SPLITS).encode()).hexdigest()

    def validation_losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """`losses` `(T,)` from logits `(N, U)` alone and labels `(N, T)`."""
        return self.losses(Output(logits), Batch(None, labels), self.tasks)

    def new_weighting(self) -> Weighting:
        """A fresh weighting, `FixedWeights(task_weights)` unless the plan names another."""
        if self.weighting is None:
            return FixedWeights(self.task_weights)
        return self.weighting(len(self.tasks))

    @property
    def tasks(self) -> TaskSet:
        """The tasks of the training split."""
        return self.data["train"].tasks
