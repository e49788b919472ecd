"""Marks of a make: grille and badge in front, lamps and badge behind, an emblem on the flank."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.cars.badges import ENAMEL, badge
from mtattr.twins.cars.canvas import Canvas, Decal
from mtattr.twins.cars.grilles import BADGE_PLACE, GRILLES
from mtattr.twins.cars.makes import MAKES
from mtattr.twins.cars.tail_lamps import TAIL_LAMPS

#: Materials: colour and gloss. The body's own paint is looked up.
MATERIALS = {
    "chrome": ((0.60, 0.61, 0.63), 3.2),
    "dark": ((0.022, 0.022, 0.025), 0.5),
    "steel": ((0.17, 0.17, 0.18), 0.8),
    "light": ((1.5, 1.6, 1.7), 1.0),
}


def front_scale(c: Canvas) -> Tensor:
    """Size of the front's parts against a sedan's, (B,)."""
    return (c.m.nose - c.m.floor) / 0.54


def grille_height(c: Canvas) -> Tensor:
    """Height of the grille's centre, (B,)."""
    return c.m.floor + 0.64 * (c.m.nose - c.m.floor)


def tail_height(c: Canvas) -> Tensor:
    """Height of the tail lamps' centre, (B,)."""
    return c.m.floor + 0.70 * (c.m.tail - c.m.floor)


def emblem_place(c: Canvas) -> tuple[Tensor, Tensor]:
    """Place (x, z) of the emblem on the flank, (B,) each: between the front wheel and the door."""
    return c.m.axle - c.m.wheel - 0.16, c.m.floor + 0.66 * (c.m.belt - c.m.floor)


def draw_marks(c: Canvas) -> None:
    """Paint each make's marks on the car's materials."""
    k = front_scale(c)
    body = c.on_cabin == 0
    front = c.decal(
        (c.nx > 0.30) & body & (c.px > c.of(c.m.front) - 0.25) & (c.py.abs() < 0.68 * c.of(k))
    )
    rear = c.decal((c.nx < -0.10) & body & (c.px < c.of(c.m.rear) + 0.42))
    x, z = emblem_place(c)
    side = c.decal(
        (c.ny > 0.55) & body & ((c.px - c.of(x)).abs() < 0.11) & ((c.pz - c.of(z)).abs() < 0.08)
    )
    for make in range(len(MAKES)):
        for decal, draw in ((front, _front), (rear, _rear), (side, _emblem)):
            if len(decal.spot):
                part = decal.only(decal.of(c.makes) == make)
                if len(part.spot):
                    draw(c, part, make)


def _paint(c: Canvas, d: Decal, alpha: Tensor, material: str) -> None:
    if material == "body":
        d.paint(alpha, d.of(c.paint), 1.0)
    else:
        colour, gloss = MATERIALS[material]
        d.paint(alpha, d.rgb(*colour), gloss)


def _front(c: Canvas, d: Decal, make: int) -> None:
    scale = d.of(front_scale(c)) * 1.12
    u, v = d.y / scale, (d.z - d.of(grille_height(c))) / scale
    where = ((d.nx - 0.30) * 7).clamp(0, 1)
    for distance, material in GRILLES[make](u, v):
        _paint(c, d, d.cover(distance * scale) * where, material)
    up, radius = BADGE_PLACE[make]
    _badge(c, d, make, u / radius, (v - up) / radius, scale * radius, where)


def _badge(c: Canvas, d: Decal, make: int, u: Tensor, v: Tensor, radius, where: Tensor) -> None:
    whole, sign = badge(make, u, v)
    d.paint(d.cover((whole - 0.12) * radius) * where, d.rgb(0.10, 0.10, 0.11), 1.0)
    d.paint(d.cover(whole * radius) * where, d.rgb(*ENAMEL[make]), 1.2)
    _paint(c, d, d.cover(sign * radius) * where, "chrome")


def _rear(c: Canvas, d: Decal, make: int) -> None:
    scale = d.of((c.m.tail - c.m.floor) / 0.80) * 1.15
    a, v = d.y.abs() * d.of(0.91 / c.m.width), (d.z - d.of(tail_height(c))) / scale
    where = ((-d.nx - 0.10) * 7).clamp(0, 1)
    lamp, core = TAIL_LAMPS[make](a, v)
    d.paint(d.cover((lamp - 0.014) * scale) * where, d.rgb(0.05, 0.015, 0.02), 1.2)
    lit = d.p("lamps_on") < 0.4
    d.paint(
        d.cover(lamp * scale) * where,
        torch.where(lit, d.rgb(1.15, 0.07, 0.06), d.rgb(0.50, 0.02, 0.03)),
        1.3,
    )
    d.paint(
        d.cover(core * scale) * where * 0.85,
        torch.where(lit, d.rgb(1.6, 0.75, 0.60), d.rgb(0.85, 0.30, 0.28)),
        1.3,
    )
    _badge(c, d, make, d.y / (0.085 * scale), (v - 0.075) / 0.085, 0.085 * scale, where)


def _emblem(c: Canvas, d: Decal, make: int) -> None:
    x, z = (d.of(place) for place in emblem_place(c))
    _badge(
        c, d, make, -(d.x - x) / 0.055, (d.z - z) / 0.055, 0.055, ((d.ny - 0.55) * 6).clamp(0, 1)
    )
