"""Drawing in batches: signed distances, patterns, noise and compositing, all in torch and at any image size.

A scene is described in units of its own, never in pixels. A `Frame` says where each scene's unit square lies in its
image; shapes are signed distances in frame units (negative inside), and `coverage` turns a distance into an
antialiased opacity with the size of one pixel, so 32 and 224 pixels show one scene, not one image resized.

Shapes take coordinates `x, y` of shape (n, h, w) and parameters that broadcast against them, usually (n, 1, 1); y
points down. Everything runs on the device of its inputs, and no pixel depends on its neighbours in the batch.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

# -- opacity ---------------------------------------------------------------------------------------------------------


def coverage(distance: Tensor, pixel: Tensor | float, softness: Tensor | float = 0.0) -> Tensor:
    """Opacity in [0, 1] of a shape from its signed distance: one pixel wide at the edge, or `softness` where larger.

    `pixel` and `softness` are lengths in the units of `distance`.
    """
    width = torch.clamp(torch.as_tensor(pixel, device=distance.device), min=softness) if isinstance(softness, float) else softness + pixel
    return torch.clamp(0.5 - distance / width, 0, 1)


def over(under: Tensor, colour: Tensor, alpha: Tensor) -> Tensor:
    """Lay `colour` over `under` (n, h, w, 3) with opacity `alpha` (n, h, w); colour is (n, 3) or (n, h, w, 3)."""
    if colour.ndim == 2:
        colour = colour[:, None, None, :]
    return torch.lerp(under, colour, alpha.unsqueeze(-1))


def soften(images: Tensor, reach: int) -> Tensor:
    """Blur (n, c, h, w) by about `reach` pixels: two box filters along each axis, the border repeated."""
    for _ in range(2):
        for axis, border in ((3, (reach, reach, 0, 0)), (2, (0, 0, reach, reach))):
            length = images.shape[axis]
            padded = F.pad(images, border, mode="replicate")
            # Adding shifted views is several times faster on CPU than a pooling or convolution of this shape.
            images = padded.narrow(axis, 0, length).clone()
            for shift in range(1, 2 * reach + 1):
                images += padded.narrow(axis, shift, length)
            images /= 2 * reach + 1
    return images


# -- shapes ----------------------------------------------------------------------------------------------------------


def ellipse(x: Tensor, y: Tensor, cx, cy, rx, ry) -> Tensor:
    """Distance to an axis-parallel ellipse; first-order exact near the edge, which is all that `coverage` needs."""
    px, py = (x - cx) / rx, (y - cy) / ry
    radius = torch.sqrt(px * px + py * py)
    slope = torch.sqrt((px / rx) ** 2 + (py / ry) ** 2)
    return radius * (radius - 1) / slope.clamp(min=1e-6)


def box(x: Tensor, y: Tensor, cx, cy, half_width, half_height, radius=0.0) -> Tensor:
    """Distance to an axis-parallel rectangle with corners rounded by `radius`."""
    qx, qy = (x - cx).abs() - half_width + radius, (y - cy).abs() - half_height + radius
    outside = torch.sqrt(qx.clamp(min=0) ** 2 + qy.clamp(min=0) ** 2)
    return outside + torch.maximum(qx, qy).clamp(max=0) - radius


def segment(x: Tensor, y: Tensor, ax, ay, bx, by) -> tuple[Tensor, Tensor]:
    """Distance to the line from a to b, and the position along it in [0, 1]."""
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy
    if isinstance(length, Tensor):
        length = length.clamp(min=1e-9)
    t = (((x - ax) * dx + (y - ay) * dy) / length).clamp(0, 1)
    return torch.sqrt((x - ax - t * dx) ** 2 + (y - ay - t * dy) ** 2), t


def limb(x: Tensor, y: Tensor, ax, ay, bx, by, ra, rb, *, cut: bool = False) -> Tensor:
    """Distance to a rounded bar whose radius runs from `ra` at a to `rb` at b; with `cut` it ends straight at b."""
    distance, t = segment(x, y, ax, ay, bx, by)
    distance = distance - (ra + (rb - ra) * t)
    if cut:
        dx, dy = bx - ax, by - ay
        norm = torch.sqrt(torch.as_tensor(dx * dx + dy * dy, device=x.device).clamp(min=1e-9))
        distance = torch.maximum(distance, ((x - bx) * dx + (y - by) * dy) / norm)
    return distance


def polyline(x: Tensor, y: Tensor, points: list[tuple], width) -> Tensor:
    """Distance to a stroke of the given full width through `points`, pairs of numbers or (n, 1, 1) tensors."""
    distances = [segment(x, y, *a, *b)[0] for a, b in itertools.pairwise(points)]
    return functools.reduce(torch.minimum, distances) - width / 2


def polygon(x: Tensor, y: Tensor, points: list[tuple]) -> Tensor:
    """Distance to a simple polygon with the given corners, in either sense of rotation."""
    nearest, inside = None, None
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1], strict=True):
        distance, _ = segment(x, y, ax, ay, bx, by)
        crosses = ((ay > y) != (by > y)) & (((x - ax) * (by - ay) < (bx - ax) * (y - ay)) == torch.as_tensor(by > ay, device=x.device))
        nearest = distance if nearest is None else torch.minimum(nearest, distance)
        inside = crosses if inside is None else inside ^ crosses
    return torch.where(inside, -nearest, nearest)


def half_plane(x: Tensor, y: Tensor, cx, cy, nx, ny) -> Tensor:
    """Distance to the half plane through (cx, cy) that lies against the unit normal (nx, ny)."""
    return (x - cx) * nx + (y - cy) * ny


def star(x: Tensor, y: Tensor, radius, points: int = 5, depth: float = 0.45) -> Tensor:
    """Distance (approximate) to a star or, with small `depth`, a flower around the origin."""
    r, angle = torch.sqrt(x * x + y * y), torch.atan2(x, -y)
    wave = 0.5 + 0.5 * torch.cos(angle * points)
    return (r - radius * (1 - depth + depth * wave)) * 0.8


def heart(x: Tensor, y: Tensor, radius) -> Tensor:
    """Distance (approximate) to an upright heart around the origin."""
    ax = x.abs()
    lobes = torch.sqrt((ax - 0.45 * radius) ** 2 + (y + 0.3 * radius) ** 2) - 0.55 * radius
    tip = torch.maximum((ax * 0.77 + y * 0.64) - 0.62 * radius, -(y + 0.3 * radius))
    return torch.minimum(lobes, tip)


def spline(knots: Tensor, samples: int = 64) -> Tensor:
    """Smooth curve through evenly spaced `knots` (n, k), as a table (n, samples): Catmull-Rom, ends kept."""
    k = knots.shape[1]
    t = torch.linspace(0, k - 1, samples, device=knots.device)
    i = t.floor().clamp(max=k - 2).long()
    f = t - i
    a, b, c, d = (knots[:, (i + step).clamp(0, k - 1)] for step in (-1, 0, 1, 2))
    return b + 0.5 * f * (c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a)))


def look_up(table: Tensor, t: Tensor) -> Tensor:
    """Read `table` (n, s) at positions `t` (n, h, w) in [0, 1], linearly; positions outside are clamped."""
    s = table.shape[1]
    position = t.clamp(0, 1) * (s - 1)
    low = position.floor().clamp(max=s - 2)
    index = low.long().flatten(1)
    left, right = table.gather(1, index).view_as(t), table.gather(1, index + 1).view_as(t)
    return torch.lerp(left, right, position - low)


def profile(x: Tensor, y: Tensor, half_width: Tensor, top, bottom) -> tuple[Tensor, Tensor]:
    """Distance to an upright body whose half width from `top` to `bottom` is the table `half_width` (n, s).

    Also returns the half width at each pixel (n, h, w), which shading and prints follow.
    """
    width = look_up(half_width, (y - top) / (bottom - top))
    return torch.maximum(torch.maximum(x.abs() - width, top - y), y - bottom), width


# -- patterns --------------------------------------------------------------------------------------------------------


def stripes(u: Tensor, period, width, pixel, offset=0.0) -> Tensor:
    """Opacity of stripes across u: `width` of every `period`, in the units of u."""
    phase = u / period + offset
    distance = (phase - phase.floor() - 0.5).abs() * period - width / 2
    return torch.clamp(0.5 - distance / pixel, 0, 1)


def zigzag(u: Tensor, period, height) -> Tensor:
    """A triangular wave of the given period and height: add it to a stripe's coordinate to draw chevrons."""
    phase = u / period
    return (phase - phase.floor() - 0.5).abs() * 2 * height


