"""Supports of a garment of the clothing twin: a person or mannequin, a hanger, or none."""

from __future__ import annotations

import torch

from mtattr.twins.clothes.canvas import Canvas
from mtattr.twins.clothes.cuts import BODY_SHIFT
from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.colour import apart, over, palette, times
from mtattr.twins.drawing.shapes import box, cell, coverage, ellipse, limb

SKINS = (
    (0.95, 0.80, 0.70),
    (0.87, 0.67, 0.53),
    (0.72, 0.51, 0.38),
    (0.52, 0.35, 0.26),
    (0.36, 0.24, 0.19),
    (0.90, 0.89, 0.87),
    (0.62, 0.62, 0.64),
)


def draw_support(c: Canvas) -> None:
    """Draw on the backdrop what carries the garment: a person, a mannequin, a hanger, nothing."""
    table = torch.tensor(SKINS, device=c.device)
    c.skin = table[(c.p("skin") * len(SKINS)).long()]
    # A shadow cast on the backdrop, for all of them.
    body = c.p("support") < 0.62
    rows = rows_of(c.upper & body)
    if len(rows):
        _upper_body(c, rows)
    rows = rows_of(~c.upper & body)
    if len(rows):
        _lower_body(c, rows)
    rows = rows_of((c.p("support") >= 0.62) & (c.p("support") < 0.85))
    if len(rows):
        _hanger(c, rows)


def _lay(c, rows, distance, colour, roundness=0.0):
    """Draw on the backdrop; edges darken over the depth `roundness`, in garment units."""
    if roundness:
        light = 0.74 + 0.29 * (-distance / roundness).clamp(0, 1) ** 0.5
        colour = times(colour, light).clamp(0, 1)
    c.backdrop[rows] = over(c.backdrop[rows], colour, coverage(distance, c.pixel[rows]))


def _upper_body(c, rows):
    x, y, ax = c.x[rows], c.y[rows], c.x[rows].abs()
    of = lambda v: cell(v[rows])  # noqa: E731
    bare = c.named("Dress", "Jumpsuit", "Romper")[rows]
    _trousers(c, rows[~bare])
    _bare_legs(c, rows[bare])
    arm = torch.minimum(
        limb(ax, y, 0.33, -0.64, of(c.elbow_x), of(c.elbow_y), 0.082, 0.066),
        limb(ax, y, of(c.elbow_x), of(c.elbow_y), of(c.wrist_x), of(c.wrist_y), 0.064, 0.046),
    )
    hand = ellipse(ax, y, of(c.wrist_x) + 0.01, of(c.wrist_y) + 0.07, 0.05, 0.085)
    _lay(
        c,
        rows,
        torch.maximum(torch.minimum(arm, hand), -0.79 + 0.30 * ax - y),
        c.skin[rows] * 0.97,
        0.07,
    )
    chest = 0.335
    if c.span is not None:
        # Nobody is wider than a dress or jumpsuit at its waist.
        slim = cell(bare) & (y > -0.40)
        chest = torch.where(
            slim, (c.half_width[rows] - 0.012).clamp(max=0.335), torch.full_like(ax, 0.335)
        )
    torso = torch.maximum(torch.maximum(ax - chest, -0.80 + 0.30 * ax - y), y - 0.25)
    neck = limb(x, y, 0.0, -0.98, 0.0, -0.72, 0.088, 0.105)
    _lay(c, rows, torch.minimum(torso, neck), c.skin[rows], 0.09)
    if c.opened is not None:
        _inner_top(c, c.opened[c.p("support")[c.opened] < 0.62])
    _lay(
        c, rows, torch.maximum((ax * 0.32 + y + 0.70).abs() - 0.010, ax - 0.19), c.skin[rows] * 0.86
    )
    hair = palette(c.p("hair_colour")[rows] * 0.0 + 0.6, c.p("hair_colour")[rows]) * (
        0.25 + 1.2 * c.p("hair_colour")[rows, None]
    )
    _lay(c, rows, torch.maximum(ellipse(x, y, 0.0, -1.14, 0.20, 0.25), -(y + 1.3)), hair)
    _lay(c, rows, ellipse(x, y, 0.0, -1.10, 0.145, 0.195), c.skin[rows], 0.10)
    _lay(
        c,
        rows,
        torch.maximum((y + 0.925 - 0.25 * ax).abs() - 0.014, ax - 0.09),
        c.skin[rows] * 0.78,
    )


def _trousers(c, rows):
    if len(rows) == 0:
        return
    y, ax = c.y[rows], c.x[rows].abs()
    trousers = palette(c.p("trousers_colour")[rows], c.p("base_light")[rows]) * 0.8
    hips = torch.maximum(ax - 0.36 - 0.06 * (y - 0.2).clamp(0, 0.6), 0.16 - y)
    _lay(c, rows, torch.maximum(hips, -(torch.maximum(ax - 0.015, 0.62 - y))), trousers, 0.14)


