"""Outerwear of the clothing twin: open fronts, jackets, lapels."""

from __future__ import annotations

import torch

from mtattr.twins.drawing.shapes import box, cell, coverage, ellipse, polygon, segment


def _of(rows):
    return lambda values: cell(values[rows])


def front_edges(c, rows):
    """Shade along the gap of a front, and where a closed front meets."""
    near = c.x[rows].abs() - c.gap.clamp(min=0)
    below = ((c.y[rows] + 0.82) * 12).clamp(0, 1)
    c.tone(
        rows,
        1
        - below
        * (
            0.30 * torch.exp(-((near / 0.018) ** 2))
            + 0.10 * torch.exp(-(((near - 0.055) / 0.007) ** 2))
        ),
    )


def jacket(c, rows):
    """A low band collar, slanting pockets, and a zip that hangs open."""
    of = _of(rows)
    plain = rows[~(c.has("collar") | c.has("mock neck"))[rows]]
    if len(plain):
        rise = cell(torch.where(c.p("support")[plain] < 0.62, 0.0, 0.05))

        def band(x, y):
            return polygon(
                x.abs(),
                y,
                [(0.085, rise - 0.90), (0.175, rise - 0.84), (0.19, -0.74), (0.09, -0.68)],
            )

        c.paint(
            plain,
            lambda x, y: band(x, y) - 0.010,
            c.base[plain] * 0.42,
            (0.0, -0.79, 0.26, 0.16),
            grow=True,
        )
        c.paint(plain, band, c.base[plain] * 0.95, (0.0, -0.79, 0.26, 0.16), grow=True)
    y0 = of(c.hem) - 0.22
    slant = lambda x, y: segment(x.abs(), y, 0.17, y0 + 0.09, 0.27, y0 - 0.08)[0] - 0.010  # noqa: E731
    pockets = (0.0, y0[:, 0, 0], 0.34, 0.16)
    edge = torch.where(
        (c.p("pocket_kind")[rows] < 0.5)[:, None], c.metal[rows] * 0.8, c.base[rows] * 0.4
    )
    c.paint(rows, slant, edge, pockets, opacity=0.9)
    opened = rows[c.gap_of(rows).amax((1, 2)) > 0]
    zips = opened[c.p("pocket_kind")[opened] < 0.6]
    if len(zips):
        near = c.x[zips].abs() - c.gap_of(zips) - 0.014
        teeth = (
            coverage(near.abs() - 0.010, c.pixel[zips])
            * (c.gap_of(zips) > 0)
            * ((c.y[zips] + 0.74) * 20).clamp(0, 1)
        )
        c.wash(zips, teeth, c.metal[zips] * 0.85)
    yoke = lambda x, y: torch.maximum((y + 0.46 - 0.05 * x.abs()).abs() - 0.006, x.abs() - 0.36)  # noqa: E731
    c.paint(rows, yoke, c.base[rows] * 0.5, (0.0, -0.45, 0.42, 0.06), opacity=0.6)


def _lapels(c, rows, reach, notch):
    """Two lapels that fold out of the vee of the front."""
    depth = cell(c.cut("vee")[rows])
    wide = cell(c.pick("lapel_width", 0.0, 0.045)[rows])
    foot = depth - 0.80

    def flap(x, y):
        corner = (reach + wide, notch)
        return polygon(
            x.abs(),
            y,
            [
                (0.125, -0.86),
                corner,
                (corner[0] - 0.035, notch + 0.05),
                (0.012, foot),
                (0.0, foot - 0.02),
            ],
        )

    # Only a neck makes a collar stand.
    rise = cell(torch.where(c.p("support")[rows] < 0.62, 0.0, 0.06))

    def collar(x, y):
        corner = (reach - 0.015 + wide, notch - 0.055)
        return polygon(
            x.abs(),
            y,
            [
                (0.085, rise - 0.92),
                (0.17, rise - 0.88),
                corner,
                (corner[0] - 0.030, notch),
                (0.135, -0.80),
            ],
        )

    where = (0.0, (foot[:, 0, 0] - 0.90) / 2, 0.42, (foot[:, 0, 0] + 0.90) / 2 + 0.06)
    light = torch.lerp(c.base[rows], torch.ones_like(c.base[rows]), 0.10)
    for shape, colour in ((flap, light), (collar, light * 0.93)):
        c.paint(
            rows,
            lambda x, y, shape=shape: shape(x, y) - 0.010,
            c.base[rows] * 0.36,
            where,
            grow=shape is collar,
        )
        c.paint(rows, shape, colour, where, grow=shape is collar)


def _flaps(c, rows, y0, half):
    where = (0.0, y0[:, 0, 0], 0.24 + half, 0.09)
    shape = lambda x, y: box(x.abs(), y, 0.225, y0, half, 0.035, 0.012)  # noqa: E731
    c.paint(rows, shape, c.base[rows] * 0.88, where, opacity=0.7)
    c.seam(rows, shape, where)


def blazer(c, rows):
    """Lapels, flapped pockets, and the one button at their foot."""
    of = _of(rows)
    _lapels(c, rows, 0.245, -0.60)
    _flaps(c, rows, torch.minimum(of(c.hem) - 0.24, 0.28 + 0.0 * of(c.hem)), 0.085)
    button = lambda x, y: ellipse(x, y, 0.028, 0.045, 0.024, 0.024)  # noqa: E731
    c.paint(
        rows,
        lambda x, y: button(x, y - 0.006) - 0.006,
        c.base[rows] * 0.35,
        (0.03, 0.045, 0.06, 0.06),
        opacity=0.6,
    )
    c.paint(rows, button, c.button[rows], (0.03, 0.045, 0.06, 0.06))


def coat(c, rows):
    """Wide lapels, flapped pockets, and on closed fronts often two rows of buttons."""
    _lapels(c, rows, 0.285, -0.60)
    free = rows[~c.has("patch pocket")[rows]]
    if len(free):
        _flaps(c, free, torch.full_like(c.hem[free], 0.34)[:, None, None], 0.09)
    double = rows[
        ~(c.has("button-front") | c.has("zip front") | c.has("lace-up"))[rows]
        & (c.p("pocket_kind")[rows] < 0.55)
    ]
    if len(double):
        gap = c.gap_of(double)

        def dots(x, y):
            near = (
                torch.maximum((y + 0.08) / 0.22, torch.zeros_like(y)).round().clamp(max=2) * 0.22
                - 0.08
            )
            return torch.sqrt((x.abs() - 0.125) ** 2 + (y - near) ** 2) - 0.026

        closed = double[gap[:, gap.shape[1] * 3 // 5].amax(1) <= 0]
        c.paint(
            closed,
            lambda x, y: dots(x, y - 0.007) - 0.006,
            c.base[closed] * 0.35,
            (0.0, 0.14, 0.20, 0.30),
            opacity=0.6,
        )
        c.paint(closed, dots, c.button[closed], (0.0, 0.14, 0.20, 0.30))
