"""Records of a pedestrian while it is painted: its body, its clothes, and where its trunk lies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from mtattr.twins.drawing.frame import Patch

#: (x, y, depth): the person's frame, and how much nearer than the axis.
Point = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, eq=False)
class Wardrobe:
    """Flags, bool (B,), and colours (B, 3).

    `age` is 0 young, 1 teenager, 2 adult, 3 old; `mixed_*`: of no listed colour.
    """

    female: Tensor
    age: Tensor
    long_hair: Tensor
    long_sleeve: Tensor
    shorts: Tensor
    skirt: Tensor
    coat: Tensor
    boots: Tensor
    hat: Tensor
    backpack: Tensor
    bag: Tensor
    handbag: Tensor
    up: Tensor
    up_second: Tensor
    mixed_up: Tensor
    down: Tensor
    down_second: Tensor
    mixed_down: Tensor
    skin: Tensor
    hair: Tensor
    shoe: Tensor


@dataclass(frozen=True, eq=False)
class Figure:
    """Where everything of a batch of pedestrians is, each number (B,).

    cos, sin: of the angle from the camera to where the person faces; 1, 0 = towards the camera, 0,
    1 = to the right. far_* and near_*: [shoulder, elbow, wrist] and [hip, knee, ankle, heel, toe]
    of the arm or leg behind and in front.
    unit: size relative to a grown person; widths are half widths (across, in depth).
    """

    cos: Tensor
    sin: Tensor
    pitch: Tensor
    unit: Tensor
    drop: Tensor
    lean: Tensor
    bulk: Tensor
    head_size: Tensor
    far_arm: list[Point]
    near_arm: list[Point]
    far_leg: list[Point]
    near_leg: list[Point]
    left_is_near: Tensor
    shoulder_width: Tensor
    waist: tuple[Tensor, Tensor]
    chest: tuple[Tensor, Tensor]
    hip: tuple[Tensor, Tensor]

    def at(self, x: Tensor | float, y: Tensor | float, z: Tensor | float) -> Point:
        """A point of the upright body: x to its left, y up, z forward, in its own height."""
        z = z + self.lean * ((y - 0.5).clamp(min=0) if isinstance(y, Tensor) else max(y - 0.5, 0.0))
        depth = (z * self.cos - x * self.sin) * self.unit
        return (
            (x * self.cos + z * self.sin) * self.unit,
            0.5 - (y * self.unit - self.drop) + depth * self.pitch,
            depth,
        )

    def rows(self, points: list[Point], rows: Tensor) -> list[Point]:
        """The points of some of the images."""
        return [tuple(value[rows] for value in point) for point in points]

    @cached_property
    def neck(self) -> Point:
        """Where the neck leaves the trunk."""
        return self.at(0.0, 0.845, 0.0)

    @cached_property
    def head(self) -> Point:
        """The middle of the skull."""
        return self.at(0.0, 0.926, 0.014 + 0.06 * self.lean)

    @cached_property
    def hips(self) -> Point:
        """The middle between the hip joints."""
        return self.at(0.0, 0.51, 0.0)

    def across(self, widths: tuple[Tensor, Tensor]) -> Tensor:
        """Half width on the screen of an upright elliptic body with the given half widths."""
        a, b = widths
        return torch.sqrt((a * self.cos) ** 2 + (b * self.sin) ** 2) * self.unit

    def front(self, x: Tensor | float, z: Tensor | float) -> tuple[Tensor, Tensor]:
        """Place on the screen of the line `x` left of the middle (B,), and how it faces us."""
        return (x * self.cos + z * self.sin) * self.unit, (z * self.cos - x * self.sin) * 18


@dataclass(frozen=True, eq=False)
class Trunk:
    """Where the trunk lies, for each pixel of a spot, (B, h, w).

    t: share of the way from the shoulders down to the hem. across: distance from the axis, to the
    right. light: factor on colours; alpha: opacity. All lengths are in the person's frame.
    """

    spot: Patch
    t: Tensor
    across: Tensor
    light: Tensor
    alpha: Tensor
