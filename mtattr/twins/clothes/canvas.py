"""The canvas of the clothing twin: layers, the garment's frame, and its cut."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property

import torch
from torch import Tensor

from mtattr.twins.clothes.attributes import CATEGORIES, FOUR_CLASSES, FULL, INDEX, LOWER
from mtattr.twins.clothes.cuts import CUTS
from mtattr.twins.clothes.scene import COLUMN, Scenes
from mtattr.twins.drawing import canvas
from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.colour import over, plane
from mtattr.twins.drawing.frame import Frame, Patch
from mtattr.twins.drawing.shapes import coverage

Shape = Callable[[Tensor, Tensor], Tensor]


class Canvas(canvas.Canvas):
    """Layers of a batch of images while they are drawn.

    backdrop (B, 3, H, W) lies under the cloth: `cloth` (B, 3, H, W) is its colour before light,
    `alpha` (B, H, W) its opacity and `shade` (B, H, W) the light on it. `x, y` (B, H, W) are
    garment coordinates: about one unit is half a garment, x = 0 its axis, y downwards. Colours lie
    in [0, 1].
    """

    def __init__(
        self, scenes: Scenes, image_shape: tuple[int, int], device: torch.device | str = "cpu"
    ) -> None:
        parameters = torch.cat([scenes.parameters, scenes.more], 1)
        super().__init__(parameters, COLUMN, image_shape, device)
        self.scenes = scenes
        self._present = scenes.present.to(device)
        place = {name: k for k, name in enumerate(CUTS)}
        self.cuts = torch.tensor([place[name] for name in scenes.classes], device=device)[
            scenes.categories.to(device)
        ]
        self.upper = ~self.named(*(name for name in CUTS if CATEGORIES[name].kind == LOWER))
        self.long = self.named(
            *(name for name in CUTS if CUTS[name].legs or CATEGORIES[name].kind == FULL)
        )
        self.legged = self.named(*(name for name in CUTS if CUTS[name].legs))
        self.frame = Frame(
            image_shape,
            self.pick("centre_x", -0.12, 0.12),
            self.pick("centre_y", 0.00, 0.20) + self.cut("lift"),
            self.pick("scale", 1.02, 1.27) * self.cut("zoom"),
            self.pick("angle", -0.11, 0.11),
        )
        self.x, self.y = self.frame.coordinates
        self.pixel = self.frame.pixel

    def named(self, *names: str) -> Tensor:
        """Which images show one of these categories, bool (B,)."""
        return torch.tensor([name in names for name in CUTS], device=self.cuts.device)[self.cuts]

    def cut(self, field: str) -> Tensor:
        """A number of each image's `Cut`, float32 (B,)."""
        return torch.tensor(
            [float(getattr(cut, field)) for cut in CUTS.values()], device=self.cuts.device
        )[self.cuts]

    def has(self, name: str) -> Tensor:
        """Which images show the attribute, bool (B,)."""
        return self._present[:, INDEX[name]]

    def rows(self, name: str) -> Tensor:
        """Positions of the images that show the attribute."""
        return rows_of(self.has(name))

    def draw_each(self, drawings: Mapping[str, Callable[[Canvas, Tensor], None]]) -> None:
        """Draw attributes, each on the images that show it."""
        for name, draw in drawings.items():
            rows = self.rows(name)
            if len(rows):
                draw(self, rows)

    @cached_property
    def beyond_four(self) -> bool:
        """True if any image shows a category other than `FOUR_CLASSES`."""
        return not bool(self.named(*FOUR_CLASSES).all())

    @property
    def kinds(self) -> list[int]:
        """Official clothes type of every image: UPPER, LOWER or FULL."""
        kinds = [CATEGORIES[name].kind for name in CUTS]
        return [kinds[k] for k in self.cuts.tolist()]

    def gap_of(self, rows: Tensor) -> Tensor:
        """The gap in the open front of the images `rows`: half width (n, H, W)."""
        return self.gap[torch.searchsorted(self.opened, rows)]

    def thread(self, rows: Tensor) -> Tensor:
        """Colour (n, 3) of decorative stitches: yellow on denim, else a tone of the cloth."""
        yellow = self.colour(0.80, 0.60, 0.28, rows=rows)
        return torch.where(self.has("denim")[rows, None], yellow, self.base[rows] * 0.62)

    def flat(self, colour: Tensor) -> Tensor:
        """A layer (B, 3, H, W) of one colour (B, 3) for each image."""
        return plane(colour).expand(-1, -1, *self.image_shape).clone()

    # The layers' arithmetic: `paint` works in a box around the shape, because most shapes cover few
    # pixels.

    def paint(
        self,
        rows: Tensor,
        shape: Shape,
        colour: Tensor,
        where: tuple,
        *,
        opacity: float | Tensor = 1.0,
        grow: bool = False,
    ) -> None:
        """Draw a shape on the cloth of images `rows`.

        `shape(x, y)` gives signed distances; colour is (n, 3); `where` = (cx, cy, half width, half
        height) of a box that holds the shape, in garment units, each (n,) or a number. Only cloth
        is coloured, unless `grow`: then the shape is cloth itself.
        """
        if len(rows) == 0:
            return
        patch = self.patch(rows, *where)
        self.fill(
            patch, coverage(shape(patch.x, patch.y), patch.pixel) * opacity, colour, grow=grow
        )

    def seam(
        self,
        rows: Tensor,
        shape: Shape,
        where: tuple,
        *,
        width: float = 0.006,
        strength: float = 0.8,
    ) -> None:
        """Draw a dark line along the zero of `shape` on the cloth of images `rows`."""
        self.paint(
            rows,
            lambda x, y: shape(x, y).abs() - width,
            self.base[rows] * 0.45,
            where,
            opacity=strength,
        )

    def fill(self, patch: Patch, alpha: Tensor, colour: Tensor, *, grow: bool = False) -> None:
        """Colour the cloth of a patch, within each image's box, with opacity `alpha` (n, h, w)."""
        alpha = alpha * patch.inside
        if grow:
            patch.write(self.alpha, torch.maximum(patch.read(self.alpha), alpha))
        patch.write(self.cloth, over(patch.read(self.cloth), colour, alpha))

    def wash(self, rows: Tensor, alpha: Tensor, colour: Tensor) -> None:
        """Colour the whole cloth of images `rows`, with opacity `alpha` (n, H, W)."""
        self.cloth[rows] = over(self.cloth[rows], colour, alpha)

    def tone(self, rows: Tensor, factor: Tensor) -> None:
        """Multiply the light on the cloth of images `rows` by `factor` (n, H, W)."""
        self.shade[rows] = self.shade[rows] * factor


TAU = 2 * math.pi
