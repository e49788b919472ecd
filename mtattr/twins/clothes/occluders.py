"""Occluders in front of a garment: a bag, an arm, hair, a card, a post."""

from __future__ import annotations

import torch

from mtattr.twins.clothes.canvas import Canvas
from mtattr.twins.drawing.canvas import by_range
from mtattr.twins.drawing.colour import over, palette, times
from mtattr.twins.drawing.patterns import stripes
from mtattr.twins.drawing.shapes import box, cell, coverage, ellipse, limb, polyline


def draw_occluders(c: Canvas) -> None:
    """Cover part of some garments with a bag, an arm, hair, a card, or a post in front."""
    c.cover = torch.zeros_like(c.alpha)
    active = c.p("occluder") < 0.24
    kind = c.p("occluder_kind")
    # Arms and hair belong to a body; without one a card hangs there.
    kind = torch.where((kind >= 0.3) & (kind < 0.75) & (c.p("support") >= 0.62), 0.8, kind)
    kinds = (
        (0.0, 0.3, _bag),
        (0.3, 0.55, _crossing_arm),
        (0.55, 0.75, _long_hair),
        (0.75, 0.9, _card),
        (0.9, 1.0, _post),
    )
    for rows, draw in by_range(kind, kinds, active):
        draw(c, rows)


def _cover(c, rows, distance, colour, opacity=1.0):
    alpha = coverage(distance, c.pixel[rows]) * opacity
    c.picture[rows] = over(c.picture[rows], colour, alpha)
    c.cover[rows] = torch.maximum(c.cover[rows], alpha)


def _occluder(c, rows):
    side = torch.where(c.p("side")[rows] < 0.5, -1.0, 1.0)
    colour = palette(c.p("occluder_colour")[rows], c.p("occluder_y")[rows])
    return (
        cell(side),
        colour,
        cell(c.pick("occluder_size", 0.8, 1.3)[rows]),
        cell(c.p("occluder_x")[rows]),
        cell(c.p("occluder_y")[rows]),
    )


def _bag(c, rows):
    side, colour, size, px, py = _occluder(c, rows)
    x, y = c.x[rows] * side, c.y[rows]
    cx, cy = 0.30 + 0.18 * px, 0.02 + 0.40 * py
    _cover(
        c,
        rows,
        polyline(x, y, [(cx - 0.12 * size, cy - 0.12), (-0.22 + 0.2 * px, -0.80)], 0.035),
        colour * 0.7,
    )
    bag = box(x, y, cx, cy, 0.20 * size, 0.16 * size, 0.04)
    _cover(c, rows, bag, colour)
    _cover(
        c,
        rows,
        torch.maximum((y - cy + 0.02 - 0.05 * torch.cos((x - cx) * 8)).abs() - 0.008, bag + 0.01),
        colour * 0.5,
    )
    _cover(
        c, rows, ellipse(x, y, cx, cy + 0.03, 0.022, 0.022), c.colour(0.85, 0.74, 0.45, rows=rows)
    )


def _crossing_arm(c, rows):
    side, _, _, px, py = _occluder(c, rows)
    x, y = c.x[rows] * side, c.y[rows]
    end = -0.10 + 0.35 * py
    arm = limb(x, y, 0.58, -0.05 + 0.2 * py, 0.08 - 0.2 * px, end, 0.075, 0.055)
    hand = ellipse(x, y, 0.03 - 0.2 * px, end + 0.005, 0.10, 0.062)
    d = torch.minimum(arm, hand)
    _cover(c, rows, d - 0.012, c.skin[rows] * 0.45, 0.6)
    light = 0.74 + 0.29 * (-d / 0.06).clamp(0, 1) ** 0.5
    _cover(c, rows, d, times(c.skin[rows], light).clamp(0, 1))
    fingers = torch.maximum(
        stripes(y - end, 0.032, 0.006, c.pixel[rows]) * 0
        + ((y - end) / 0.03 - ((y - end) / 0.03).round()).abs() * 0.03
        - 0.004,
        hand + 0.015,
    )
    _cover(c, rows, torch.maximum(fingers, x - 0.03 + 0.2 * px), c.skin[rows] * 0.7)


def _long_hair(c, rows):
    _, _, size, _, py = _occluder(c, rows)
    x, y = c.x[rows], c.y[rows]
    shade = c.p("hair_colour")[rows, None]
    colour = torch.lerp(
        c.colour(0.10, 0.07, 0.06, rows=rows), c.colour(0.72, 0.52, 0.30, rows=rows), shade
    )
    ends = torch.where(cell(c.upper[rows]), -0.45 + 0.45 * py, -0.60 + 0.3 * py)
    lock = torch.maximum(
        (x.abs() - 0.22 - 0.03 * torch.sin(y * 9)).abs()
        - 0.085 * size * (1 - 0.5 * (y - ends + 0.3).clamp(0, 0.6)),
        y - ends,
    )
    strand = 0.85 + 0.25 * stripes(x + 0.02 * torch.sin(y * 9), 0.035, 0.016, c.pixel[rows])
    alpha = coverage(lock, c.pixel[rows])
    c.picture[rows] = over(c.picture[rows], times(colour, strand).clamp(0, 1), alpha)
    c.cover[rows] = torch.maximum(c.cover[rows], alpha)


def _card(c, rows):
    side, colour, size, px, py = _occluder(c, rows)
    x, y = c.x[rows] * side, c.y[rows]
    cx, cy = 0.12 + 0.3 * px, -0.25 + 0.6 * py
    card = box(x, y, cx, cy, 0.17 * size, 0.12 * size, 0.01)
    _cover(c, rows, card - 0.01, colour * 0.3, 0.5)
    _cover(c, rows, card, colour * 0.25 + 0.72)
    lines = torch.maximum(
        ((y - cy) / 0.06 - ((y - cy) / 0.06).round()).abs() * 0.06 - 0.010,
        torch.maximum(card + 0.035, x - cx - 0.06),
    )
    _cover(c, rows, lines, colour * 0.4)


def _post(c, rows):
    side, colour, size, px, _ = _occluder(c, rows)
    x = c.sheet.coordinates[0][rows] * side
    _cover(c, rows, (x - 0.25 - 0.5 * px).abs() - 0.10 * size, colour * 0.6)
