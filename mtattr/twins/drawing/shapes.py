"""Shapes as signed distances, negative inside, in frame units, and their antialiased opacity.

Shapes take coordinates `x, y` of shape (n, h, w) and parameters that broadcast against them,
usually (n, 1, 1); y points down. Everything runs on the device of its inputs, and no pixel depends
on its neighbours in the batch.
"""

from __future__ import annotations

import functools
import itertools

import torch
import torch.nn.functional as F
from torch import Tensor


def cell(values: Tensor) -> Tensor:
    """(n,) as (n, 1, 1), to meet pixels."""
    return values[:, None, None]


def coverage(distance: Tensor, pixel: Tensor | float, softness: Tensor | float = 0.0) -> Tensor:
    """Opacity in [0, 1] from a signed distance; the edge is a pixel or `softness` wide.

    `pixel` and `softness` are lengths in the units of `distance`.
    """
    width = (
        torch.clamp(torch.as_tensor(pixel, device=distance.device), min=softness)
        if isinstance(softness, float)
        else softness + pixel
    )
    return torch.clamp(0.5 - distance / width, 0, 1)


def soften(images: Tensor, reach: int) -> Tensor:
    """Blur (n, c, h, w) by about `reach` pixels: two box filters per axis, border repeated."""
    for _ in range(2):
        for axis, border in ((3, (reach, reach, 0, 0)), (2, (0, 0, reach, reach))):
            length = images.shape[axis]
            padded = F.pad(images, border, mode="replicate")
            # Adding shifted views is several times faster on CPU than a pooling or convolution of
            # this shape.
            images = padded.narrow(axis, 0, length).clone()
            for shift in range(1, 2 * reach + 1):
                images += padded.narrow(axis, shift, length)
            images /= 2 * reach + 1
    return images


def ellipse(x: Tensor, y: Tensor, cx, cy, rx, ry) -> Tensor:
    """Distance to an axis-parallel ellipse, first-order exact near the edge."""
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
    """Distance to a rounded bar with radii `ra` at a and `rb` at b; `cut` ends it straight."""
    distance, t = segment(x, y, ax, ay, bx, by)
    distance = distance - (ra + (rb - ra) * t)
    if cut:
        dx, dy = bx - ax, by - ay
        norm = torch.sqrt(torch.as_tensor(dx * dx + dy * dy, device=x.device).clamp(min=1e-9))
        distance = torch.maximum(distance, ((x - bx) * dx + (y - by) * dy) / norm)
    return distance


def polyline(x: Tensor, y: Tensor, points: list[tuple], width) -> Tensor:
    """Distance to a stroke of full width `width` through `points`."""
    distances = [segment(x, y, *a, *b)[0] for a, b in itertools.pairwise(points)]
    return functools.reduce(torch.minimum, distances) - width / 2


def polygon(x: Tensor, y: Tensor, points: list[tuple]) -> Tensor:
    """Distance to a simple polygon with the given corners, in either sense of rotation."""
    nearest, inside = None, None
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1], strict=True):
        distance, _ = segment(x, y, ax, ay, bx, by)
        crosses = ((ay > y) != (by > y)) & (
            ((x - ax) * (by - ay) < (bx - ax) * (y - ay))
            == torch.as_tensor(by > ay, device=x.device)
        )
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
    """Catmull-Rom curve through evenly spaced `knots` (n, k), as a table (n, samples)."""
    k = knots.shape[1]
    t = torch.linspace(0, k - 1, samples, device=knots.device)
    i = t.floor().clamp(max=k - 2).long()
    f = t - i
    a, b, c, d = (knots[:, (i + step).clamp(0, k - 1)] for step in (-1, 0, 1, 2))
    return b + 0.5 * f * (c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a)))


def look_up(table: Tensor, t: Tensor) -> Tensor:
    """Values of `table` (n, s) at positions `t` (n, h, w), clamped to [0, 1], linearly."""
    s = table.shape[1]
    position = t.clamp(0, 1) * (s - 1)
    low = position.floor().clamp(max=s - 2)
    index = low.long().flatten(1)
    left, right = table.gather(1, index).view_as(t), table.gather(1, index + 1).view_as(t)
    return torch.lerp(left, right, position - low)


def profile(x: Tensor, y: Tensor, half_width: Tensor, top, bottom) -> tuple[Tensor, Tensor]:
    """Distance to an upright body from `top` to `bottom` with half widths `half_width` (n, s).

    Also returns the half width at each pixel (n, h, w), which shading and prints follow.
    """
    width = look_up(half_width, (y - top) / (bottom - top))
    return torch.maximum(torch.maximum(x.abs() - width, top - y), y - bottom), width
