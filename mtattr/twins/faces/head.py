"""The shape of heads: one number per picture for everything that several parts share."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

#: Half the distance between the eyes: pictures are aligned by the eyes, so it is the same in all.
EYE = 0.174


@dataclass(frozen=True)
class HeadShape:
    """Numbers (B,) in units of half a picture height; y = 0 is the line through the eyes.

    width: half the head's width there; top: height of the skull above it; chin: depth of the chin
    below it; jaw, square,
    cheek: coefficients of the outline's lower half. turn in [-1, 1]: to the picture's right; nod in
    [-1, 1]: down.
    """

    turn: Tensor
    nod: Tensor
    width: Tensor
    top: Tensor
    chin: Tensor
    jaw: Tensor
    square: Tensor
    cheek: Tensor
    neck: Tensor
    brow_y: Tensor
    nose_y: Tensor
    mouth_y: Tensor
    mouth_width: Tensor
    hairline: Tensor

    @classmethod
    def of(cls, n) -> HeadShape:
        """Shapes of the heads of a batch; `n` are its `Numbers`."""
        male, chubby, oval = n.has("Male"), n.has("Chubby"), n.has("Oval_Face")
        turn, nod = n.pick("yaw", -1, 1), n.pick("pitch", -1, 1)
        turn, nod = turn * (0.35 + 0.65 * turn.abs()), nod * (0.35 + 0.65 * nod.abs())
        return cls(
            turn=turn,
            nod=nod,
            width=n.pick("head_width", 0.388, 0.418),
            top=n.pick("head_height", 0.60, 0.645),
            chin=n.pick("chin_length", 0.600, 0.640)
            + 0.02 * male
            + 0.024 * oval
            - 0.01 * chubby
            - 0.015 * nod,
            jaw=n.pick("jaw_width", -0.38, -0.12) + 0.42 * male - 0.34 * oval + 0.14,
            square=n.pick("chin_width", -0.25, 0.05) + 0.22 * male - 0.12 * oval + 0.14,
            cheek=n.pick("cheek_width", 0.15, 0.45) + 1.15 * chubby - 0.45 * oval + 0.10,
            neck=n.pick("neck_width", 0.185, 0.21) + 0.055 * male + 0.03 * chubby,
            brow_y=-0.098
            - n.pick("brow_height", -0.008, 0.012)
            + 0.010 * nod
            - n.pick("brow_raise", -0.004, 0.012),
            nose_y=n.pick("nose_length", 0.185, 0.205) - 0.014 * nod,
            mouth_y=0.368 - 0.012 * nod,
            mouth_width=n.pick("mouth_width", 0.128, 0.146),
            hairline=-n.pick("hairline_height", 0.355, 0.415) + 0.02 * nod,
        )

    def rows(self, rows: Tensor) -> HeadShape:
        """Those of the pictures at the given positions."""
        return HeadShape(*(getattr(self, field.name)[rows] for field in fields(self)))

    def on_face(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Coordinates on the turned face: the far half is narrower, the eyes stay in place."""
        return x + 0.75 * self.turn * (x * x - EYE * EYE), y

    def off_face(self, face_x: Tensor) -> Tensor:
        """Head coordinate x of points (B,) on the turned face: `on_face` undone."""
        bend = 0.75 * self.turn
        root = torch.sqrt((1 + 4 * bend * (face_x + bend * EYE * EYE)).clamp(min=0))
        return 2 * (face_x + bend * EYE * EYE) / (1 + root)

    def axis(self, y: Tensor) -> Tensor:
        """Middle of the outline at every y: a turned head's back shows on the near side."""
        return self.turn * (0.085 * y.clamp(-0.6, 0.75) - 0.055)

    def outline(
        self, x: Tensor, y: Tensor, wider: Tensor | float = 0.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Distance to the head's outline (negative inside), position across it and down it.

        wider: how far the outline lies outside of the head at the sides.
        """
        down, up = (y / self.chin).clamp(0), (y / -self.top).clamp(0)
        t, s = down * down, up * up
        rest = (1 - t).clamp(0)
        width2 = (
            rest
            * (1 + t * (self.jaw + self.square * t + self.cheek * rest))
            * ((1 - s) * (1 + 0.48 * s)).clamp(0)
        )
        half = (self.width + wider) * torch.sqrt(width2 + 1e-4)
        offset = x - self.axis(y)
        across = offset / half
        far = offset.abs() - half
        lean = half / (self.width + wider)
        vertical = torch.maximum((down - 1) * self.chin, (up - 1) * self.top)
        # Where the outline runs level, at crown and chin, `far` overstates the distance.
        distance = torch.maximum(far * (0.15 + 0.85 * lean), vertical)
        return distance, across, down - up
