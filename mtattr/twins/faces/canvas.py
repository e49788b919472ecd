"""The canvas of the face twin: planes with the batch as the last axis, and boxes as slices.

Faces are aligned, so a part lies in nearly one place in every picture: a box is a slice for the
whole batch. With the batch last, numbers (B,) of the pictures meet planes (h, w, B) by
broadcasting, and a slice stays contiguous where it counts. Shapes use exactly rounded arithmetic
only (no exp, no sine), so no pixel depends on its neighbours in the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from mtattr.twins.drawing import canvas, patterns
from mtattr.twins.faces.attributes import INDEX
from mtattr.twins.faces.head import HeadShape
from mtattr.twins.faces.parameters import IDENTITY_PARAMETERS, IMAGE_PARAMETERS

COLUMN = {name: p for p, name in enumerate(IDENTITY_PARAMETERS + IMAGE_PARAMETERS)}

#: Width of an aligned picture over its height; pictures span [-ASPECT, ASPECT] x [-1, 1].
ASPECT = 178 / 218
#: Where the point between the eyes lies, and how far pictures differ from it (units of half a
#: picture height, radians).
EYE_LEVEL = 111 / 109 - 1
SHIFT, SCALE, ROLL = 0.018, (0.97, 1.05), 0.075


class Numbers(canvas.Numbers):
    """Numbers of a batch: parameters float32 (B, P) and attributes float32 (B, 40)."""

    def __init__(self, parameters: Tensor, present: Tensor) -> None:
        super().__init__(parameters, COLUMN)
        self._present = present.T.contiguous()

    def has(self, name: str) -> Tensor:
        """1 where the picture shows the attribute and else 0, float32 (B,)."""
        return self._present[INDEX[name]]

    def rows(self, rows: Tensor) -> Numbers:
        """Those of the pictures at the given positions."""
        return Numbers(self._parameters.T[rows], self._present.T[rows])


@dataclass(frozen=True)
class Box:
    """A box of every picture of a batch, or of those at the positions `rows`.

    at: slices of rows and columns. picture (3, h, w, n): a view of the canvas, or with `rows` a
    copy that `close` puts back.
    """

    canvas: Canvas
    at: tuple[slice, slice]
    rows: Tensor | None
    numbers: Numbers
    shape: HeadShape
    pixel: Tensor
    picture: Tensor

    def of(self, plane: Tensor) -> Tensor:
        """This box's part of a plane (H, W, B); a view unless it has `rows`."""
        part = plane[self.at]
        return part if self.rows is None else _of_rows(part, self.rows)

    @cached_property
    def x(self) -> Tensor:
        """Head coordinate to the right, (h, w, n)."""
        return self.of(self.canvas.x)

    @cached_property
    def y(self) -> Tensor:
        """Head coordinate downwards, (h, w, n)."""
        return self.of(self.canvas.y)

    @cached_property
    def fx(self) -> Tensor:
        """Coordinate across the turned face: the features lie symmetrically about 0, (h, w, n)."""
        return self.of(self.canvas.fx)

    @cached_property
    def fy(self) -> Tensor:
        """Coordinate down the turned face, (h, w, n)."""
        return self.of(self.canvas.fy)

    @cached_property
    def far(self) -> Tensor:
        """Distance from the middle of the turned face, `fx.abs()`, (h, w, n)."""
        return self.of(self.canvas.far)

    @cached_property
    def side(self) -> Tensor:
        """-1 on the picture's left half of the face and 1 on its right, (h, w, n)."""
        return self.of(self.canvas.side)

    @cached_property
    def axis(self) -> Tensor:
        """Head coordinate x of the outline's middle, (h, w, n)."""
        return self.of(self.canvas.axis)

    def own(self, values: Tensor) -> Tensor:
        """Of numbers (..., B) of the whole batch, those of this box's pictures."""
        return values if self.rows is None else values[..., self.rows]

    def edge(self, distance: Tensor, softness: float | Tensor = 0.0) -> Tensor:
        """Opacity from a signed distance; the edge is a pixel or `softness` wide."""
        width = (
            self.pixel.clamp(min=softness)
            if isinstance(softness, float)
            else torch.maximum(self.pixel, softness)
        )
        return (distance / -width).add_(0.5).clamp_(0, 1)

    def paint(self, alpha: Tensor, colour: Tensor) -> None:
        """Lay a colour (3, n) over the picture with opacity `alpha` (h, w, n)."""
        self.lay(alpha, colour[:, None, None])

    def lay(self, alpha: Tensor, colours: Tensor) -> None:
        """Lay colours (3, h, w, n) over the picture with opacity `alpha` (h, w, n)."""
        picture = self.picture
        difference = colours - picture
        difference *= alpha
        picture += difference

    def shade(self, factor: Tensor) -> None:
        """Multiply the picture by `factor` (h, w, n)."""
        picture = self.picture
        picture *= factor

    def close(self) -> None:
        """Put the copies of a box with `rows` back."""
        if self.rows is not None:
            view = self.canvas.picture[:, self.at[0], self.at[1]]
            view.scatter_(-1, self.rows.expand_as(self.picture), self.picture)


