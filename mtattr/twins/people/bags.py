"""Bags of the pedestrians: backpacks, shoulder bags with their strap, handbags."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.shapes import box, cell, coverage
from mtattr.twins.people.canvas import Canvas
from mtattr.twins.people.solid import cushion, folded, light_on, lit, tube
from mtattr.twins.people.wardrobe import carried_colour

#: Half the width, height and depth of a backpack of middle size.
PACK = (0.090, 0.132, 0.062)


def pack_size(c: Canvas) -> Tensor:
    """Size of each backpack relative to `PACK`, (B,)."""
    return c.pick("backpack_size", 0.82, 1.16)


def backpack_behind(c: Canvas) -> None:
    """Backpacks of those who face the camera: what sticks out beside the trunk."""
    _pack(c, rows_of(c.wears.backpack & (c.figure.cos >= 0.12)))


def backpack_in_front(c: Canvas) -> None:
    """The backpacks of those whose side or back shows, and the straps over the chest."""
    w, f = c.wears, c.figure
    colour = carried_colour(c, "backpack_colour", "backpack_light")
    for side in (-1.0, 1.0):
        rows = rows_of(w.backpack & (f.cos - side * f.sin * 0.9 > 0.15))
        if len(rows):
            points = [
                f.at(side * 0.068, 0.860, 0.000),
                f.at(side * 0.072, 0.835, 0.042),
                f.at(side * 0.076, 0.770, 0.064),
                f.at(side * 0.088, 0.685, 0.046),
            ]
            width = f.unit[rows] * (0.014 + 0.005 * c.p("backpack_kind")[rows])
            tube(c, rows, f.rows(points, rows), [width] * 4, 0.45 * colour[rows] + 0.03, cut=True)
    _pack(c, rows_of(w.backpack & (f.cos < 0.12)))


def _pack(c: Canvas, rows: Tensor) -> None:
    if not len(rows):
        return
    f = c.figure
    size = pack_size(c)[rows]
    colour = carried_colour(c, "backpack_colour", "backpack_light")[rows]
    u = f.unit[rows]
    centre = f.rows([f.at(0.0, 0.715, -(f.chest[1] + 0.046 * pack_size(c)))], rows)[0]
    cos, sin = f.cos[rows], f.sin[rows]
    half = torch.sqrt((PACK[0] * cos) ** 2 + (PACK[2] * sin) ** 2) * size * u
    high = PACK[1] * size * u
    spot = c.patch(rows, centre[0], centre[1], half + 0.024, high + 0.024)
    d, nx, ny = cushion(spot.x, spot.y, centre[0], centre[1], half, high, 0.034)
    light = light_on(c, rows, nx, ny) * folded(c, spot, 0.05)
    px, py = (spot.x - cell(centre[0])) / cell(half), (spot.y - cell(centre[1])) / cell(high)
    alpha = coverage(d, spot.pixel)
    c.darken(spot, 0.40 * coverage(d - 0.010, 0.024) * cell((-cos * 3).clamp(0, 1)))
    c.blend(spot, alpha, lit(colour, light))
    back = (-cos).clamp(0, 1)
    accent = colour * 0.50 + 0.38 * (colour.mean(1, keepdim=True) < 0.35).float()
    # A pocket low on the back and a zip in an arc above it, in halves of the pack.
    pixel = 2 * spot.pixel / cell(high)
    pocket = box(px, py, 0.0, 0.46, 0.66, 0.38, 0.2)
    seam = coverage(pocket.abs() - 0.035, pixel, 0.02)
    arc = torch.sqrt((px * 0.9) ** 2 + (py + 0.02) ** 2) - 0.72
    zip_ = coverage(arc.abs() - 0.03, pixel, 0.02) * (py < 0.0)
    c.blend(spot, alpha * torch.maximum(seam, zip_) * cell(0.25 + 0.65 * back), lit(accent, light))
    c.darken(spot, 0.16 * coverage(pocket, 0.05) * alpha * cell(back))


def draw_bag(c: Canvas) -> None:
    """A bag at the hip on a strap: across the chest, or from the near shoulder."""
    w, f = c.wears, c.figure
    rows = rows_of(w.bag)
    if not len(rows):
        return
    side = torch.where(c.p("bag_side") < 0.5, -1.0, 1.0)
    crossed = c.p("bag_kind") < 0.6
    colour = carried_colour(c, "bag_colour", "bag_light")
    shoulder, hip = strap_ends(c, side, crossed)
    strap = colour * 0.75 + 0.04
    facing = torch.where(f.cos >= 0, 1.0, -1.0)
    # The strap bends over the side of the trunk that faces the camera.
    bent = [(share, facing * out) for share, out in ((0.22, 0.062), (0.5, 0.072), (0.78, 0.050))]
    points = [
        f.at(*shoulder),
        *(f.at(*strap_point(shoulder, hip, share), z) for share, z in bent),
        f.at(*hip),
    ]
    width = (0.008 + 0.006 * c.p("bag_light"))[rows] * f.unit[rows]
    near = (-hip[0] * f.sin + 0.02 > -0.085)[rows]
    tube(c, rows, f.rows(points, rows), [width] * 5, strap[rows], cut=True)
    some = rows[near]
    if not len(some):
        return
    size = c.pick("bag_size", 0.9, 1.35)[some]
    centre = bag_centre(c, side)
    x, y = centre[0][some], centre[1][some]
    u = f.unit[some]
    half = torch.sqrt((0.034 * f.cos[some]) ** 2 + (0.080 * f.sin[some]) ** 2) * size * u
    high = 0.058 * size * u
    spot = c.patch(some, x, y, half + 0.012, high + 0.012)
    d, nx, ny = cushion(spot.x, spot.y, x, y, half, high, 0.018)
    light = light_on(c, some, nx, ny) * folded(c, spot, 0.04)
    alpha = coverage(d, spot.pixel)
    c.darken(spot, 0.30 * coverage(d - 0.006, 0.016))
    c.blend(spot, alpha, lit(colour[some], light))
    flap = (spot.y - cell(y)) / cell(high)
    c.darken(spot, 0.30 * coverage((flap - 0.05).abs() - 0.06, 0.10) * alpha)


def strap_ends(c: Canvas, side: Tensor, crossed: Tensor) -> tuple[tuple, tuple]:
    """Both ends of a bag's strap in body coordinates: a shoulder, and the hip of `side`."""
    zero = torch.zeros_like(side)
    shoulder = torch.where(crossed, -side, side) * 0.075
    return (shoulder, zero + 0.858, zero + 0.01), (
        side * (0.105 + 0.02 * c.p("bag_size")),
        zero + 0.55,
        zero,
    )


