"""The sheet that the clothing twin draws on: layers, the garment's frame, and access to a scene's numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from mtattr.data.deepfashion_twin.attributes import INDEX
from mtattr.data.deepfashion_twin.scene import COLUMN, Scenes
from mtattr.data.drawing.frame import Frame, Patch
from mtattr.data.drawing.shapes import coverage

Shape = Callable[[Tensor, Tensor], Tensor]


class Canvas:
    """Layers of a batch of images while they are drawn.

    backdrop (B, H, W, 3) lies under the cloth: `cloth` (B, H, W, 3) is its colour before light, `alpha` (B, H, W) its
    opacity and `shade` (B, H, W) the light on it. `x, y` (B, H, W) are garment coordinates: about one unit is half a
    garment, x = 0 its axis, y downwards. `size` is the images' height in pixels. Colours lie in [0, 1].
    """

    def __init__(self, scenes: Scenes, image_shape: tuple[int, int], device: torch.device | str = "cpu") -> None:
        self.scenes = scenes
        self._parameters = scenes.parameters.to(torch.float32).to(device)
        self._present = scenes.present.to(device)
        self.categories = scenes.categories.to(device)
        self.upper = self.categories < 2
        self.size = image_shape[0]
        self.device = torch.device(device)
        n = len(scenes)
        lower = (~self.upper).float()
        self.frame = Frame(
            image_shape,
            self.pick("centre_x", -0.12, 0.12),
            self.pick("centre_y", 0.00, 0.20) + 0.20 * lower,
            self.pick("scale", 1.02, 1.27) * (1 + 0.20 * lower),
            self.pick("angle", -0.11, 0.11),
        )
        self.sheet = Frame.plain(n, image_shape, device)
        self.x, self.y = self.frame.coordinates
        self.pixel = self.frame.pixel

    def __len__(self) -> int:
        return len(self.categories)

    def p(self, name: str) -> Tensor:
        """A scene parameter in [0, 1), (B,)."""
        return self._parameters[:, COLUMN[name]]

    def pick(self, name: str, low: float, high: float) -> Tensor:
        """A scene parameter spread over [low, high), (B,)."""
        return low + (high - low) * self.p(name)

    def has(self, name: str) -> Tensor:
        """Which images show the attribute, bool (B,)."""
        return self._present[:, INDEX[name]]

    def rows(self, name: str) -> Tensor:
        """Positions of the images that show the attribute."""
        return self.has(name).nonzero()[:, 0]

    @cached_property
    def all_rows(self) -> Tensor:
        """Every position of the batch."""
        return torch.arange(len(self), device=self.device)

    # The layers' arithmetic: `paint` works in a box around the shape, because most shapes cover few pixels.

    def paint(self, rows: Tensor, shape: Shape, colour: Tensor, where: tuple, *, opacity: float | Tensor = 1.0, grow: bool = False) -> None:
        """Draw a shape on the cloth of images `rows`.

        `shape(x, y)` gives signed distances; colour is (n, 3); `where` = (cx, cy, half width, half height) of a box that
        holds the shape, in garment units, each (n,) or a number. Only cloth is coloured, unless `grow`: then the shape
        is cloth itself.
        """
        if len(rows) == 0:
            return
        patch = self.frame.patch(rows, *where)
        self.fill(patch, coverage(shape(patch.x, patch.y), patch.pixel) * opacity, colour, grow=grow)

    def fill(self, patch: Patch, alpha: Tensor, colour: Tensor, *, grow: bool = False) -> None:
        """Colour the cloth of a patch, within each image's own box, with opacity `alpha` (n, h, w)."""
        alpha = alpha * patch.inside
        if grow:
            self.alpha[patch.index] = torch.maximum(self.alpha[patch.index], alpha)
        self.cloth[patch.index] = torch.lerp(self.cloth[patch.index], colour[:, None, None, :], alpha[..., None])

    def wash(self, rows: Tensor, alpha: Tensor, colour: Tensor) -> None:
        """Colour the whole cloth of images `rows` with opacity `alpha` (n, H, W); colour is (n, 3) or (n, H, W, 3)."""
        if colour.ndim == 2:
            colour = colour[:, None, None, :]
        self.cloth[rows] = torch.lerp(self.cloth[rows], colour.expand(*alpha.shape, 3), alpha[..., None])

    def tone(self, rows: Tensor, factor: Tensor) -> None:
        """Multiply the light on the cloth of images `rows` by `factor` (n, H, W)."""
        self.shade[rows] = self.shade[rows] * factor


TAU = 2 * math.pi
