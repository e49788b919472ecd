"""Frames: the coordinates of every pixel of a scene, or of the pixels around a shape.

A scene is described in units of its own, never in pixels, so 32 and 224 pixels show one scene, not
one image resized.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Frame:
    """Where the scenes' units lie: a frame is turned, scaled and moved within the images.

    The images, `image_shape` = (height, width) pixels, span [-1, 1] from top to bottom and
    [-aspect, aspect] from left to right, so a picture whose pixels are not square shows its scene
    squeezed. centre_x, centre_y, scale, angle (radians), each (n,): frame point p lies at centre +
    scale * rotation(angle) p.
    """

    image_shape: tuple[int, int]
    centre_x: Tensor
    centre_y: Tensor
    scale: Tensor
    angle: Tensor
    aspect: float = 1.0

    @classmethod
    def plain(
        cls,
        n: int,
        image_shape: tuple[int, int],
        device: torch.device | str = "cpu",
        aspect: float = 1.0,
    ) -> Frame:
        """The images' own [-aspect, aspect] x [-1, 1]."""
        zero = torch.zeros(n, device=device)
        return cls(image_shape, zero, zero, zero + 1, zero, aspect)

    @functools.cached_property
    def pixel(self) -> Tensor:
        """Size of one pixel in frame units, (n, 1, 1): the mean of both directions."""
        height, width = self.image_shape
        return ((2 / height + 2 * self.aspect / width) / 2 / self.scale)[:, None, None]

    @functools.cached_property
    def coordinates(self) -> tuple[Tensor, Tensor]:
        """Frame coordinates x, y of every pixel's centre, (n, H, W) each."""
        every = torch.arange(len(self.scale), device=self.scale.device)
        iy, ix = (
            torch.arange(length, device=self.scale.device).expand(len(every), -1)
            for length in self.image_shape
        )
        return self._at(every, iy, ix)

    def to_pixels(
        self, x: Tensor, y: Tensor, rows: Tensor | slice = slice(None)
    ) -> tuple[Tensor, Tensor]:
        """Positions in pixels of frame points x, y (n,) of the images `rows`."""
        height, width = self.image_shape
        cos, sin = torch.cos(self.angle[rows]), torch.sin(self.angle[rows])
        px = (self.centre_x[rows] + self.scale[rows] * (x * cos - y * sin)) / self.aspect
        py = self.centre_y[rows] + self.scale[rows] * (x * sin + y * cos)
        return (px + 1) * (width / 2), (py + 1) * (height / 2)

    def _at(self, rows: Tensor, iy: Tensor, ix: Tensor) -> tuple[Tensor, Tensor]:
        height, width = self.image_shape
        gx = (((ix + 0.5) * (2 / width) - 1) * self.aspect - self.centre_x[rows, None])[:, None, :]
        gy = ((iy + 0.5) * (2 / height) - 1 - self.centre_y[rows, None])[:, :, None]
        cos, sin = (
            (f(self.angle[rows]) / self.scale[rows])[:, None, None] for f in (torch.cos, torch.sin)
        )
        return gx * cos + gy * sin, gy * cos - gx * sin

    def patch(
        self,
        rows: Tensor,
        cx: Tensor,
        cy: Tensor,
        half_width: Tensor,
        half_height: Tensor,
        images: Tensor | None = None,
    ) -> Patch:
        """The pixels around a box in frame units, in the images `rows`; all (n,) or numbers.

        Args:
            images: where these images lie in the picture, if not at `rows`.
        """
        scale, cos, sin = (
            self.scale[rows],
            torch.cos(self.angle[rows]).abs(),
            torch.sin(self.angle[rows]).abs(),
        )
        height, width = self.image_shape
        px, py = self.to_pixels(cx, cy, rows)
        reach_x = scale * (half_width * cos + half_height * sin) / self.aspect * (width / 2) + 1.5
        reach_y = scale * (half_width * sin + half_height * cos) * (height / 2) + 1.5
        iy, ix = self._window(py, reach_y, height), self._window(px, reach_x, width)
        x, y = self._at(rows, iy, ix)
        centre_x, centre_y, reach_x, reach_y = (
            value[:, None, None] if isinstance(value, Tensor) else value
            for value in (cx, cy, half_width, half_height)
        )
        inside = ((x - centre_x).abs() <= reach_x) & ((y - centre_y).abs() <= reach_y)
        image = (rows if images is None else images)[:, None, None]
        index = (image, iy[:, :, None], ix[:, None, :])
        return Patch(index, x, y, self.pixel[rows], inside, self.image_shape)

    @staticmethod
    def _window(centre: Tensor, reach: Tensor, length: int) -> Tensor:
        size = min(length, int((2 * reach).max().ceil()) + 1)
        start = (centre - size / 2).floor().long().clamp(0, length - size)
        return start[:, None] + torch.arange(size, device=centre.device)


@dataclass(frozen=True)
class Patch:
    """Pixels of a few images: `index` selects them, `x, y` are their frame coordinates.

    All patches of a batch are as large as the largest; `inside` (n, h, w) says what belongs to an
    image's own box.
    """

    index: tuple[Tensor, Tensor, Tensor]
    x: Tensor
    y: Tensor
    pixel: Tensor
    inside: Tensor
    image_shape: tuple[int, int]

    @functools.cached_property
    def level(self) -> Tensor:
        """Places in a flattened (B, H, W), (n, h, w)."""
        height, width = self.image_shape
        image, row, column = self.index
        return image * (height * width) + (row * width + column)

    @functools.cached_property
    def flat(self) -> Tensor:
        """Places in a flattened picture (B, 3, H, W), (n, 3, h, w)."""
        height, width = self.image_shape
        image, row, column = (part[:, None] for part in self.index)
        channel = torch.arange(3, device=row.device)[:, None, None]
        return (image * 3 + channel) * (height * width) + (row * width + column)

    def read(self, values: Tensor) -> Tensor:
        """These pixels of a picture (B, 3, H, W), or of one number a pixel (B, H, W)."""
        index = self.flat if values.ndim == 4 else self.level
        return values.view(-1).index_select(0, index.flatten()).view(index.shape)

    def write(self, target: Tensor, values: Tensor) -> None:
        """Put `values` at these pixels of a contiguous picture (B, 3, H, W) or plane (B, H, W)."""
        index = self.flat if target.ndim == 4 else self.level
        target.view(-1).scatter_(0, index.flatten(), values.reshape(-1))

    def some(self, rows: Tensor) -> Patch:
        """The patch in some of its images, by their position in it."""
        index = tuple(part[rows] for part in self.index)
        parts = (part[rows] for part in (self.x, self.y, self.pixel, self.inside))
        return Patch(index, *parts, self.image_shape)