class Canvas:
    """Pictures while they are drawn: `picture` (3, H, W, B), head coordinates `x, y` (H, W, B).

    Units are half a picture height; x = 0 is the middle of the face, y = 0 the line through the
    eyes, y points down.
    """

    def __init__(
        self, scenes, image_shape: tuple[int, int], device: torch.device | str = "cpu"
    ) -> None:
        self.device = torch.device(device)
        self.image_shape = image_shape
        self.numbers = n = Numbers(
            scenes.parameters.to(self.device, torch.float32),
            scenes.present.to(self.device, torch.float32),
        )
        self.shape = HeadShape.of(n)
        height, width = image_shape
        self.centre_x, self.centre_y = (
            n.pick("shift_x", -SHIFT, SHIFT),
            EYE_LEVEL + n.pick("shift_y", -SHIFT, SHIFT),
        )
        self.scale = n.pick("scale", *SCALE)
        angle = n.pick("roll", -1, 1)
        angle = ROLL * angle * angle.abs()
        self.cos, self.sin = 1 - angle * angle / 2, angle - angle * angle * angle / 6
        self.gx = ((torch.arange(width, device=self.device) + 0.5) * (2 / width) - 1) * ASPECT
        self.gy = (torch.arange(height, device=self.device) + 0.5) * (2 / height) - 1
        px, py = self.gx[None, :, None] - self.centre_x, self.gy[:, None, None] - self.centre_y
        c, s = self.cos / self.scale, self.sin / self.scale
        self.x, self.y = px * c + py * s, py * c - px * s
        self.pixel = (1 / height + ASPECT / width) / self.scale
        self.fx, self.fy = self.shape.on_face(self.x, self.y)
        self.far = self.fx.abs()
        self.axis = self.shape.axis(self.y)
        self.side = torch.sign(self.fx)
        self.picture = torch.zeros(3, height, width, len(n), device=self.device)

    def __len__(self) -> int:
        return len(self.numbers)

    def box(
        self, left: float, right: float, top: float, bottom: float, rows: Tensor | None = None
    ) -> Box:
        """Pixels in which head coordinates of the given box can lie, in all pictures or `rows`."""
        reach = SCALE[1]
        tilt_x, tilt_y = (
            ROLL * reach * max(abs(top), abs(bottom)),
            ROLL * reach * max(abs(left), abs(right)),
        )
        spread = lambda low, high: (min(low * s for s in SCALE), max(high * s for s in SCALE))  # noqa: E731
        (x0, x1), (y0, y1) = spread(left, right), spread(top, bottom)
        height, width = self.image_shape
        columns = self._slice(x0 - tilt_x - SHIFT, x1 + tilt_x + SHIFT, ASPECT, width)
        lines = self._slice(
            y0 - tilt_y - SHIFT + EYE_LEVEL, y1 + tilt_y + SHIFT + EYE_LEVEL, 1.0, height
        )
        view = self.picture[:, lines, columns]
        if rows is None:
            return Box(self, (lines, columns), None, self.numbers, self.shape, self.pixel, view)
        return Box(
            self,
            (lines, columns),
            rows,
            self.numbers.rows(rows),
            self.shape.rows(rows),
            self.pixel[rows],
            _of_rows(view, rows),
        )

    @staticmethod
    def _slice(low: float, high: float, half: float, length: int) -> slice:
        start, stop = ((edge / half + 1) * length / 2 for edge in (low, high))
        return slice(max(0, int(start) - 1), max(1, min(length, int(stop) + 2)))

    def rows(self, names: str) -> Tensor | None:
        """Positions of the pictures with any of the attributes "a b c"; None if there is none."""
        shown = sum(self.numbers.has(name) for name in names.split())
        rows = canvas.rows_of(shown)
        return rows if len(rows) else None

    def plane(self, value: float = 0.0) -> Tensor:
        """A new plane (H, W, B)."""
        return torch.full_like(self.x, value)

    def to_pixels(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Positions in pixels of head coordinates x, y (B,)."""
        height, width = self.image_shape
        px = self.centre_x + self.scale * (x * self.cos - y * self.sin)
        py = self.centre_y + self.scale * (x * self.sin + y * self.cos)
        return (px / ASPECT + 1) * (width / 2), (py + 1) * (height / 2)


def _of_rows(planes: Tensor, rows: Tensor) -> Tensor:
    """`planes[..., rows]`, which `gather` copies several times faster."""
    return planes.gather(-1, rows.expand(*planes.shape[:-1], -1))


def bump(squared: Tensor) -> Tensor:
    """A smooth hill in [0, 1] from squared distances: 1 at 0, and 0 from 1 on."""
    return _bump_in_place(squared.clone())


def hill(*distances: Tensor) -> Tensor:
    """`bump` of the sum of squares: a hill over distances that are given in units of its reach."""
    squared = distances[0] * distances[0]
    for distance in distances[1:]:
        squared = squared + distance * distance
    return _bump_in_place(squared)


def _bump_in_place(squared: Tensor) -> Tensor:
    squared.sub_(1).clamp_(max=0)
    return squared.mul_(squared)


def wave(t: Tensor) -> Tensor:
    """A sine of period 1 made of parabolas, in [-1, 1]."""
    f = (t - t.floor()).sub_(0.5)
    return f.abs().sub_(0.5).mul_(f).mul_(16)


def ramp(value: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """0 up to `low`, 1 from `high` on, straight between."""
    return (value - low).div_(high - low).clamp_(0, 1)


def noise(u: Tensor, v: Tensor, tile: Tensor) -> Tensor:
    """`patterns.noise` for planes (h, w, B) and numbers `tile` (B,) in [0, 1)."""
    # Copied, because arithmetic on a transposed view costs more than one copy.
    return (
        patterns.noise(u.permute(2, 0, 1), v.permute(2, 0, 1), (tile * 32).long())
        .permute(1, 2, 0)
        .contiguous()
    )
