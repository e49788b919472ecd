"""Styles of the clothing twin: emblems, embroidery, wear and shine laid on the finished garment."""

from __future__ import annotations

import torch

from mtattr.twins.clothes.canvas import Canvas
from mtattr.twins.drawing.colour import plane, times
from mtattr.twins.drawing.patterns import cells, noise, stripes
from mtattr.twins.drawing.shapes import box, cell, coverage, ellipse, limb, polyline, star


def draw_wear(c: Canvas) -> None:
    """What happens to the cloth before parts are sewn on: patchwork, washes, paint."""
    c.draw_each({"patchwork": _patchwork, "acid wash": _acid_wash, "paint splatter": _splatter})


def draw_styles(c: Canvas) -> None:
    """What is laid on top: emblems, embroidery, studs, sequins, holes."""
    c.draw_each(STYLES)


def _seed(c, rows):
    return cell(c.tile("wear_seed")[rows])


def _emblem_place(c, rows):
    """Centre (n, 1, 1) twice and size of a picture: the chest of tops, one leg of bottoms."""
    upper = c.upper[rows]
    side = torch.where(c.p("side")[rows] < 0.5, -1.0, 1.0)
    cx = torch.where(upper, torch.zeros_like(side), side * 0.19)
    cy = torch.where(upper, torch.full_like(side, -0.16), (c.top[rows] + c.hem[rows]) / 2 + 0.04)
    size = (
        torch.where(upper, torch.ones_like(side), torch.full_like(side, 0.72))
        * c.pick("emblem_size", 1.0, 1.3)[rows]
    )
    return cx, cy, size


def _nautical(c, rows):
    """An anchor, and two bands at the hem."""
    cx, cy, size = _emblem_place(c, rows)
    x0, y0, s = cell(cx), cell(cy), cell(size)
    navy = torch.where(
        (c.base[rows].mean(1, keepdim=True) > 0.35),
        c.colour(0.10, 0.16, 0.36, rows=rows),
        torch.full_like(c.base[rows], 0.94),
    )

    def anchor(x, y):
        px, py = (x - x0) / s, (y - y0) / s
        ring = (torch.sqrt(px**2 + (py + 0.17) ** 2) - 0.032).abs() - 0.013
        stem = limb(px, py, 0.0, -0.14, 0.0, 0.15, 0.018, 0.018)
        stock = limb(px, py, -0.075, -0.085, 0.075, -0.085, 0.015, 0.015)
        bend = torch.maximum(
            (torch.sqrt(px**2 + (py - 0.02) ** 2) - 0.135).abs() - 0.018, 0.05 - py
        )
        tips = star(px.abs() - 0.13, py - 0.055, 0.045, 3, 0.3)
        return (
            torch.minimum(
                torch.minimum(torch.minimum(ring, stem), torch.minimum(stock, bend)), tips
            )
            * s
        )

    c.paint(rows, anchor, navy, (cx, cy, 0.2 * size, 0.24 * size))
    depth = c.hem_line[rows] - c.y[rows]
    for centre in (0.09, 0.15):
        c.wash(rows, coverage((depth - centre).abs() - 0.015, c.pixel[rows]), navy)


def _graphic(c, rows):
    """A printed picture: a sun over hills, or lines of lettering under a large shape."""
    cx, cy, size = _emblem_place(c, rows)
    x0, y0, s = cell(cx), cell(cy), cell(size)
    where = (cx, cy, 0.22 * size, 0.24 * size)
    kind = cell(c.p("emblem_kind")[rows])

    def frame(x, y):
        return torch.where(
            kind < 0.5,
            ellipse(x, y, x0, y0, 0.19 * s, 0.19 * s),
            box(x, y, x0, y0, 0.18 * s, 0.19 * s, 0.02),
        )

    c.paint(rows, frame, c.second[rows], where)

    def sun(x, y):
        return torch.maximum(
            ellipse(x, y, x0 + 0.04 * s, y0 - 0.05 * s, 0.075 * s, 0.075 * s), frame(x, y) + 0.01
        )

    c.paint(rows, sun, c.accent[rows], where)

    def hills(x, y):
        px, py = (x - x0) / s, (y - y0) / s
        ridge = 0.05 + 0.04 * torch.sin(px * 22 + kind * 9) + 0.02 * torch.sin(px * 47)
        return torch.maximum((ridge - py) * s * 0.7, frame(x, y) + 0.012)

    c.paint(rows, hills, c.base[rows] * 0.6, where)
    c.paint(
        rows,
        lambda x, y: torch.maximum(hills(x, y - 0.055 * s), frame(x, y) + 0.012),
        c.accent[rows] * 0.45,
        where,
    )


