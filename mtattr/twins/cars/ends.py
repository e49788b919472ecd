"""Front and rear of the lower body without the marks of its make."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.cars.canvas import Canvas, Decal
from mtattr.twins.cars.makes import BODIES
from mtattr.twins.cars.marks import front_scale, grille_height
from mtattr.twins.drawing.shapes import box

PICKUP = BODIES.index("pickup")


def draw_front(c: Canvas) -> None:
    """Head lamps, air intakes, bonnet line and front plate."""
    d = c.decal(
        (c.nx > 0.16)
        & (c.on_cabin == 0)
        & (c.pz < c.of(c.m.nose) + 0.06)
        & (c.px > c.of(c.m.front) - 0.55)
    )
    where = ((d.nx - 0.16) * 8).clamp(0, 1)
    k, height = d.of(front_scale(c)), d.of(grille_height(c))
    a, v = d.y.abs() * d.of(0.91 / c.m.width), (d.z - height) / k
    dark = d.rgb(0.03, 0.03, 0.033)
    d.paint(
        d.cover((v + 0.27) * k) * where * d.of(c.m.cladding > 0), d.rgb(0.075, 0.075, 0.08), 0.25
    )
    openings = torch.minimum(
        box(a, v, 0.0, -0.285, 0.50, 0.045, 0.03),
        box(a - 0.3 * v, v, 0.79, -0.225, 0.075, 0.065, 0.03),
    )
    d.paint(d.cover(openings * k) * where, dark, 0.3)
    fog = torch.sqrt((a - 0.72) ** 2 + (v + 0.225) ** 2) - 0.030
    d.paint(d.cover(fog * k) * where, d.rgb(0.75, 0.76, 0.78), 2.5)
    shut = torch.maximum((v - 0.165 + 0.05 * a * a).abs() - 0.007, a - 0.66)
    d.paint(d.cover(shut * k) * where * 0.7, d.of(c.paint) * 0.15, 0.3)
    d.paint(d.cover((v + 0.345) * k) * where, dark, 0.2)
    _head_lamps(d.only((a > 0.40) & (v > -0.12)), c)
    low = d.only((a < 0.32) & (v < -0.08))
    _plate(
        c,
        low,
        low.of(grille_height(c) - front_scale(c) * (0.215 + 0.06 * c.p("plate_place"))),
        ((low.nx - 0.16) * 8).clamp(0, 1),
    )


def _head_lamps(d: Decal, c: Canvas) -> None:
    where = ((d.nx - 0.16) * 8).clamp(0, 1)
    k = d.of(front_scale(c))
    a, v = d.y.abs() * d.of(0.91 / c.m.width), (d.z - d.of(grille_height(c))) / k
    style = d.p("lamp_style")
    slim = box(a, v - 0.16 * (a - 0.6), 0.675, 0.085, 0.185, 0.036, 0.03)
    block = box(a, v - 0.06 * (a - 0.6), 0.69, 0.065, 0.155, 0.072, 0.05)
    drop = torch.sqrt(((a - 0.69) / 1.35) ** 2 + (v - 0.07 - 0.15 * (a - 0.69)) ** 2) - 0.085
    lamp = torch.where(style < 0.4, slim, torch.where(style < 0.75, block, drop))
    d.paint(d.cover((lamp - 0.010) * k) * where, d.rgb(0.02, 0.02, 0.025), 1.5)
    d.paint(d.cover(lamp * k) * where, d.rgb(0.34, 0.36, 0.39), 2.4)
    lit = (d.p("lamps_on") < 0.4).float()
    eyes = torch.minimum(
        torch.sqrt((a - 0.625) ** 2 + (v - 0.075) ** 2),
        torch.sqrt((a - 0.745) ** 2 + (v - 0.09) ** 2),
    )
    size = torch.where(style < 0.4, 0.024, 0.036)
    d.paint(d.cover((eyes - size - 0.010) * k) * where, d.rgb(0.10, 0.10, 0.11), 1.5)
    glow = torch.lerp(d.rgb(0.80, 0.83, 0.86), d.rgb(1.6, 1.6, 1.5), lit)
    d.paint(d.cover((eyes - size) * k) * where, glow, 2.2)
    day = torch.maximum((lamp + 0.012).abs() - 0.008, v - 0.085)
    d.paint(d.cover(day * k) * where * (0.5 + 0.5 * lit), glow, 1.5)


def _plate(c: Canvas, d: Decal, height: Tensor, where: Tensor) -> None:
    """A plate with seven invented signs."""
    u, v = d.y, d.z - height
    plate = box(u, v, 0.0, 0.0, 0.25, 0.056, 0.01)
    kind = d.p("plate")
    blue = (kind >= 0.55) & (kind < 0.8)
    ground = torch.where(
        kind < 0.55,
        d.rgb(0.86, 0.86, 0.84),
        torch.where(blue, d.rgb(0.07, 0.17, 0.55), d.rgb(0.88, 0.76, 0.20)),
    )
    d.paint(d.cover(plate - 0.010) * where, d.rgb(0.05, 0.05, 0.055), 0.4)
    d.paint(d.cover(plate) * where, ground, 0.25)
    place = (u / 0.066).floor()
    x = u - (place + 0.5) * 0.066
    # Each sign is a block with a gap somewhere; the gap's place is a fixed mixture of the sign's
    # place and the scene's number.
    mixed = torch.sin(place * 12.9898 + d.p("plate_seed") * 78.233)
    gap_x, gap_y = torch.sin(mixed * 917.0) * 0.012, torch.sin(mixed * 531.0) * 0.02
    sign = torch.maximum(
        torch.maximum(x.abs() - 0.023, v.abs() - 0.036), -box(x, v, gap_x, gap_y, 0.009, 0.017)
    )
    ink = torch.where(blue, d.rgb(0.9, 0.9, 0.9), d.rgb(0.06, 0.06, 0.07))
    d.paint(d.cover(torch.maximum(sign, u.abs() - 0.225)) * where, ink, 0.25)


def draw_rear(c: Canvas) -> None:
    """Boot line, bumper, plate, reflectors and exhausts."""
    d = c.decal((c.nx < -0.16) & (c.on_cabin == 0) & (c.px < c.of(c.m.rear) + 0.45))
    where = ((-d.nx - 0.16) * 8).clamp(0, 1)
    k = d.of((c.m.tail - c.m.floor) / 0.80)
    a, v = d.y.abs() * d.of(0.91 / c.m.width), (d.z - d.of(c.m.floor)) / k
    bumper = torch.where(d.of(c.m.cladding) > 0, 0.30, 0.13)
    d.paint(d.cover((v - bumper) * k) * where, d.rgb(0.07, 0.07, 0.075), 0.3)
    line = torch.maximum((v - 0.37).abs() - 0.008, a - 0.86)
    sides = torch.maximum((a - 0.62 + 0.1 * (v - 0.4)).abs() - 0.008, 0.37 - v)
    d.paint(d.cover(torch.minimum(line, sides) * k) * where * 0.7, d.of(c.paint) * 0.15, 0.3)
    pipe = box(a, v, 0.56, 0.055, 0.085, 0.030, 0.03)
    d.paint(d.cover((pipe - 0.012) * k) * where, d.rgb(0.5, 0.5, 0.52), 2.5)
    d.paint(d.cover(pipe * k) * where, d.rgb(0.02, 0.02, 0.02), 0.2)
    d.paint(
        d.cover(box(a, v, 0.68, 0.20, 0.07, 0.016, 0.01) * k) * where, d.rgb(0.55, 0.04, 0.04), 1.0
    )
    low = d.only(a < 0.32)
    up = torch.where(c.p("plate_place") < 0.6, 0.475, 0.255)
    _plate(
        c,
        low,
        low.of(c.m.floor + (c.m.tail - c.m.floor) / 0.80 * up),
        ((-low.nx - 0.16) * 8).clamp(0, 1),
    )


def draw_bed(c: Canvas) -> None:
    """The open bed of a pickup, seen from above."""
    open_bed = c.bodies == PICKUP
    if not open_bed.any():
        return
    d = c.decal(
        c.of(open_bed) & (c.nz > 0.55) & (c.on_cabin == 0) & (c.px < c.of(c.m.deck[:, 0]) + 0.05)
    )
    middle, half = d.of((c.m.deck[:, 0] + c.m.rear) / 2), d.of((c.m.deck[:, 0] - c.m.rear) / 2)
    bed = box(d.x, d.y, middle, 0.0, half - 0.10, d.of(c.m.width) - 0.15, 0.03)
    d.paint(d.cover(bed) * ((d.nz - 0.55) * 6).clamp(0, 1), d.rgb(0.03, 0.03, 0.033), 0.1)
