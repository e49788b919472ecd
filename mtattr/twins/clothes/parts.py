"""Sewn parts of garments: pleats, collars, pockets, bows, trims, hems, and all closures."""

from __future__ import annotations

import torch

from mtattr.twins.clothes.canvas import Canvas
from mtattr.twins.clothes.closures import CLOSURES, WAISTS
from mtattr.twins.clothes.details import draw_details
from mtattr.twins.clothes.outline import width_at
from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.patterns import stripes
from mtattr.twins.drawing.shapes import box, cell, coverage, ellipse, polygon, segment


def draw_folds_of_cut(c: Canvas) -> None:
    """Shade what the cut itself folds: pleats, tiers, peplums and ruffles."""
    c.draw_each({"pleated": _pleats, "tiered": _tiers, "peplum": _peplum, "ruffle": _ruffle})


def draw_parts(c: Canvas) -> None:
    """Draw every sewn part of the batch, in the order in which they lie on each other."""
    _seams(c)
    draw_details(c)
    c.draw_each(PARTS)


def _of(rows):
    return lambda values: cell(values[rows])


def _pleats(c, rows):
    of = _of(rows)
    count = (4 + 4 * of(c.p("pleat_count"))).floor()
    across = c.nx[rows] * count
    saw = across - across.floor()
    start = torch.where(of(c.upper), -0.45 + 0.0 * of(c.top), of(c.top) + 0.14)
    if c.span is not None:
        start = torch.where(of(c.long & c.upper), torch.full_like(start, 0.14), start)
    depth = ((c.y[rows] - start) * 6).clamp(0, 1)
    c.tone(rows, 1 - depth * (0.36 * saw**3 + 0.20 * torch.exp(-saw * 9) - 0.10))


def _tiers(c, rows):
    of = _of(rows)
    t = (c.y[rows] - of(c.top)) / of(c.hem - c.top) * 3
    step = t - t.floor()
    below = (t > 1).float()
    gather = 0.10 * torch.sin(c.x[rows] * 46 + 2 * c.folds[rows]) * torch.exp(-step * 3) * below
    c.tone(rows, 1 - below * 0.40 * torch.exp(-step * 9) + 0.10 * (step - 0.4) + gather)


def _peplum(c, rows):
    y = c.y[rows] - 0.10
    wave = torch.sin(c.nx[rows] * 9 + c.folds[rows])
    c.tone(rows, 1 - 0.42 * torch.exp(-((y / 0.022) ** 2)) + 0.20 * wave * (y * 6).clamp(0, 1))


def _ruffle(c, rows):
    of = _of(rows)
    line = c.hem_line[rows] - 0.15
    y = c.y[rows] - line
    frill = torch.sin(c.x[rows] * 40 + 1.5 * torch.sin(c.x[rows] * 13 + of(c.p("fold_u")) * 6))
    c.tone(
        rows,
        1
        - 0.45 * torch.exp(-((y / 0.02) ** 2))
        + (y > 0) * (0.22 * frill * (0.4 + 4 * y).clamp(0, 1) + 0.08),
    )
    # A second frill: along the neckline of tops, at the hips of bottoms.
    upper = of(c.upper)
    yoke = torch.where(
        upper, c.y[rows] + 0.36 - 0.10 * c.x[rows].abs(), c.y[rows] - of(c.hem) + 0.36
    )
    c.tone(
        rows,
        1
        - 0.40 * torch.exp(-((yoke / 0.02) ** 2))
        + ((yoke < 0) & (yoke > -0.14)) * (0.22 * frill * (-yoke * 8).clamp(0, 1)),
    )


def _seams(c):
    """What every garment has: a stitched hem, and a waistband on shorts and skirts."""
    hem = (c.y - c.hem_line + 0.035).abs() - 0.004
    c.shade = c.shade * (1 - 0.16 * coverage(hem, c.pixel))
    rows = c.lowers
    if len(rows):
        of = _of(rows)
        band = of(c.top) + 0.075
        y = c.y[rows]
        c.tone(
            rows, 1 - 0.30 * coverage((y - band).abs() - 0.007, c.pixel[rows]) + 0.07 * (y < band)
        )
    rows = rows_of(c.shorts)
    if len(rows):
        of = _of(rows)
        fly = torch.maximum(
            c.x[rows].abs() - 0.007,
            torch.maximum(of(c.top) + 0.075 - c.y[rows], c.y[rows] - of(c.crotch)),
        )
        c.tone(rows, 1 - 0.28 * coverage(fly, c.pixel[rows]))
    sleeves = c.armhole
    c.shade = c.shade * (1 - 0.30 * sleeves)


