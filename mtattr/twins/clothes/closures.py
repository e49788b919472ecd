"""Closures and waists of garments: buttons, zips, lacing, keyholes, belts, cords, elastic."""

from __future__ import annotations

import torch

from mtattr.twins.clothes.outline import width_at
from mtattr.twins.drawing.patterns import stripes
from mtattr.twins.drawing.shapes import box, cell, coverage, ellipse, limb, polyline


def _of(rows):
    return lambda values: cell(values[rows])


def _keyhole(c, rows):
    patch = c.patch(rows, 0.0, -0.50, 0.08, 0.15)
    d = torch.minimum(
        ellipse(patch.x, patch.y, 0.0, -0.45, 0.045, 0.07),
        limb(patch.x, patch.y, 0.0, -0.60, 0.0, -0.45, 0.008, 0.02),
    )
    c.fill(patch, coverage(d - 0.016, patch.pixel), c.base[rows] * 0.5)
    patch.write(c.alpha, patch.read(c.alpha) * (1 - coverage(d, patch.pixel) * patch.inside))


def _front(c, rows):
    """Top and bottom of the front closure, (n, 1, 1) each."""
    upper = c.upper[rows]
    neck = torch.where(
        c.has("v-neck")[rows],
        -0.36,
        torch.where(c.has("scoop neck")[rows] | c.has("square neck")[rows], -0.44, -0.56),
    )
    bottom = c.hem[rows] - 0.05
    if c.beyond_four:
        bottom = torch.where(c.legged[rows], torch.minimum(bottom, c.crotch[rows]), bottom)
        vee = c.cut("vee")[rows]
        neck = torch.where(vee > 0, vee - 0.82, neck)
    return cell(torch.where(upper, neck, c.top[rows] + 0.10)), cell(bottom)


def _buttons(c, rows):
    top, bottom = _front(c, rows)
    whole = _front_box(top, bottom, 0.08)
    c.paint(
        rows,
        lambda x, y: torch.maximum(x.abs() - 0.045, torch.maximum(top - y, y - bottom)),
        c.base[rows] * 1.06,
        whole,
        opacity=0.55,
    )

    def edges(x, y):
        return torch.maximum((x.abs() - 0.045).abs() - 0.005, torch.maximum(top - y, y - bottom))

    c.paint(rows, edges, c.base[rows] * 0.45, whole, opacity=0.7)
    step = 0.145
    radius = cell(c.pick("button_size", 0.021, 0.030)[rows])

    def dots(x, y):
        t = (y - top - 0.05) / step
        near = (t.round().clamp(min=0) - t) * step
        return torch.maximum(torch.sqrt(x * x + near * near) - radius, y - bottom)

    c.paint(rows, lambda x, y: dots(x, y - 0.008) - 0.008, c.base[rows] * 0.3, whole, opacity=0.6)
    c.paint(rows, dots, c.button[rows], whole)


def _front_box(top, bottom, half):
    top, bottom = top[:, 0, 0], bottom[:, 0, 0]
    return (0.0, (top + bottom) / 2, half, (bottom - top) / 2 + 0.04)


def _zip(c, rows):
    top, bottom = _front(c, rows)
    bottom = torch.where(cell(c.upper[rows]), bottom, torch.minimum(bottom, top + 0.42))
    whole = _front_box(top, bottom, 0.07)
    span = lambda y: torch.maximum(top - y, y - bottom)  # noqa: E731
    c.paint(
        rows,
        lambda x, y: torch.maximum(x.abs() - 0.034, span(y)),
        c.base[rows] * 0.45,
        whole,
        opacity=0.75,
    )
    c.paint(rows, lambda x, y: torch.maximum(x.abs() - 0.013, span(y)), c.metal[rows] * 0.9, whole)

    def teeth(x, y):
        t = y / 0.03
        return torch.maximum(
            torch.maximum((t - t.round()).abs() * 0.03 - 0.006, x.abs() - 0.013), span(y)
        )

    c.paint(rows, teeth, c.metal[rows] * 0.35, whole)
    c.paint(rows, lambda x, y: box(x, y, 0.0, top + 0.06, 0.016, 0.045, 0.01), c.metal[rows], whole)


