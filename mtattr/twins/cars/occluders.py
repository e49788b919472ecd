"""Occluders in front of some cars: a post, a hedge, another car's roof, people."""

from __future__ import annotations

import torch

from mtattr.twins.cars.canvas import Canvas
from mtattr.twins.drawing.canvas import by_range
from mtattr.twins.drawing.colour import palette, plane, times
from mtattr.twins.drawing.patterns import cells, noise, stripes
from mtattr.twins.drawing.shapes import box, cell, coverage, ellipse, limb

#: Share of the images in which something covers part of the car.
SHARE = 0.20


def draw_occluders(c: Canvas) -> None:
    """Cover part of some cars; nothing covers more than about a third of the picture."""
    active, kind = c.p("occluder") < SHARE, c.p("occluder_kind")
    kinds = ((0.0, 0.27, _post), (0.27, 0.50, _hedge), (0.50, 0.72, _car), (0.72, 1.0, _person))
    for rows, draw in by_range(kind, kinds, active):
        draw(c, rows)


def _place(c, rows):
    """Position across the picture in sheet units, size, and colour."""
    side = c.pick("occluder_x", -1.25, 1.25)[rows]
    return (
        side,
        c.pick("occluder_size", 0.95, 1.40)[rows],
        palette(c.p("occluder_colour")[rows], c.p("occluder_seed")[rows]) * 0.8,
    )


def _lit(c, rows, colour, round_):
    """A colour with the light across a round body, `round_` (n, h, w) in [-1, 1]."""
    return (
        times(colour, 1.0 - 0.35 * round_ * round_ - 0.15 * round_) * plane(c.ambient[rows])
    ).clamp(0, 1)


def _post(c, rows):
    x0, size, colour = _place(c, rows)
    half = 0.045 * size
    p = c.patch(rows, x0, 0.0, half * 1.6, 1.02)
    grey = torch.lerp(c.colour(0.42, 0.43, 0.44, rows=rows), colour, 0.3)
    round_ = (p.x - cell(x0)) / cell(half)
    bands = stripes(p.y, 0.5, 0.16, p.pixel) * cell((c.p("occluder_seed")[rows] < 0.35).float())
    shade = torch.lerp(
        _lit(c, rows, grey, round_),
        _lit(c, rows, c.colour(0.85, 0.62, 0.10, rows=rows), round_),
        bands[:, None],
    )
    c.blend(p, coverage((p.x - cell(x0)).abs() - cell(half), p.pixel), shade)


def _hedge(c, rows):
    """Leaves along the lower edge, higher towards one side."""
    x0, size, _ = _place(c, rows)
    p = c.patch(rows, 0.0, 0.72, 1.5, 0.36)
    tile = c.tile("occluder_seed")[rows]
    top = (
        0.80
        - 0.24 * cell(size) * torch.exp(-((p.x - cell(x0)) ** 2) / 0.5)
        + 0.03 * noise(p.x * 0.7, p.y * 0.7, tile)
    )
    green = torch.lerp(
        c.colour(0.13, 0.24, 0.10, rows=rows),
        c.colour(0.30, 0.38, 0.16, rows=rows),
        c.p("occluder_colour")[rows, None],
    )
    u, v, random = cells(p.x, p.y, 0.055, cell(tile), 0.5, brick=True)
    leaf = coverage(ellipse(u, v, 0.0, 0.0, 0.026, 0.018), p.pixel, 0.006)
    light = (0.65 + 0.55 * random[1] * leaf + 0.5 * (top + 0.08 - p.y).clamp(0, 0.3)).clamp(
        0.4, 1.5
    )
    c.blend(
        p,
        coverage(top - p.y, p.pixel, 0.012),
        (times(green, light) * plane(c.ambient[rows])).clamp(0, 1),
    )


def _car(c, rows):
    """Roof, windows and bonnet of a car that passes in front, out of focus."""
    x0, size, colour = _place(c, rows)
    s = cell(size)
    p = c.patch(rows, x0, 0.72, 1.5 * size, 0.40)
    x, y = (p.x - cell(x0)) / s, (p.y - 0.92) / s
    narrow = x.abs() * (1 + 0.55 * (-0.02 - y).clamp(min=0)) + 0.10 * (-0.02 - y).clamp(min=0)
    roof = box(narrow, y, 0.0, 0.02, 0.66, 0.25, 0.16)
    lower = box(x, y, 0.0, 0.24, 1.40, 0.26, 0.10)
    shoulder = 0.85 + 0.5 * torch.exp(-(((y - 0.02) / 0.035) ** 2)) - 0.5 * (y - 0.05).clamp(min=0)
    light = (times(colour, shoulder) * plane(c.ambient[rows]) + 0.03).clamp(0, 1)
    c.blend(p, coverage(torch.minimum(roof, lower) * s, p.pixel, 0.025), light)
    pane = torch.maximum(torch.maximum(roof + 0.055, 0.022 - (x + 0.06).abs()), y + 0.045)
    glass = torch.lerp(c.colour(0.05, 0.06, 0.07, rows=rows), c.sky_low[rows], 0.22)
    c.blend(
        p,
        coverage(pane * s, p.pixel, 0.025),
        times(glass, (1.0 - 1.2 * (y + 0.15)).clamp(0.6, 1.4)),
    )