def _logo(c, rows):
    """A line of block letters."""
    cx, cy, size = _emblem_place(c, rows)
    x0, y0, s = cell(cx), cell(cy), cell(size * torch.where(c.upper[rows], 1.0, 0.8))

    def letters(x, y):
        px, py = (x - x0) / s, (y - y0) / s
        _, _, random = cells(px, py * 0 + 0.03, 0.062, _seed(c, rows))
        t = px / 0.062
        local = (t - t.floor() - 0.5) * 0.062
        bar = torch.maximum(local.abs() - 0.023, py.abs() - 0.05)
        slot = box(local, py, (random[0] - 0.5) * 0.03, (random[1] - 0.5) * 0.05, 0.009, 0.022)
        return torch.maximum(torch.maximum(bar, -slot), px.abs() - 0.186) * s

    c.paint(rows, letters, c.second[rows], (cx, cy, 0.21 * size, 0.08 * size))
    line = lambda x, y: box(x, y, x0, y0 + 0.085 * s, 0.17 * s, 0.010)  # noqa: E731
    c.paint(rows, line, c.second[rows], (cx, cy + 0.08, 0.21 * size, 0.05))


def _sporty(c, rows):
    """Panels down both sides with a white piping, and three bars above the hem."""
    near = c.half_width[rows] * 0.78 - c.x[rows].abs() + 0.05 * torch.sin(c.y[rows] * 4)
    c.wash(rows, coverage(near, c.pixel[rows]), c.accent[rows])
    c.wash(rows, coverage(near.abs() - 0.014, c.pixel[rows]), torch.full_like(c.base[rows], 0.96))


def _tassel(c, rows):
    """Two cords with tassels from the neckline of tops or the waist of bottoms."""
    upper = c.upper[rows]
    y0 = cell(torch.where(upper, torch.full_like(c.top[rows], -0.48), c.top[rows] + 0.10))
    x0 = cell(
        torch.where(upper, torch.full_like(c.top[rows], 0.05), torch.full_like(c.top[rows], 0.16))
    )
    where = (0.0, y0[:, 0, 0] + 0.17, 0.26, 0.25)
    cord = lambda x, y: polyline(x.abs(), y, [(x0, y0), (x0 + 0.03, y0 + 0.16)], 0.016)  # noqa: E731

    def brush(x, y):
        ax = x.abs() - x0 - 0.03
        return torch.maximum(
            ax.abs() - 0.018 - 0.18 * (y - y0 - 0.18).clamp(min=0), (y - y0 - 0.25).abs() - 0.085
        )

    c.paint(rows, cord, c.accent[rows] * 0.7, where)
    c.paint(rows, lambda x, y: brush(x, y) - 0.010, c.accent[rows] * 0.35, where, opacity=0.7)
    c.paint(rows, brush, c.accent[rows], where)
    c.paint(
        rows,
        lambda x, y: ellipse(x.abs(), y, x0 + 0.03, y0 + 0.165, 0.026, 0.026),
        c.second[rows],
        where,
    )


def _embroidered(c, rows):
    """A stitched garland across the chest, or along the hem of bottoms."""
    upper = c.upper[rows]
    y0 = cell(torch.where(upper, torch.full_like(c.hem[rows], -0.36), c.hem[rows] - 0.17))
    patch = c.patch(rows, 0.0, y0[:, 0, 0], 0.52, 0.17)
    vine = y0 + 0.035 * torch.sin(patch.x * 21)
    c.fill(
        patch,
        coverage((patch.y - vine).abs() - 0.011, patch.pixel) * 0.95,
        c.colour(0.24, 0.42, 0.26, rows=rows),
    )
    t = patch.x / 0.15
    local = (t - t.round()) * 0.15
    turn = torch.where(t.round() % 2 == 0, 1.0, -1.0)
    petals = star(local, patch.y - y0 + 0.035 * turn, 0.062 + 0.0 * local, 6, 0.42)
    c.fill(patch, coverage(petals - 0.010, patch.pixel) * 0.6, c.accent[rows] * 0.35)
    c.fill(patch, coverage(petals, patch.pixel), c.accent[rows])
    c.fill(
        patch,
        coverage(torch.sqrt(local**2 + (patch.y - y0 + 0.035 * turn) ** 2) - 0.018, patch.pixel),
        c.second[rows],
    )


def _sequined(c, rows):
    period = 0.055
    x, y, random = cells(c.x[rows], c.y[rows], period, _seed(c, rows), brick=True)
    disc = torch.clamp(0.5 - (torch.sqrt(x * x + y * y) - period * 0.46) / c.pixel[rows], 0, 1)
    glint = (random[2] + 0.25 * c.folds[rows] > 0.80).float()
    c.tone(rows, 1 - 0.22 * (1 - disc) + (random[3] - 0.5) * 0.30 * disc)
    c.wash(rows, 0.85 * disc * glint, torch.full_like(c.base[rows], 1.0))