def strap_point(shoulder: tuple, hip: tuple, share: float) -> tuple[Tensor, Tensor]:
    """Where across and how high a strap runs at a share of its way, as seen from the front."""
    return tuple(a + (b - a) * share for a, b in zip(shoulder[:2], hip[:2], strict=True))


def bag_centre(c: Canvas, side: Tensor):
    """Middle of a shoulder bag on the screen."""
    zero = torch.zeros_like(side)
    return c.figure.at(
        side * (0.118 + 0.012 * c.p("bag_size")), zero + c.pick("bag_kind", 0.52, 0.47), zero - 0.01
    )


def draw_handbag(c: Canvas, near: bool) -> None:
    """A handbag or shopping bag that hangs from a hand, if that hand is the near (far) one."""
    w, f = c.wears, c.figure
    left = c.p("handbag_side") < 0.5
    in_near = left == f.left_is_near
    rows = rows_of(w.handbag & (in_near == near))
    if not len(rows):
        return
    arm = f.near_arm if near else f.far_arm
    x, y = (2 * arm[2][k][rows] - arm[1][k][rows] for k in (0, 1))
    x, y = torch.lerp(arm[2][0][rows], x, 0.16), torch.lerp(arm[2][1][rows], y, 0.16)
    u = f.unit[rows]
    size = c.pick("handbag_size", 0.9, 1.4)[rows]
    tall = torch.where(c.p("handbag_kind")[rows] < 0.45, 1.35, 0.90)
    half = torch.sqrt((0.030 * f.cos[rows]) ** 2 + (0.075 * f.sin[rows]) ** 2) * size * u
    half = half.clamp(min=0.036 * 0.9)
    high = 0.050 * size * tall * u
    colour = carried_colour(c, "handbag_colour", "handbag_light")[rows]
    plastic = (c.p("handbag_kind")[rows] < 0.45)[:, None]
    colour = torch.where(plastic, colour * 0.45 + 0.5, colour)
    drop = 0.040 * u
    for s in (-0.6, 0.6):
        tube(c, rows, [(x, y), (x + s * half, y + drop)], [0.0045 * u, 0.0045 * u], colour * 0.7)
    cy = y + drop + high * 0.95
    spot = c.patch(rows, x, cy, half * 1.2 + 0.01, high + 0.012)
    # Bags widen a little towards the bottom.
    spread = 1 + 0.14 * (spot.y - cell(cy)) / cell(high)
    d, nx, ny = cushion(cell(x) + (spot.x - cell(x)) / spread, spot.y, x, cy, half, high, 0.014)
    c.blend(
        spot,
        coverage(d, spot.pixel),
        lit(colour, light_on(c, rows, nx, ny) * folded(c, spot, 0.08)),
    )
    c.darken(
        spot,
        0.22
        * coverage(((spot.y - cell(cy)) / cell(high) + 0.72).abs() - 0.10, 0.10)
        * coverage(d, spot.pixel),
    )


def draw_stick(c: Canvas) -> None:
    """A walking stick in the near hand of many of the old."""
    f = c.figure
    rows = rows_of((c.wears.age == 3) & (c.p("stance") < 0.7))
    if not len(rows):
        return
    hand = f.rows([f.near_arm[2]], rows)[0]
    unit = f.unit[rows]
    x, y = hand[0] + 0.012 * f.sin[rows] * unit, hand[1] + 0.016 * unit
    wood = torch.tensor([[0.30, 0.18, 0.10]], device=c.device).expand(len(rows), 3)
    tip = (x + 0.03 * f.sin[rows] * unit, torch.full_like(x, 0.5) + hand[2] * f.pitch[rows])
    tube(
        c,
        rows,
        [(x - 0.022 * unit, y), (x, y - 0.010 * unit), (x, y), tip],
        [0.0075 * unit] * 4,
        wood,
    )