def _person(c, rows):
    """Somebody who walks by: head, coat, legs."""
    x0, size, colour = _place(c, rows)
    s = cell(size)
    p = c.patch(rows, x0, 0.13, 0.30 * size, 0.92 * size)
    x, y = (p.x - cell(x0)) / s, (p.y - 0.05) / s
    chance = c.p("occluder_seed")[rows]
    step = cell(0.04 + 0.09 * chance)
    shade = coverage(ellipse(x, y, 0.02, 0.80, 0.26, 0.05) * s, p.pixel, 0.06)
    c.blend(p, 0.45 * shade, c.colour(0.05, 0.05, 0.06, rows=rows))
    trousers = c.colour(0.16, 0.18, 0.25, rows=rows) * (0.7 + chance[:, None])
    shoes = torch.minimum(
        limb(x, y, -step, 0.775, -step - 0.05, 0.79, 0.032, 0.026),
        limb(x, y, step, 0.775, step - 0.05, 0.79, 0.032, 0.026),
    )
    c.blend(p, coverage(shoes * s, p.pixel), c.colour(0.09, 0.07, 0.06, rows=rows))
    for side in (-1, 1):
        leg = torch.minimum(
            limb(x, y, 0.045 * side, 0.08, 0.75 * side * step, 0.42, 0.072, 0.056),
            limb(x, y, 0.75 * side * step, 0.42, side * step, 0.76, 0.056, 0.040),
        )
        c.blend(
            p, coverage(leg * s, p.pixel, 0.006), _lit(c, rows, trousers, (x - 0.06 * side) / 0.09)
        )
    skin = torch.lerp(
        c.colour(0.90, 0.70, 0.58, rows=rows),
        c.colour(0.38, 0.25, 0.19, rows=rows),
        chance[:, None],
    )
    for side in (-1, 1):
        hand = ellipse(x, y, side * (0.135 + 0.4 * step), 0.13, 0.028, 0.042)
        c.blend(p, coverage(hand * s, p.pixel), _lit(c, rows, skin, x * 0))
        arm = torch.minimum(
            limb(x, y, 0.115 * side, -0.30, 0.150 * side, -0.08, 0.048, 0.040),
            limb(x, y, 0.150 * side, -0.08, side * (0.135 + 0.4 * step), 0.11, 0.040, 0.030),
        )
        c.blend(
            p,
            coverage(arm * s, p.pixel, 0.006),
            _lit(c, rows, colour * 0.86, (x - 0.14 * side) / 0.06),
        )
    c.blend(
        p,
        coverage(limb(x, y, 0.0, -0.46, 0.0, -0.36, 0.036, 0.042) * s, p.pixel),
        _lit(c, rows, skin * 0.85, x / 0.08),
    )
    coat = torch.minimum(
        limb(x, y, 0.0, -0.26, 0.0, 0.10, 0.120, 0.120),
        limb(x, y, -0.085, -0.325, 0.085, -0.325, 0.055, 0.055),
    )
    c.blend(p, coverage(coat * s, p.pixel, 0.006), _lit(c, rows, colour, x / 0.14))
    front = torch.maximum(x.abs() - 0.006, coat + 0.01)
    c.blend(p, 0.5 * coverage(front * s, p.pixel), colour * 0.4)
    c.blend(
        p,
        coverage(ellipse(x, y, 0.0, -0.52, 0.062, 0.082) * s, p.pixel),
        _lit(c, rows, skin, x / 0.08),
    )
    hair = torch.minimum(
        torch.maximum(ellipse(x, y, 0.0, -0.545, 0.070, 0.076), y + 0.535 + 0.3 * x),
        ellipse(x, y, 0.03, -0.545, 0.05, 0.06),
    )
    tone = torch.lerp(
        c.colour(0.08, 0.06, 0.05, rows=rows),
        c.colour(0.45, 0.32, 0.18, rows=rows),
        c.p("spare_3")[rows, None],
    )
    c.blend(p, coverage(hair * s, p.pixel), _lit(c, rows, tone, x / 0.08))
