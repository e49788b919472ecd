"""What a paper's recipe hands to the loop."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.tasks import TaskSet
from mtattr.training.losses import per_task_loss
from mtattr.training.weighting import FixedWeights, Weighting

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class FitSettings:
    """How long and how fast to train.

    learning_rate follows `schedule`: "constant", "cosine" from its value to 0 over all steps, or "step", divided by 10 at
    each of `milestones`, fractions of all steps. optimizer: "adam" with `betas`, or "sgd" with `momentum`. flip mirrors
    half of the images; shift moves each by up to that many pixels. clip_norm: the gradient of all parameters together is
    scaled down to this length if it is longer.
    """

    epochs: int
    batch_size: int = 32
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    schedule: str = "constant"
    milestones: tuple[float, ...] = ()
    optimizer: str = "adam"
    momentum: float = 0.9
    flip: bool = False
    shift: int = 0
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f"{name} must be a whole number of at least 1, got {value!r}")
        if not isinstance(self.learning_rate, int | float) or not 0 < self.learning_rate < math.inf:
            raise InputError(f"learning_rate must be a positive number, got {self.learning_rate!r}")
        if isinstance(self.shift, bool) or not isinstance(self.shift, int) or self.shift < 0:
            raise InputError(
                f"shift must be a whole number of pixels, at least 0, got {self.shift!r}"
            )
        if self.schedule not in ("constant", "cosine", "step"):
            raise InputError(
                f"schedule {self.schedule!r} is unknown; there are constant, cosine and step"
            )
        if self.optimizer not in ("adam", "sgd"):
            raise InputError(f"optimizer {self.optimizer!r} is unknown; there are adam and sgd")
        if not isinstance(self.momentum, int | float) or not 0 <= self.momentum < 1:
            raise InputError(f"momentum must be a number in [0, 1), got {self.momentum!r}")
        if self.clip_norm is not None and (
            not isinstance(self.clip_norm, int | float) or not 0 < self.clip_norm < math.inf
        ):
            raise InputError(f"clip_norm must be None or a positive number, got {self.clip_norm!r}")
        if any(not 0 < milestone < 1 for milestone in self.milestones) or bool(self.milestones) != (
            self.schedule == "step"
        ):
            raise InputError(
                f"milestones must be fractions in (0, 1), for schedule step alone, got {self.milestones!r}"
            )

    def rate_at(self, step: int, total: int) -> float:
        """Learning rate of step 0 .. total - 1."""
        if self.schedule == "step":
            return self.learning_rate * 0.1 ** sum(
                step >= milestone * total for milestone in self.milestones
            )
        return self.learning_rate * (
            1.0 if self.schedule == "constant" else 0.5 * (1 + math.cos(math.pi * step / total))
        )


def _no_analysis(net: nn.Module, data: Mapping[str, ImageData], device: object) -> dict[str, float]:
    return {}


def _no_training_analysis(
    history: Mapping[str, Tensor], net: nn.Module, data: Mapping[str, ImageData], device: object
) -> tuple[dict[str, float], dict[str, list[float]]]:
    return {}, {}


@dataclass(frozen=True)
class Start:
    """Where a training begins when something came before it.

    structure: JSON from which `Plan.build` makes the network, None for that of the plan. weights: its state, None for that
    of `build`. checkpoint, identity, seed: the file in which the training goes on, if it has begun already, what that file
    says of itself, and the seed it began with. findings: JSON, what led here, and metrics, numbers to stand beside those of the
    test split: both for the record.
    """

    structure: Any = None
    weights: Mapping[str, Tensor] | None = None
    checkpoint: Path | None = None
    identity: Mapping[str, Any] | None = None
    seed: int | None = None
    findings: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """Everything that one run needs.

    data: an `ImageData` per split (train, val, test) with the same tasks. build: makes the network, called after
    seeding; given the `structure` that a run's record holds, one into which that run's weights fit. search: finds, before
    the training, where it begins; called as in `mtattr/training/run.py`. task_weights `(T,)` multiply
    `losses(logits, labels, tasks, known=...) -> (T,)` in the losses that are reported and, unless `weighting` (called with
    T) makes another, in the one that is trained. auxiliary_losses: `(output, images, labels, tasks, known=...) -> (T,)`, added to
    them in training alone, for what a network says besides its logits. steering: the images that a weighting watches which
    watches "validation"; without it, the validation split. steering_norm: whether batch norm sees them by its "running"
    statistics or by those of their "batch"; it learns from neither. metrics: from
    `(logits (N, U), labels (N, T), tasks)` to names and values; `select_by` is the one whose highest validation value
    selects the epoch. floors: what a constant guess reaches, from the test labels. task_metrics: a value per task.
    analyse: measurements of the trained network on the test split, called with (net, data, device) for the last and
    the selected epoch. analyse_training: measurements of the whole training, called with (values per epoch and task
    `(E, T)` by name, network of the last epoch, data, device), which gives numbers and lists of a value per task.
    seen_by_all: the data whose fingerprint the record carries, if a comparison's networks see different
    tasks of the same images; else `data`. notes: what a page must say about this run (for example "random weights").
    """

    data: Mapping[str, ImageData]
    build: Callable[..., nn.Module]
    task_weights: Tensor
    settings: FitSettings
    metrics: Callable[[Tensor, Tensor, TaskSet], dict[str, float]]
    select_by: str
    floors: Callable[[Tensor, TaskSet], dict[str, float]]
    task_metrics: Callable[[Tensor, Tensor, TaskSet], dict[str, list[float]]] | None = None
    analyse: Callable[[nn.Module, Mapping[str, ImageData], object], dict[str, float]] = _no_analysis
    analyse_training: Callable[..., tuple[dict[str, float], dict[str, list[float]]]] = (
        _no_training_analysis
    )
    losses: Callable[..., Tensor] = per_task_loss
    auxiliary_losses: Callable[..., Tensor] | None = None
    weighting: Callable[[int], Weighting] | None = None
    steering: ImageData | None = None
    steering_norm: str = "running"
    search: Callable[..., Start] | None = None
    seen_by_all: Mapping[str, ImageData] | None = None
    notes: tuple[str, ...] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        if set(self.data) != set(SPLITS):
            raise InputError(
                f"a plan needs the splits {', '.join(SPLITS)}, got {', '.join(sorted(self.data))}"
            )
        if any(split.tasks != self.tasks for split in self.data.values()):
            raise InputError("all splits of a plan must have the same tasks")
        if self.steering_norm not in ("running", "batch"):
            raise InputError(f"steering_norm must be running or batch, got {self.steering_norm!r}")
        if self.steering is not None and (
            not len(self.steering) or self.steering.tasks != self.tasks
        ):
            raise InputError(
                "the steering images of a plan must be there and have the tasks of its splits"
            )
        if self.task_weights.shape != (len(self.tasks),):
            raise InputError(
                f"task weights must have shape ({len(self.tasks)},), got {tuple(self.task_weights.shape)}"
            )

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the fingerprints of the three splits; runs are paired only where it is equal."""
        data = self.data if self.seen_by_all is None else self.seen_by_all
        return hashlib.sha256(
            "".join(data[split].fingerprint for split in SPLITS).encode()
        ).hexdigest()

    def new_weighting(self) -> Weighting:
        """A fresh weighting, `FixedWeights(task_weights)` unless the plan names another."""
        return (
            FixedWeights(self.task_weights)
            if self.weighting is None
            else self.weighting(len(self.tasks))
        )

    @property
    def tasks(self) -> TaskSet:
        """The tasks of the training split."""
        return self.data["train"].tasks
