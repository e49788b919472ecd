"""Round bodies under one light: limbs, balls and boxes, shaded like cylinders and spheres."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.drawing.colour import over, plane, times
from mtattr.twins.drawing.frame import Patch
from mtattr.twins.drawing.patterns import stripes
from mtattr.twins.drawing.shapes import box, cell, coverage
from mtattr.twins.people.canvas import Canvas

Point = tuple[Tensor, ...]


def light_on(c: Canvas, rows: Tensor, nx: Tensor, ny: Tensor) -> Tensor:
    """Light, about 0.5 to 1.2, on a surface with the normal (nx, ny) on the screen."""
    nz = torch.sqrt((1 - nx * nx - ny * ny).clamp(min=0.03))
    sun = cell(c.light_x[rows])
    facing = (nx * sun - 0.38 * ny + 0.78 * nz).clamp(min=0)
    return 0.50 + cell(0.52 + 0.14 * c.sunny[rows]) * facing


def lit(colour: Tensor, light: Tensor) -> Tensor:
    """Colour under light (n, h, w): dark cloth keeps a little sheen, so that folds show."""
    return (times(colour, light) + 0.07 * (light[:, None] - 0.7)).clamp(0, 1)


def folded(c: Canvas, spot: Patch, depth: float) -> Tensor:
    """Light factor of the cloth's folds on a spot, about 1."""
    return 1 + depth * spot.read(c.folds)


def tube(
    c: Canvas,
    rows: Tensor,
    points: list[Point],
    radii: list[Tensor | float],
    colour: Tensor,
    *,
    folds: float = 0.0,
    cut: bool = False,
    dim: Tensor | float = 1.0,
    join: float = 0.0,
    bands: tuple[Tensor, Tensor, Tensor] | None = None,
) -> None:
    """Paint a chain of tapered limbs through `points`, (x, y, ...) of (n,), in images `rows`.

    radii: one a point, (n,) or numbers. folds: depth of the cloth's folds. cut: end straight at the
    last point instead of round. dim: factor on the light, (n,) or a number. join: share of the
    first limb over which the shading of a body that it grows out of turns into its own. bands:
    colour (n, 3), period (n,) and opacity (n,) of rings around the limb.
    """
    if not len(rows):
        return
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    radii = [r if isinstance(r, Tensor) else torch.full_like(xs[0], r) for r in radii]
    stacked_x, stacked_y, reach = torch.stack(xs), torch.stack(ys), torch.stack(radii).amax(0)
    (left, right), (top, bottom) = ((s.amin(0), s.amax(0)) for s in (stacked_x, stacked_y))
    spot = c.patch(
        rows,
        (left + right) / 2,
        (top + bottom) / 2,
        (right - left) / 2 + reach + 0.01,
        (bottom - top) / 2 + reach + 0.01,
    )
    best = first = None
    for k in range(len(points) - 1):
        ax, ay, bx, by = (cell(v) for v in (xs[k], ys[k], xs[k + 1], ys[k + 1]))
        dx, dy = bx - ax, by - ay
        length = (dx * dx + dy * dy).clamp(min=1e-6)
        px, py = spot.x - ax, spot.y - ay
        t = (px * dx + py * dy) / length
        along = t.clamp(0, 1)
        radius = cell(radii[k]) + cell(radii[k + 1] - radii[k]) * along
        ox, oy = px - along * dx, py - along * dy
        distance = torch.sqrt(ox * ox + oy * oy) - radius
        if cut and k == len(points) - 2:
            distance = torch.maximum(distance, (t - 1) * torch.sqrt(length))
        nx, ny = ox / radius, oy / radius
        if best is None:
            first = t * torch.sqrt(length)
            if join:
                grown = (t.clamp(min=0) / join).clamp(max=1)
                nx, ny = nx * grown, ny * grown
            best = distance, nx, ny
        else:
            nearer = distance < best[0]
            best = (
                torch.minimum(distance, best[0]),
                torch.where(nearer, nx, best[1]),
                torch.where(nearer, ny, best[2]),
            )
    distance, nx, ny = best
    light = light_on(c, rows, nx, ny) * (cell(dim) if isinstance(dim, Tensor) else dim)
    if folds:
        light = light * folded(c, spot, folds)
    if bands is not None:
        second, period, opacity = bands
        alpha = stripes(first, cell(period), cell(period * 0.36), spot.pixel) * cell(opacity)
        colour = over(plane(colour).expand(-1, -1, *alpha.shape[1:]), second, alpha)
    c.blend(spot, coverage(distance, spot.pixel), lit(colour, light))


def ball(
    c: Canvas,
    rows: Tensor,
    centre: Point,
    rx,
    ry,
    colour: Tensor,
    *,
    dim: float = 1.0,
    opacity: Tensor | float = 1.0,
) -> None:
    """Paint an ellipsoid around `centre` in the images `rows`; radii are (n,) or numbers."""
    if not len(rows):
        return
    spot = c.patch(rows, centre[0], centre[1], rx + 0.01, ry + 0.01)
    distance, nx, ny = ellipsoid(spot.x, spot.y, centre[0], centre[1], rx, ry)
    alpha = coverage(distance, spot.pixel) * (
        cell(opacity) if isinstance(opacity, Tensor) else opacity
    )
    c.blend(spot, alpha, lit(colour, light_on(c, rows, nx, ny) * dim))


def ellipsoid(x: Tensor, y: Tensor, cx, cy, rx, ry) -> tuple[Tensor, Tensor, Tensor]:
    """Distance to an ellipsoid, exact near its edge, and its normal on the screen."""
    cx, cy, rx, ry = (cell(v) if isinstance(v, Tensor) else v for v in (cx, cy, rx, ry))
    nx, ny = (x - cx) / rx, (y - cy) / ry
    radius = torch.sqrt(nx * nx + ny * ny)
    return (radius - 1) * (rx * ry) ** 0.5, nx, ny


def pad(
    c: Canvas,
    rows: Tensor,
    centre: Point,
    half_width,
    half_height,
    corner: float,
    colour: Tensor,
    *,
    dim: float = 1.0,
) -> Patch:
    """Paint a rounded box, a bag or a cushion: flat in the middle, bent at its edges.

    Returns its spot.
    """
    spot = c.patch(rows, centre[0], centre[1], half_width + 0.01, half_height + 0.01)
    distance, nx, ny = cushion(
        spot.x, spot.y, centre[0], centre[1], half_width, half_height, corner
    )
    light = light_on(c, rows, nx, ny) * folded(c, spot, 0.06) * dim
    c.blend(spot, coverage(distance, spot.pixel), lit(colour, light))
    return spot


def cushion(
    x: Tensor, y: Tensor, cx, cy, half_width, half_height, corner: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Distance to a rounded box, and the normal on the screen of such a cushion."""
    cx, cy, half_width, half_height = (
        cell(v) if isinstance(v, Tensor) else v for v in (cx, cy, half_width, half_height)
    )
    distance = box(x, y, cx, cy, half_width, half_height, corner)
    return (
        distance,
        0.85 * ((x - cx) / half_width).clamp(-1, 1) ** 3,
        0.85 * ((y - cy) / half_height).clamp(-1, 1) ** 3,
    )