def _collar(c, rows):
    of = _of(rows)
    wide = of(c.pick("neck_width", 0.0, 0.04))
    colour = torch.lerp(c.base[rows], torch.ones_like(c.base[rows]), 0.25)

    def flap(x, y):
        ax = x.abs()
        return polygon(
            ax,
            y,
            [(0.125 + wide, -0.86), (0.215 + wide, -0.74), (0.155 + wide, -0.56), (0.02, -0.60)],
        )

    where = (0.0, -0.70, 0.30, 0.22)
    c.paint(rows, lambda x, y: flap(x, y) - 0.012, colour * 0.45, where, grow=True)
    c.paint(rows, flap, colour, where, grow=True)


def _chest_pocket(c, rows):
    of = _of(rows)
    side = of(torch.where(c.p("side") < 0.5, -1.0, 1.0))
    px, py = side * 0.18, of(c.pick("pocket_place", -0.34, -0.24))
    where = (side[:, 0, 0] * 0.18, py[:, 0, 0], 0.12, 0.14)
    c.paint(
        rows,
        lambda x, y: box(x, y, px, py, 0.085, 0.10, 0.02),
        c.base[rows] * 0.93,
        where,
        opacity=0.55,
    )
    c.paint(
        rows,
        lambda x, y: box(x, y, px, py, 0.085, 0.10, 0.02).abs() - 0.008,
        c.base[rows] * 0.42,
        where,
        opacity=0.8,
    )
    c.paint(
        rows,
        lambda x, y: box(x, y, px, py - 0.075, 0.085, 0.025),
        c.base[rows] * 0.72,
        where,
        opacity=0.8,
    )


def _patch_pocket(c, rows):
    of = _of(rows)
    upper = of(c.upper)
    y0 = torch.where(
        upper, torch.minimum(of(c.hem) - 0.20, 0.25 + 0.0 * of(c.hem)), of(c.top) + 0.30
    )
    where = (0.0, y0[:, 0, 0], 0.42, 0.20)
    shape = lambda x, y: box(x.abs(), y - 0.06 * x.abs(), 0.215, y0, 0.095, 0.105, 0.025)  # noqa: E731
    c.paint(rows, shape, c.base[rows] * 0.9, where, opacity=0.55)
    c.paint(rows, lambda x, y: shape(x, y).abs() - 0.009, c.base[rows] * 0.4, where, opacity=0.8)
    c.paint(
        rows,
        lambda x, y: box(x.abs(), y - 0.06 * x.abs(), 0.215, y0 - 0.075, 0.095, 0.028),
        c.base[rows] * 0.68,
        where,
        opacity=0.8,
    )


def _bow(c, rows):
    of = _of(rows)
    y0 = torch.where(of(c.upper), -0.55 + 0.0 * of(c.top), of(c.waist))
    s = of(c.pick("bow_size", 1.05, 1.45))
    colour = torch.where((c.p("print_seed")[rows] < 0.5)[:, None], c.second[rows], c.accent[rows])
    where = (0.0, y0[:, 0, 0] + 0.08 * s[:, 0, 0], 0.24 * s[:, 0, 0], 0.28 * s[:, 0, 0])

    def tails(x, y):
        return polygon(
            x.abs(),
            y,
            [(0.0, y0), (0.03 * s, y0), (0.14 * s, y0 + 0.28 * s), (0.06 * s, y0 + 0.30 * s)],
        )

    def loops(x, y):
        ax = x.abs()
        return (
            polygon(
                ax,
                y,
                [
                    (0.01 * s, y0 - 0.02),
                    (0.16 * s, y0 - 0.10 * s),
                    (0.19 * s, y0),
                    (0.16 * s, y0 + 0.08 * s),
                    (0.01 * s, y0 + 0.02),
                ],
            )
            - 0.012
        )

    for shape, light in ((tails, 0.86), (loops, 1.0)):
        c.paint(
            rows, lambda x, y, shape=shape: shape(x, y) - 0.012, colour * 0.4, where, opacity=0.7
        )
        c.paint(rows, shape, colour * light, where, grow=True)
    c.paint(rows, lambda x, y: ellipse(x, y, 0.0, y0, 0.034 * s, 0.04 * s), colour * 0.7, where)