def _inner_top(c, rows):
    """What a person wears under an open front: a top with a round neck."""
    if len(rows) == 0:
        return
    x, y, ax = c.x[rows], c.y[rows], c.x[rows].abs()
    colour = apart(palette(c.p("inner_colour")[rows], c.p("inner_light")[rows]), c.base[rows], 0.22)
    top = torch.maximum(torch.maximum(ax - 0.33, -0.80 + 0.30 * ax - y), y - 0.30)
    _lay(c, rows, torch.maximum(top, -ellipse(x, y, 0.0, -0.82, 0.21, 0.24)), colour, 0.12)


def _bare_legs(c, rows):
    """Legs and shoes below a garment that hangs from the shoulders."""
    if len(rows):
        stance = cell(c.p("stance")[rows])
        _lay(c, rows, _legs(c.x[rows].abs(), c.y[rows] - BODY_SHIFT, stance), c.skin[rows], 0.11)
        _shoes(c, rows, c.y[rows] - BODY_SHIFT, stance)


def _shoes(c, rows, y, stance):
    ax = c.x[rows].abs()
    colour = palette(c.p("shoe_colour")[rows], c.p("hair_colour")[rows]) * 0.8
    foot = limb(ax, y, 0.175 + 0.08 * stance, 1.50, 0.205 + 0.09 * stance, 1.63, 0.060, 0.074)
    _lay(
        c,
        rows,
        torch.maximum(foot, 1.46 + 0.3 * (ax - 0.18 - 0.08 * stance).abs() - y),
        colour,
        0.05,
    )


def _legs(ax, y, stance):
    """Distance to both legs of a person whose waist is at y = -0.6."""
    return torch.minimum(
        limb(ax, y, 0.19, -0.25, 0.185 + 0.06 * stance, 0.62, 0.155, 0.095),
        limb(ax, y, 0.185 + 0.06 * stance, 0.62, 0.17 + 0.08 * stance, 1.5, 0.098, 0.06),
    )


def _lower_body(c, rows):
    y, ax = c.y[rows], c.x[rows].abs()
    shirt = palette(c.p("trousers_colour")[rows], c.p("base_light")[rows])
    torso = torch.maximum(ax - 0.29 - 0.12 * (-0.62 - y).clamp(min=0), y + 0.35)
    _lay(c, rows, torso, shirt, 0.16)
    swing = cell(c.p("arm_swing")[rows])
    arm = limb(ax, y, 0.40, -1.15, 0.50 + 0.08 * swing, -0.45, 0.085, 0.06)
    hand = limb(ax, y, 0.50 + 0.08 * swing, -0.45, 0.47 + 0.08 * swing, -0.12, 0.058, 0.048)
    _lay(c, rows, torch.minimum(arm, hand), c.skin[rows] * 0.97, 0.07)
    stance = cell(c.p("stance")[rows])
    _lay(c, rows, _legs(ax, y, stance), c.skin[rows], 0.11)
    _lay(
        c,
        rows,
        torch.maximum((ax - 0.185 - 0.06 * stance).abs() - 0.05, (y - 0.64).abs() - 0.010),
        c.skin[rows] * 0.86,
    )
    far = rows[c.long[rows]]
    if len(far):
        _shoes(c, far, c.y[far], cell(c.p("stance")[far]))


def _hanger(c, rows):
    x, y, ax = c.x[rows], c.y[rows], c.x[rows].abs()
    top = cell(torch.where(c.upper[rows], torch.full_like(c.top[rows], -0.80), c.top[rows]))
    upper = cell(c.upper[rows])
    wood = c.colour(0.55, 0.38, 0.22, rows=rows) * (0.7 + 0.6 * c.p("skin")[rows, None])
    bar = torch.where(
        upper,
        limb(ax, y, 0.0, -0.86, 0.36, -0.70, 0.025, 0.025),
        box(x, y, 0.0, top - 0.03, 0.30, 0.028, 0.02),
    )
    clips = box(ax, y, 0.20, top + 0.01, 0.032, 0.055, 0.01)
    bar = torch.where(upper, bar, torch.minimum(bar, clips))
    y0 = torch.where(upper, torch.full_like(top, -0.86), top - 0.05)
    hook = torch.minimum(
        limb(x, y, 0.0, y0, 0.0, y0 - 0.10, 0.010, 0.010),
        torch.maximum((torch.sqrt(x**2 + (y - y0 + 0.16) ** 2) - 0.06).abs() - 0.011, -(x + 0.02)),
    )
    _lay(c, rows, bar, wood)
    _lay(c, rows, hook, c.colour(0.45, 0.45, 0.45, rows=rows))