def _studded(c, rows):
    """Rows of metal studs on the yoke of tops and below the waistband of bottoms."""
    upper = c.upper[rows]
    y0 = cell(torch.where(upper, torch.full_like(c.top[rows], -0.52), c.top[rows] + 0.14))
    where = (0.0, y0[:, 0, 0] + 0.05, 0.42, 0.14)

    def studs(x, y):
        px, py = x / 0.085, (y - y0) / 0.085
        dx, dy = (px - px.round()) * 0.085, (py - py.round().clamp(0, 1)) * 0.085
        return torch.sqrt(dx * dx + dy * dy) - 0.024

    c.paint(rows, lambda x, y: studs(x, y - 0.008) - 0.006, c.base[rows] * 0.3, where, opacity=0.6)
    c.paint(rows, studs, c.metal[rows] * 0.8, where)
    c.paint(
        rows, lambda x, y: studs(x + 0.006, y + 0.006) + 0.013, c.metal[rows] * 0.5 + 0.5, where
    )


def _distressed(c, rows):
    """Torn holes with threads across."""
    shift = (c.p("wear_seed")[rows] - 0.5) * 0.12
    middle = torch.where(
        c.upper[rows], torch.full_like(c.hem[rows], 0.08), (c.top[rows] + c.hem[rows]) / 2 + 0.10
    )
    for dx, dy, size in ((-0.20, 0.0, 1.0), (0.17, -0.16, 0.8), (0.24, 0.14, 0.7)):
        cx, cy = dx + shift, middle + dy
        patch = c.patch(rows, cx, cy, 0.13, 0.10)
        px, py = patch.x - cell(cx), patch.y - cell(cy)
        d = ellipse(px, py, 0.0, 0.0, 0.085 * size, 0.05 * size) + 0.012 * torch.sin(
            px * 110 + py * 60
        )
        c.fill(
            patch,
            coverage(d - 0.022, patch.pixel) * 0.85,
            torch.lerp(c.base[rows], torch.ones_like(c.base[rows]), 0.65),
        )
        threads = stripes(py, 0.026, 0.010, patch.pixel)
        c.fill(patch, coverage(d, patch.pixel) * (1 - threads) * 0.9, c.skin[rows] * 0.8)


def _patchwork(c, rows):
    period = 0.24
    x, y, random = cells(c.x[rows] + 0.07, c.y[rows], period, _seed(c, rows))
    first, second = (random[0] < 0.38)[:, None], (random[0] > 0.70)[:, None]
    base = times(c.base[rows], 0.75 + 0.5 * random[1])
    colour = torch.where(
        first, plane(c.second[rows]), torch.where(second, plane(c.accent[rows]), base)
    )
    c.wash(rows, torch.full_like(x, 0.85), colour)
    seam = torch.maximum(x.abs(), y.abs()) - period / 2 + 0.010
    c.tone(rows, 1 - 0.35 * torch.clamp(0.5 + seam / c.pixel[rows], 0, 1))


def _acid_wash(c, rows):
    tile = _seed(c, rows)[:, 0, 0]
    cloud = noise(c.x[rows] * 0.35, c.y[rows] * 0.35, tile) + 0.6 * noise(
        c.x[rows] * 1.1, c.y[rows] * 1.1, tile + 4
    )
    c.wash(
        rows,
        torch.sigmoid(cloud * 3 - 0.6) * 0.75,
        torch.lerp(c.base[rows], torch.full_like(c.base[rows], 0.94), 0.8),
    )


def _splatter(c, rows):
    for period, keep, colour in ((0.26, 0.65, c.second), (0.15, 0.45, c.accent)):
        x, y, random = cells(c.x[rows], c.y[rows], period, _seed(c, rows) + int(period * 100), 0.4)
        angle = torch.atan2(y, x)
        radius = (
            period * (0.05 + 0.20 * random[2]) * (1 + 0.25 * torch.sin(angle * 5 + random[3] * 6))
        )
        drop = torch.clamp(0.5 - (torch.sqrt(x * x + y * y) - radius) / c.pixel[rows], 0, 1)
        c.wash(rows, drop * (random[1] < keep), colour[rows])


STYLES = {
    "sporty": _sporty,
    "distressed": _distressed,
    "embroidered": _embroidered,
    "studded": _studded,
    "nautical": _nautical,
    "graphic print": _graphic,
    "logo": _logo,
    "sequined": _sequined,
    "boho tassel": _tassel,
}
