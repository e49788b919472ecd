"""The canvas of the cluttered digits: the pixels of each picture, and the places of its glyphs."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.digits.glyphs import distance
from mtattr.twins.digits.scene import COLUMN, Scenes
from mtattr.twins.drawing import canvas
from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.colour import over
from mtattr.twins.drawing.shapes import cell, coverage

#: Half the height of a digit of scale 1, in units in which the picture reaches from -1 to 1; a
#: glyph is eight cells high.
HALF_HEIGHT = 0.62
CELL = HALF_HEIGHT / 4


class Canvas(canvas.Canvas):
    """Pictures of a batch while they are drawn, and `ink` (B, H, W), the digit's opacity.

    `x, y` (B, H, W) reach from -1 to 1, y downwards. `ground, other, colour` (B, 3) are the two
    colours of the ground and that of the ink.
    """

    def __init__(
        self, scenes: Scenes, image_shape: tuple[int, int], device: torch.device | str = "cpu"
    ) -> None:
        super().__init__(scenes.parameters, COLUMN, image_shape, device)
        self.glyphs = scenes.glyphs.to(device)
        self.x, self.y = self.sheet.coordinates
        self.pixel = self.sheet.pixel
        self.ink = torch.zeros_like(self.x)

    def where(self, name: str, low: float, high: float) -> Tensor:
        """Positions of the images whose parameter lies in [low, high)."""
        value = self.p(name)
        return rows_of((value >= low) & (value < high))

    def glyph(
        self,
        rows: Tensor,
        which: int,
        cx: Tensor,
        cy: Tensor,
        scale: Tensor,
        angle: Tensor,
        *,
        slant=0.0,
        narrow=1.0,
    ) -> Tensor:
        """Signed distance (n, H, W) to glyph number `which`, placed by (n,) parameters."""
        dx, dy = self.x[rows] - cell(cx), self.y[rows] - cell(cy)
        cos, sin, unit = cell(torch.cos(angle)), cell(torch.sin(angle)), cell(scale * CELL)
        u, v = (dx * cos + dy * sin) / unit, (dy * cos - dx * sin) / unit
        return distance(self.glyphs[rows, which], u / narrow + slant * v, v) * unit

    def lay(
        self, rows: Tensor, shape: Tensor, colour: Tensor, opacity: Tensor | float = 1.0
    ) -> Tensor:
        """Paint a shape (signed distances) over the pictures `rows`; returns its opacity."""
        alpha = coverage(shape, self.pixel[rows]) * opacity
        self.picture[rows] = over(self.picture[rows], colour, alpha)
        return alpha

    def cover(self, alpha: Tensor, colour: Tensor, rows: Tensor | slice = slice(None)) -> None:
        """Paint `colour` over the pictures `rows` with opacity `alpha` (n, H, W)."""
        self.picture[rows] = over(self.picture[rows], colour, alpha)