def _lace_up(c, rows):
    top, _ = _front(c, rows)
    top = top - 0.02

    def cord(x, y):
        t = (y - top) / 0.075
        local = (t - t.floor()) * 2 - 1
        slant = torch.minimum((x - 0.05 * local).abs(), (x + 0.05 * local).abs()) * 0.6 - 0.007
        return torch.maximum(slant, torch.maximum(top - y, y - top - 0.30))

    where = _front_box(top, top + 0.42, 0.11)
    c.paint(
        rows,
        lambda x, y: torch.maximum(x.abs() - 0.052, torch.maximum(top - y, y - top - 0.30)),
        c.base[rows] * 0.5,
        where,
        opacity=0.55,
    )
    c.paint(rows, cord, c.second[rows], where)
    tails = lambda x, y: polyline(x.abs(), y, [(0.01, top + 0.30), (0.05, top + 0.42)], 0.018)  # noqa: E731
    c.paint(rows, tails, c.second[rows], where)


def _waist_box(c, rows, half_height):
    return (0.0, c.waist[rows], width_at(c, rows, c.waist[rows]) + 0.10, half_height)


def _belt(c, rows):
    of = _of(rows)
    half = of(c.pick("belt_width", 0.032, 0.052))
    y0 = of(c.waist)
    where = _waist_box(c, rows, 0.12)
    c.paint(
        rows,
        lambda x, y: (y - y0 - 0.03 * (1 - (x / 0.4) ** 2)).abs() - half,
        c.leather[rows],
        where,
    )
    edge = lambda x, y: ((y - y0 - 0.03 * (1 - (x / 0.4) ** 2)).abs() - half).abs() - 0.006  # noqa: E731
    c.paint(rows, edge, c.leather[rows] * 0.5, where, opacity=0.8)
    buckle = lambda x, y: box(x, y, 0.0, y0 + 0.03, half * 1.15, half * 1.2, 0.01).abs() - 0.012  # noqa: E731
    c.paint(rows, buckle, c.metal[rows], (0.0, c.waist[rows] + 0.03, 0.09, 0.09))


def _drawstring(c, rows):
    y0 = cell(c.waist[rows])
    cord = torch.lerp(c.second[rows], torch.ones_like(c.second[rows]), 0.35)
    where = (0.0, c.waist[rows] + 0.13, 0.13, 0.22)

    def strings(x, y):
        return polyline(x.abs(), y, [(0.012, y0), (0.055, y0 + 0.10), (0.04, y0 + 0.28)], 0.022)

    c.paint(rows, lambda x, y: strings(x, y) - 0.010, c.base[rows] * 0.35, where, opacity=0.5)
    c.paint(rows, strings, cord, where)
    c.paint(
        rows, lambda x, y: ellipse(x.abs(), y, 0.04, y0 + 0.29, 0.016, 0.028), c.metal[rows], where
    )


def _elastic(c, rows):
    patch = c.patch(rows, *_waist_box(c, rows, 0.12))
    inside = coverage((patch.y - cell(c.waist[rows])).abs() - 0.075, patch.pixel)
    ribs = stripes(patch.x, 0.045, 0.018, patch.pixel)
    rims = coverage(((patch.y - cell(c.waist[rows])).abs() - 0.035).abs() - 0.004, patch.pixel)
    c.shade[patch.index] = c.shade[patch.index] * (
        1 - patch.inside * inside * (0.34 * ribs + 0.22 * rims)
    )


CLOSURES = {"button-front": _buttons, "zip front": _zip, "lace-up": _lace_up, "keyhole": _keyhole}
WAISTS = {"elastic waist": _elastic, "drawstring": _drawstring, "belted": _belt}
