"""`FitSettings`: how long and how fast a training runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mtattr.errors import InputError, whole_number

SCHEDULES = ("constant", "cosine", "step", "one_cycle")
OPTIMIZERS = ("adam", "adamw", "sgd")


@dataclass(frozen=True)
class FitSettings:
    """Length, learning rate, optimiser and augmentation of a training.

    Args:
        epochs: passes over the training split.
        batch_size: images per step, over all processes.
        learning_rate: highest rate; `schedule` says how it changes.
        betas: decay of Adam's two moving averages.
        weight_decay: of the network's parameters; added to the gradient by "adam" and "sgd",
            taken off the weights by "adamw".
        schedule: "constant"; "cosine", from the rate to 0; "step", divided by 10 at each milestone;
            "one_cycle", along a cosine up from 1/25 of the rate during `warm_up` and down to 0.
        milestones: fractions of all steps in (0, 1), for schedule "step".
        warm_up: fraction of all steps in [0, 1) during which the rate rises, along a line except
            for "one_cycle", where 0 stands for 0.3.
        optimizer: "adam", "adamw" or "sgd".
        momentum: of SGD.
        flip: mirror half of the images.
        shift: move each image by up to so many pixels.
        clip_norm: longest gradient of all parameters together, None for no limit.
    """

    epochs: int
    batch_size: int = 32
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    schedule: str = "constant"
    milestones: tuple[float, ...] = ()
    warm_up: float = 0.0
    optimizer: str = "adam"
    momentum: float = 0.9
    flip: bool = False
    shift: int = 0
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("shift", 0)):
            whole_number(name, getattr(self, name), least)
        self._check("learning_rate", "a positive number", lambda rate: 0 < rate < math.inf)
        for name in ("momentum", "warm_up"):
            self._check(name, "a number in [0, 1)", lambda share: 0 <= share < 1)
        if self.clip_norm is not None:
            self._check("clip_norm", "None or a positive number", lambda norm: 0 < norm < math.inf)
        for name, known in (("schedule", SCHEDULES), ("optimizer", OPTIMIZERS)):
            if (value := getattr(self, name)) not in known:
                raise InputError(f"{name} {value!r} is unknown; there are {', '.join(known)}")
        inside = all(0 < milestone < 1 for milestone in self.milestones)
        if not inside or bool(self.milestones) != (self.schedule == "step"):
            raise InputError(
                "milestones must be fractions in (0, 1), for schedule step alone, "
                f"got {self.milestones!r}"
            )

    def _check(self, name: str, expected: str, fits) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not fits(value):
            raise InputError(f"{name} must be {expected}, got {value!r}")

    def rate_at(self, step: int, total: int) -> float:
        """Learning rate of step 0 .. total - 1."""
        if self.schedule == "one_cycle":
            return self._one_cycle(step, total)
        if step < (rising := self.warm_up * total):
            return self.learning_rate * (step + 1) / (rising + 1)
        if self.schedule == "step":
            passed = sum(step >= milestone * total for milestone in self.milestones)
            return self.learning_rate * 0.1**passed
        if self.schedule == "cosine":
            done = (step - rising) / (total - rising)
            return self.learning_rate * (0.5 * (1 + math.cos(math.pi * done)))
        return self.learning_rate * 1.0

    def _one_cycle(self, step: int, total: int) -> float:
        """The rate of Smith and Topin 2019, its highest value at step `warm_up * total - 1`."""
        peak, lowest = (self.warm_up or 0.3) * total - 1, self.learning_rate / 25
        if step < peak:
            start, end, done = lowest, self.learning_rate, step / peak
        else:
            start, end = self.learning_rate, lowest / 1e4
            done = (step - peak) / (total - 1 - peak)
        return end + (start - end) * 0.5 * (1 + math.cos(math.pi * done))
