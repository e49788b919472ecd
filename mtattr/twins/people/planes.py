"""Colour planes: pictures as (n, 3, h, w), which torch mixes many times faster than colours in the last dimension."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mtattr.twins.drawing.frame import Frame, Patch


def plane(colour: Tensor) -> Tensor:
    """Colours (n, 3) as (n, 3, 1, 1), to meet pixels; what is (n, 3, h, w) already stays so."""
    return colour[:, :, None, None] if colour.ndim == 2 else colour


def times(colour: Tensor, light: Tensor) -> Tensor:
    """Colour (n, 3) or (n, 3, h, w) under light (n, h, w)."""
    return plane(colour) * light[:, None]


def over(under: Tensor, colour: Tensor, alpha: Tensor) -> Tensor:
    """Lay `colour` (n, 3) or (n, 3, h, w) over `under` (n, 3, h, w) with opacity `alpha` (n, h, w)."""
    return torch.lerp(under, plane(colour).expand_as(under), alpha[:, None])


@dataclass(frozen=True)
class Spot(Patch):
    """A patch of a picture (B, 3, H, W): `flat` (n, 3, h, w) are its places in the picture, `level` (n, h, w) in (B, H, W)."""

    flat: Tensor
    level: Tensor

    @classmethod
    def of(cls, frame: Frame, rows: Tensor, box: tuple, image_rows: Tensor | None = None) -> Spot:
        """The pixels around `box`, (cx, cy, half width, half height) in frame units, of the frame's images `rows`.

        image_rows: where these images lie in the picture, if not at `rows`.
        """
        patch = frame.patch(rows, *box)
        height, width = frame.image_shape
        _, iy, ix = patch.index
        within = iy * width + ix
        image = (rows if image_rows is None else image_rows)[:, None, None]
        channels = torch.arange(3, device=within.device)[:, None, None]
        flat = (image[:, None] * 3 + channels) * (height * width) + within[:, None]
        return cls(
            patch.index,
            patch.x,
            patch.y,
            patch.pixel,
            patch.inside,
            flat,
            image * (height * width) + within,
        )

    def read(self, values: Tensor) -> Tensor:
        """These pixels of a picture (B, 3, H, W), or of one number a pixel (B, H, W)."""
        index = self.flat if values.ndim == 4 else self.level
        return values.view(-1).index_select(0, index.flatten()).view(index.shape)

    def write(self, picture: Tensor, values: Tensor) -> None:
        """Put `values` (n, 3, h, w) at these pixels of a contiguous picture (B, 3, H, W)."""
        picture.view(-1).scatter_(0, self.flat.flatten(), values.reshape(-1))

    def some(self, rows: Tensor) -> Spot:
        """The spot in some of its images, by their position in it."""
        index = tuple(part[rows] for part in self.index)
        return Spot(
            index,
            self.x[rows],
            self.y[rows],
            self.pixel[rows],
            self.inside[rows],
            self.flat[rows],
            self.level[rows],
        )
