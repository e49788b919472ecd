"""`FitSettings`: how long and how fast a training runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mtattr.errors import InputError, whole_number


@dataclass(frozen=True)
class FitSettings:
    """Length, learning rate, optimiser and augmentation of a training.

    Args:
        epochs: passes over the training split.
        batch_size: images per step, over all processes.
        learning_rate: highest rate; `schedule` says how it changes.
        betas: decay of Adam's two moving averages.
        weight_decay: of the network's parameters.
        schedule: "constant"; "cosine", from the rate to 0; "step", divided by 10 at each milestone.
        milestones: fractions of all steps in (0, 1), for schedule "step".
        optimizer: "adam" or "sgd".
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
    optimizer: str = "adam"
    momentum: float = 0.9
    flip: bool = False
    shift: int = 0
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("shift", 0)):
            whole_number(name, getattr(self, name), least)
        self._check("learning_rate", "a positive number", lambda rate: 0 < rate < math.inf)
        self._check("momentum", "a number in [0, 1)", lambda share: 0 <= share < 1)
        if self.clip_norm is not None:
            self._check("clip_norm", "None or a positive number", lambda norm: 0 < norm < math.inf)
        for name, known in (
            ("schedule", ("constant", "cosine", "step")),
            ("optimizer", ("adam", "sgd")),
        ):
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
        if self.schedule == "step":
            passed = sum(step >= milestone * total for milestone in self.milestones)
            return self.learning_rate * 0.1**passed
        if self.schedule == "cosine":
            return self.learning_rate * (0.5 * (1 + math.cos(math.pi * step / total)))
        return self.learning_rate * 1.0
