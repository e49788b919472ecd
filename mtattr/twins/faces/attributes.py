"""The 40 attributes of CelebA, in official names and order, with counts and parts."""

from __future__ import annotations

from dataclasses import dataclass

from mtattr.data.celeba_attributes import (
    NAMES,
    NUM_TRAIN_IMAGES,
    PART,
    PARTS,
    POSITIVES,
    TRAIN_POSITIVES,
)
from mtattr.tasks import Task, TaskSet

__all__ = ["ATTRIBUTES", "INDEX", "NAMES", "PARTS", "PART_OF", "TASKS", "TRAIN_RATES", "Attribute"]


@dataclass(frozen=True)
class Attribute:
    """One binary attribute.

    part: where it shows, one of `PARTS`. positives, train_positives: images of the real set that
    have it, in all and in the training split.
    """

    name: str
    part: str
    positives: int
    train_positives: int

    @property
    def train_rate(self) -> float:
        """Share of the real training images that have it: the rate that the twin is made for."""
        return self.train_positives / NUM_TRAIN_IMAGES


#: In official order.
ATTRIBUTES: tuple[Attribute, ...] = tuple(
    Attribute(name, PART[name], POSITIVES[name], TRAIN_POSITIVES[name]) for name in NAMES
)
INDEX: dict[str, int] = {name: k for k, name in enumerate(NAMES)}
#: Name -> part, of which the drawing knows the place (`part_masks`).
PART_OF: dict[str, str] = dict(PART)
#: Positive rate in the real training split, in official order.
TRAIN_RATES: tuple[float, ...] = tuple(attribute.train_rate for attribute in ATTRIBUTES)
#: 40 binary tasks in official order; group and region are the part.
TASKS = TaskSet(Task(a.name, group=a.part, region=a.part) for a in ATTRIBUTES)
