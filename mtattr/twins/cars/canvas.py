"""The canvas of the car twin: the picture, and what each pixel of the car shows."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor

from mtattr.twins.cars.bodies import measures
from mtattr.twins.cars.scene import COLUMN, Scenes
from mtattr.twins.cars.view import ASPECT, View
from mtattr.twins.drawing import canvas
from mtattr.twins.drawing.frame import Patch
from mtattr.twins.drawing.shapes import cell, coverage


class Canvas(canvas.Canvas):
    """Layers of a batch of images while they are drawn.

    `alpha` (B, H, W) is the car's opacity. What the M pixels of all cars show is kept packed, (M,)
    each, so that nothing is spent on others: `image` and `spot` say where they lie, `px, py, pz` is
    the point in metres, `nx, ny, nz` the surface's direction, `on_cabin` whether it belongs to the
    cabin; `albedo` (3, M) and `gloss` (M,), where 1 is clear lacquer, are its material. `m` holds
    the body's measures, (B,) each.
    """

    aspect = ASPECT

    def __init__(
        self, scenes: Scenes, image_shape: tuple[int, int], device: torch.device | str = "cpu"
    ) -> None:
        super().__init__(scenes.parameters, COLUMN, image_shape, device)
        self.makes, self.bodies = scenes.makes.to(device), scenes.bodies.to(device)
        self.viewpoints = scenes.viewpoints.to(device)
        self.m = SimpleNamespace(
            **{name: table.to(device)[self.bodies] for name, table in measures().items()}
        )
        self.view = View(
            self.viewpoints,
            self.p("azimuth"),
            self.p("mirrored"),
            0.85 + 1.35 * self.p("height") ** 2,
            self.pick("distance", 5.6, 10.0),
            self.pick("fill", 0.70, 0.93),
            self.pick("centre_x", -0.14, 0.14),
            self.pick("centre_y", -0.06, 0.14),
        )
        height, width = image_shape
        self.x = (((torch.arange(width, device=self.device) + 0.5) * (2 / width) - 1) * ASPECT)[
            None, None, :
        ]
        self.y = ((torch.arange(height, device=self.device) + 0.5) * (2 / height) - 1)[
            None, :, None
        ]
        self.pixel = self.sheet.pixel
        #: Size of a pixel in metres at the car's middle.
        self.metre = self.pixel / cell(self.view.scale)
        self.ray = self.view.rays(self.x, self.y)

    def around(self, rows: Tensor, xs, ys, zs) -> Patch:
        """The pixels around boxes in metres, each a pair of coordinates, in the images `rows`."""
        return self.patch(rows, *self.view.surround(xs, ys, zs, rows))

    def decal(self, where: Tensor) -> Decal:
        """The packed pixels of the car for which `where` (M,) is true, to be painted on."""
        return Decal(self, where.nonzero()[:, 0])

    def mix(self, image: Tensor, spot: Tensor, alpha: Tensor, colour: Tensor) -> None:
        """Lay colours (3, M) on packed pixels, given by their images and places (M,)."""
        picture, area = self.picture.view(-1), self.image_shape[0] * self.image_shape[1]
        for k, seen in enumerate(colour):
            place = spot + image * (2 * area) + k * area
            below = picture.index_select(0, place)
            picture.index_copy_(0, place, torch.lerp(below, seen, alpha))

    def of(self, values: Tensor) -> Tensor:
        """Values (B,) or (B, k) of the images, at each packed pixel: (M,) or (k, M)."""
        return spread(values, self.image)


class Decal:
    """A choice of K of the car's pixels, to be painted: their points and their materials.

    spot (K,): positions among the packed pixels. x, y, z (K,) in metres, nx, ny, nz (K,) the
    surface's direction, `metre` (K,) what a pixel covers, `facing` (K,) the cosine between the
    surface's direction and the camera's.
    """

    def __init__(self, c: Canvas, spot: Tensor) -> None:
        self.c, self.spot = c, spot
        self.image = c.image.index_select(0, spot)
        self.x, self.y, self.z = (v.index_select(0, spot) for v in (c.px, c.py, c.pz))
        self.nx, self.ny, self.nz = (v.index_select(0, spot) for v in (c.nx, c.ny, c.nz))
        dx, dy, dz = (ray.index_select(0, spot) for ray in c.direction)
        self.facing = -(dx * self.nx + dy * self.ny + dz * self.nz) * torch.rsqrt(
            dx * dx + dy * dy + dz * dz
        )
        # A pixel covers more of a surface that it meets at an angle.
        self.metre = self.of(c.metre[:, 0, 0]) / self.facing.clamp(min=0.35)

    def only(self, where: Tensor) -> Decal:
        """Those of the pixels for which `where` (K,) is true."""
        return Decal(self.c, self.spot.index_select(0, where.nonzero()[:, 0]))

    def of(self, values: Tensor) -> Tensor:
        """Values (B,) or (B, k) of the images, at each pixel: (K,) or (k, K)."""
        return spread(values, self.image)

    def p(self, name: str) -> Tensor:
        """A scene parameter at each pixel, (K,)."""
        return self.of(self.c.p(name))

    def rgb(self, *rgb: float) -> Tensor:
        """A colour, (3, 1)."""
        return torch.tensor(rgb, device=self.c.device)[:, None]

    def cover(self, distance: Tensor, softness: float = 0.0) -> Tensor:
        """Opacity of a shape from its distance in metres."""
        return coverage(distance, self.metre, softness)

    def paint(self, alpha: Tensor, colour: Tensor, gloss: float | Tensor | None = None) -> None:
        """Change the material with opacity `alpha` (K,); colour is (3, 1) or (3, K)."""
        # Channel by channel: reading and writing single numbers is several times faster than rows
        # of three.
        for plane, target in zip(self.c.albedo, colour, strict=True):
            plane.index_copy_(
                0,
                self.spot,
                torch.lerp(plane.index_select(0, self.spot), target.expand_as(alpha), alpha),
            )
        if gloss is not None:
            plane, target = self.c.gloss, torch.as_tensor(gloss, device=alpha.device)
            plane.index_copy_(
                0,
                self.spot,
                torch.lerp(plane.index_select(0, self.spot), target.expand_as(alpha), alpha),
            )


def spread(values: Tensor, image: Tensor) -> Tensor:
    """Values (B,) or (B, k) of the images at pixels of the images `image` (M,): (M,) or (k, M)."""
    if values.ndim == 1:
        return values.index_select(0, image)
    return torch.stack([column.index_select(0, image) for column in values.T.contiguous()])


def value(tensor: Tensor, rows: Tensor) -> Tensor:
    """One number an image, (B,), for the images `rows`, to meet pixels: (n, 1, 1)."""
    return tensor[rows][:, None, None]
