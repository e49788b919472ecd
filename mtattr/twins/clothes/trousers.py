"""Trousers of the clothing twin: legs, jeans, leggings, joggers."""

from __future__ import annotations

import torch

from mtattr.twins.clothes.tailoring import SPAN
from mtattr.twins.drawing.patterns import stripes
from mtattr.twins.drawing.shapes import box, cell, ellipse, look_up, segment


def _of(rows):
    return lambda values: cell(values[rows])


def leg_shade(c, rows):
    """Round each leg off towards its inner seam, and crease the cloth at the crotch."""
    y, crotch, ax = c.y[rows], cell(c.crotch[rows]), c.x[rows].abs()
    below = ((y - crotch) * 8).clamp(0, 1)
    c.tone(rows, 1 - 0.34 * below * torch.exp(-((ax - c.inseam).clamp(min=0) / 0.05)))
    crease = (y - crotch + 0.02) - 0.55 * ax
    c.tone(rows, 1 - 0.16 * torch.exp(-((crease / 0.022) ** 2)) * ((0.30 - ax) * 8).clamp(0, 1))


def _fly(c, rows):
    of = _of(rows)
    top, crotch = of(c.top) + 0.075, of(c.crotch)
    where = (0.0, (c.top + c.crotch)[rows] / 2, 0.10, (c.crotch - c.top)[rows] / 2 + 0.04)
    c.seam(
        rows,
        lambda x, y: torch.maximum(x.abs() - 0.001, torch.maximum(top - y, y - crotch)),
        where,
        width=0.006,
    )

    def stitch(x, y):
        curve = 0.055 * ((crotch - y) * 9).clamp(0, 1) ** 0.5
        return torch.maximum((x - curve).abs() - 0.005, torch.maximum(top - y, y - crotch + 0.02))

    c.paint(rows, stitch, c.thread(rows), where, opacity=0.75)


def jeans(c, rows):
    """Fly, scooped front pockets, belt loops, sewn seams, worn thighs."""
    of = _of(rows)
    top = of(c.top)
    _fly(c, rows)

    def scoop(x, y):
        circle = torch.sqrt((x.abs() - 0.33) ** 2 + (y - top - 0.075) ** 2) - 0.165
        return torch.maximum(circle.abs() - 0.005, top + 0.075 - y)

    c.paint(rows, scoop, c.base[rows] * 0.45, (0.0, c.top[rows] + 0.17, 0.42, 0.13), opacity=0.8)
    c.paint(
        rows,
        lambda x, y: scoop(x, y - 0.016),
        c.thread(rows),
        (0.0, c.top[rows] + 0.18, 0.42, 0.13),
        opacity=0.7,
    )
    loops = lambda x, y: box(x.abs(), y, 0.155, top + 0.036, 0.012, 0.046, 0.005)  # noqa: E731
    c.paint(
        rows,
        lambda x, y: loops(x, y) - 0.006,
        c.base[rows] * 0.5,
        (0.0, c.top[rows] + 0.036, 0.20, 0.07),
    )
    c.paint(rows, loops, c.base[rows], (0.0, c.top[rows] + 0.036, 0.20, 0.07))
    button = lambda x, y: ellipse(x, y, 0.0, top + 0.036, 0.022, 0.022)  # noqa: E731
    c.paint(rows, button, c.metal[rows], (0.0, c.top[rows] + 0.036, 0.04, 0.04))
    worn = rows[c.p("fade")[rows] < 0.6]
    if len(worn):
        y, ax = c.y[worn], c.x[worn].abs()
        spot = torch.exp(-(((ax - 0.20) / 0.075) ** 2) - ((y - 0.24) / 0.34) ** 2)
        c.wash(
            worn,
            0.30 * spot * cell(1 - c.p("fade")[worn] / 0.6),
            torch.lerp(c.base[worn], torch.ones_like(c.base[worn]), 0.6),
        )


def leggings(c, rows):
    """A seam down the middle and a sheen along each leg."""
    of = _of(rows)
    where = (0.0, (c.top + c.crotch)[rows] / 2, 0.06, (c.crotch - c.top)[rows] / 2 + 0.04)
    c.seam(
        rows,
        lambda x, y: torch.maximum(
            x.abs() - 0.001, torch.maximum(of(c.top) + 0.075 - y, y - of(c.crotch))
        ),
        where,
        strength=0.5,
    )
    centre = (c.half_width[rows] + look_up(c.inner[rows], (c.y[rows] + 0.90) / SPAN)) / 2
    c.tone(rows, 1 + 0.13 * torch.exp(-(((c.x[rows].abs() - centre - 0.01) / 0.035) ** 2)))


def joggers(c, rows):
    """Slanting pockets and a gathered waist."""
    of = _of(rows)
    top = of(c.top)
    slant = lambda x, y: segment(x.abs(), y, 0.24, top + 0.09, 0.33, top + 0.30)[0] - 0.006  # noqa: E731
    c.paint(rows, slant, c.base[rows] * 0.45, (0.0, c.top[rows] + 0.2, 0.40, 0.15), opacity=0.8)
    patch = c.patch(rows, 0.0, c.top[rows] + 0.037, 0.40, 0.06)
    c.shade[patch.index] = c.shade[patch.index] * (
        1 - 0.22 * stripes(patch.x, 0.034, 0.014, patch.pixel) * patch.inside
    )