@functools.cache
def _random_table(device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(20_161_127)
    return (torch.randint(0, 2**20, (4, 4096), generator=generator).double() / 2**20).float().to(device)


def cells(u: Tensor, v: Tensor, period, seed: Tensor, jitter: float = 0.0, brick: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Cut the plane into square cells: coordinates (x, y) from each cell's centre, and random numbers (4, n, h, w) per cell.

    `seed` is int64 (n, 1, 1). `jitter` in [0, 1] moves the centres by up to that share of half a cell; `brick` shifts
    every other row by half a cell.
    """
    v = v / period
    row = v.floor()
    u = u / period + (row * 0.5 if brick else 0)
    column = u.floor()
    index = (column.long() * 1597 + row.long() * 51749 + seed * 7919) & 4095
    random = _random_table(u.device)[:, index]
    x, y = u - column - 0.5, v - row - 0.5
    if jitter:
        x, y = x - (random[0] - 0.5) * jitter, y - (random[1] - 0.5) * jitter
    return x * period, y * period, random


@functools.cache
def _noise_tiles(device: torch.device) -> Tensor:
    """Thirty-two periodic 64 x 64 tiles of smooth noise of unit variance, with the first row and column repeated."""
    generator = torch.Generator().manual_seed(19_381_130)
    tiles = torch.randint(0, 2**20, (32, 1, 16, 16), generator=generator).double() / 2**20
    tiles = F.interpolate(F.pad(tiles, (2, 2, 2, 2), mode="circular"), scale_factor=4, mode="bicubic")[:, :, 8:-8, 8:-8]
    tiles = (tiles - tiles.mean((2, 3), keepdim=True)) / tiles.std((2, 3), keepdim=True)
    return F.pad(tiles, (0, 1, 0, 1), mode="circular").float().to(device)


def noise(u: Tensor, v: Tensor, tile: Tensor) -> Tensor:
    """Smooth noise, mean 0 and variance about 1, that repeats after one unit of u or v and has 16 bumps per unit.

    `tile` int64 (n,) chooses one of 32 fixed tiles for each image, so the noise belongs to the scene, not to the size.
    """
    grid = torch.stack([u - u.floor(), v - v.floor()], -1) * 2 - 1
    tiles = _noise_tiles(u.device)[tile % 32]
    return F.grid_sample(tiles, grid, mode="bilinear", padding_mode="border", align_corners=True)[:, 0]


# -- where things are ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Frame:
    """Where the scenes' units lie: the images span [-1, 1] in both directions, a frame is turned, scaled and moved in them.

    centre_x, centre_y, scale, angle (radians), each (n,): frame point p lies at centre + scale * rotation(angle) p.
    """

    image_size: int
    centre_x: Tensor
    centre_y: Tensor
    scale: Tensor
    angle: Tensor

    @classmethod
    def plain(cls, n: int, image_size: int, device: torch.device | str = "cpu") -> Frame:
        """The images' own [-1, 1] square."""
        zero = torch.zeros(n, device=device)
        return cls(image_size, zero, zero, zero + 1, zero)

    @functools.cached_property
    def pixel(self) -> Tensor:
        """Size of one pixel in frame units, (n, 1, 1)."""
        return (2 / self.image_size / self.scale)[:, None, None]

    @functools.cached_property
    def coordinates(self) -> tuple[Tensor, Tensor]:
        """Frame coordinates x, y of every pixel's centre, (n, H, W) each."""
        every = torch.arange(len(self.scale), device=self.scale.device)
        whole = torch.arange(self.image_size, device=self.scale.device).expand(len(every), -1)
        return self._at(every, whole, whole)

    def _at(self, rows: Tensor, iy: Tensor, ix: Tensor) -> tuple[Tensor, Tensor]:
        gx = ((ix + 0.5) * (2 / self.image_size) - 1 - self.centre_x[rows, None])[:, None, :]
        gy = ((iy + 0.5) * (2 / self.image_size) - 1 - self.centre_y[rows, None])[:, :, None]
        cos, sin = ((f(self.angle[rows]) / self.scale[rows])[:, None, None] for f in (torch.cos, torch.sin))
        return gx * cos + gy * sin, gy * cos - gx * sin

    def patch(self, rows: Tensor, cx: Tensor, cy: Tensor, half_width: Tensor, half_height: Tensor) -> Patch:
        """The pixels around a box in frame units, cut from the images `rows`; all parameters (n,) or numbers."""
        scale, cos, sin = self.scale[rows], torch.cos(self.angle[rows]), torch.sin(self.angle[rows])
        to_pixels = self.image_size / 2
        px = (self.centre_x[rows] + scale * (cx * cos - cy * sin) + 1) * to_pixels
        py = (self.centre_y[rows] + scale * (cx * sin + cy * cos) + 1) * to_pixels
        reach_x = scale * (half_width * cos.abs() + half_height * sin.abs()) * to_pixels + 1.5
        reach_y = scale * (half_width * sin.abs() + half_height * cos.abs()) * to_pixels + 1.5
        ix, iy = (self._window(centre, reach) for centre, reach in ((px, reach_x), (py, reach_y)))
        x, y = self._at(rows, iy, ix)
        centre_x, centre_y, reach_x, reach_y = (
            value[:, None, None] if isinstance(value, Tensor) else value for value in (cx, cy, half_width, half_height)
        )
        inside = ((x - centre_x).abs() <= reach_x) & ((y - centre_y).abs() <= reach_y)
        return Patch((rows[:, None, None], iy[:, :, None], ix[:, None, :]), x, y, self.pixel[rows], inside)

    def _window(self, centre: Tensor, reach: Tensor) -> Tensor:
        size = min(self.image_size, int((2 * reach).max().ceil()) + 1)
        start = (centre - size / 2).floor().long().clamp(0, self.image_size - size)
        return start[:, None] + torch.arange(size, device=centre.device)


@dataclass(frozen=True)
class Patch:
    """Pixels of a few images: `index` selects them from (n, H, W, ...) tensors, `x, y` are their frame coordinates.

    All patches of a batch are as large as the largest; `inside` (n, h, w) says what belongs to an image's own box.
    """

    index: tuple[Tensor, Tensor, Tensor]
    x: Tensor
    y: Tensor
    pixel: Tensor
    inside: Tensor