def _side_stripe(c, rows):
    near = c.half_width[rows] - c.x[rows].abs()
    for centre, colour in ((0.085, c.second), (0.04, c.accent)):
        c.wash(rows, coverage((near - centre).abs() - 0.018, c.pixel[rows]), colour[rows])


def _trim(c, rows):
    width = cell(c.pick("trim_width", 0.028, 0.05)[rows])
    edge = c.hem_line[rows] - c.y[rows] - width
    neck = torch.where(
        cell(c.upper[rows]),
        c.neck_cut[rows] - width if c.neck_cut is not None else edge,
        c.y[rows] - cell(c.top[rows]) - 0.075,
    )
    c.wash(rows, coverage(torch.minimum(edge, neck), c.pixel[rows]), c.second[rows])


def _cuffs(c, rows):
    upper = rows[c.upper[rows] & ~(c.has("sleeveless") | c.has("spaghetti strap") | c.tank)[rows]]
    if len(upper):
        of = _of(upper)
        long = (c.has("long sleeve") | c.has("bell-sleeve"))[upper]
        fx = torch.where(long, c.elbow_x[upper], torch.full_like(c.hem[upper], 0.31))
        fy = torch.where(long, c.elbow_y[upper], torch.full_like(c.hem[upper], -0.64))
        ex, ey = c.end_x[upper], c.end_y[upper]
        norm = torch.sqrt((ex - fx) ** 2 + (ey - fy) ** 2)
        ux, uy = cell((ex - fx) / norm), cell((ey - fy) / norm)
        band = lambda x, y: torch.maximum(  # noqa: E731
            ((x.abs() - of(c.end_x)) * ux + (y - of(c.end_y)) * uy + 0.045).abs() - 0.045,
            segment(x.abs(), y, cell(ex), cell(ey), cell(ex), cell(ey))[0] - 0.2,
        )
        _cuff_band(c, upper, band, (0.0, ey, ex + 0.22, 0.24))
    lower = rows[~c.upper[rows]]
    if len(lower):
        patch = c.patch(
            lower, 0.0, c.hem[lower] - 0.05, width_at(c, lower, c.hem[lower]) + 0.08, 0.20
        )
        depth = patch.read(c.hem_line) - patch.y
        band = coverage((depth - 0.045).abs() - 0.048, patch.pixel)
        c.fill(patch, band * 0.6, torch.lerp(c.base[lower], torch.ones_like(c.base[lower]), 0.35))
        c.fill(
            patch, coverage((depth - 0.095).abs() - 0.008, patch.pixel) * 0.8, c.base[lower] * 0.35
        )


def _cuff_band(c, rows, band, where):
    c.paint(
        rows,
        band,
        torch.lerp(c.base[rows], torch.ones_like(c.base[rows]), 0.30),
        where,
        opacity=0.75,
    )
    c.paint(rows, lambda x, y: band(x, y).abs() - 0.007, c.base[rows] * 0.35, where, opacity=0.8)


def _fringe(c, rows):
    depth = c.y[rows] - c.hem_line[rows]
    strands = stripes(c.x[rows], 0.04, 0.022, c.pixel[rows])
    length = 0.11 + 0.02 * torch.sin(c.x[rows] * 57)
    below = coverage(
        torch.maximum(
            torch.maximum(-depth - 0.01, depth - length), c.x[rows].abs() - c.half_width[rows]
        ),
        c.pixel[rows],
    )
    if len(c.lowers):
        gap = c.shorts[rows] & (c.p("leg_gap")[rows] >= 0.09)
        below = below * ~(cell(gap) & (c.x[rows].abs() < 0.05))
    c.alpha[rows] = torch.maximum(c.alpha[rows], below * strands)
    c.wash(rows, below, c.base[rows] * 0.85)
    c.tone(rows, 1 - 0.3 * coverage((depth + 0.02).abs() - 0.010, c.pixel[rows]))


PARTS = {
    "contrast trim": _trim,
    "side stripe": _side_stripe,
    "fringe": _fringe,
    "cuffed": _cuffs,
    "chest pocket": _chest_pocket,
    "patch pocket": _patch_pocket,
    **CLOSURES,
    "collar": _collar,
    **WAISTS,
    "bow": _bow,
}
