"""Others in a street: people, bicycles, cars, poles, planters, behind or in front."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.drawing.canvas import by_range, rows_of
from mtattr.twins.drawing.colour import over, palette, times
from mtattr.twins.drawing.frame import Frame
from mtattr.twins.drawing.patterns import noise
from mtattr.twins.drawing.shapes import box, cell, ellipse, limb
from mtattr.twins.people.canvas import ASPECT, Canvas
from mtattr.twins.people.solid import ellipsoid, lit
from mtattr.twins.people.wardrobe import HAIRS, SKINS


def draw_behind(c: Canvas) -> None:
    """Things and passers-by behind the pedestrian, out of focus."""
    there = c.p("furniture") < 0.62
    for kind, draw in THINGS.items():
        rows = c.before("furniture", kind)
        rows = rows[there[rows]]
        if len(rows):
            place = c.pick("furniture_x", -0.75, 0.75)[rows]
            draw(
                c,
                rows,
                place,
                c.pick("furniture", 0.10, 0.30)[rows],
                torch.full_like(place, 0.62),
                "furniture_colour",
                0.016,
            )
    rows = rows_of(c.p("bystander") < 0.34)
    if len(rows):
        size = 0.55 + 0.3 * c.p("bystander_y")[rows]
        x = (
            torch.where(c.p("bystander_x")[rows] < 0.5, -0.14, 0.14)
            + (c.p("bystander_x")[rows] - 0.5) * 0.62
        )
        _person(c, rows, x, 0.5 - 0.55 * (1 - size), size, "bystander_colour", 0.020)


def draw_in_front(c: Canvas) -> None:
    """What hides a part of the pedestrian in about one image of five."""
    shown, kind = c.p("occluder") < 0.20, c.p("occluder_kind")
    side = torch.where(c.p("occluder_x") < 0.5, -1.0, 1.0)
    x = side * c.pick("occluder_size", 0.20, 0.36)
    kinds = (
        (
            0.00,
            0.34,
            _person,
            x * 1.15,
            c.pick("occluder_y", 0.58, 0.80),
            c.pick("occluder_size", 1.02, 1.15),
        ),
        (
            0.34,
            0.56,
            _pole,
            c.pick("occluder_x", -0.22, 0.22),
            c.pick("occluder_y", 0.55, 0.65),
            c.pick("occluder_size", 0.9, 1.2),
        ),
        (
            0.56,
            0.80,
            _bicycle,
            c.pick("occluder_x", -0.25, 0.25),
            c.pick("occluder_y", 0.56, 0.66),
            c.pick("occluder_size", 0.95, 1.1),
        ),
        (
            0.80,
            0.92,
            _car,
            side * 0.55,
            c.pick("occluder_y", 0.74, 0.88),
            c.pick("occluder_size", 0.9, 1.1),
        ),
        (
            0.92,
            1.00,
            _planter,
            c.pick("occluder_x", -0.3, 0.3),
            c.pick("occluder_y", 0.58, 0.68),
            c.pick("occluder_size", 0.9, 1.2),
        ),
    )
    for rows, draw, place, level, size in by_range(kind, kinds, shown):
        draw(c, rows, place[rows], level[rows], size[rows], "occluder_colour", 0.004)


def _local(
    c: Canvas, rows: Tensor, x: Tensor, level: Tensor, size: Tensor, soft: float
) -> tuple[Frame, Tensor]:
    """A frame of these images with `size` heights as unit and the ground at y = 0."""
    f = c.frame
    cos, sin, scale = torch.cos(f.angle[rows]), torch.sin(f.angle[rows]), f.scale[rows]
    centre_x = f.centre_x[rows] + scale * (x * cos - level * sin)
    centre_y = f.centre_y[rows] + scale * (x * sin + level * cos)
    frame = Frame(c.image_shape, centre_x, centre_y, scale * size, f.angle[rows], ASPECT)
    return frame, soft / size


class Layer:
    """Painting in a frame of one's own, in some images; `x, y`, `edge` are in its unit."""

    def __init__(
        self,
        c: Canvas,
        rows: Tensor,
        place: tuple[Tensor, Tensor, Tensor],
        soft: float,
        where: tuple[float, float, float, float],
    ) -> None:
        self.c = c
        frame, soft_width = _local(c, rows, *place, soft)
        every = torch.arange(len(rows), device=c.device)
        spot = frame.patch(every, *(torch.full_like(place[0], v) for v in where), rows)
        self.x, self.y, self.inside = spot.x, spot.y, spot.inside.float()
        self.edge = spot.pixel + cell(soft_width)
        self.spot = spot
        self.picture = spot.read(c.picture)

    def lay(self, distance: Tensor, colour: Tensor, opacity: float = 1.0) -> None:
        """Paint a shape given by its signed distance; colour is (n, 3) or (n, 3, h, w)."""
        alpha = torch.clamp(0.5 - distance / self.edge, 0, opacity)
        self.picture = over(self.picture, colour, alpha)

    def darken(self, amount: Tensor) -> None:
        """Multiply the light by 1 - `amount` (n, h, w)."""
        self.picture = times(self.picture, 1 - amount)

    def done(self) -> None:
        """Put the painted spot into the canvas."""
        self.spot.write(
            self.c.picture, over(self.spot.read(self.c.picture), self.picture, self.inside)
        )


def _person(
    c: Canvas, rows: Tensor, x: Tensor, level: Tensor, size: Tensor, pick: str, soft: float
) -> None:
    """A passer-by: legs, trunk with arms, head with hair, each with round shading."""
    layer = Layer(c, rows, (x, level, size), soft, (0.0, -0.5, 0.20, 0.53))
    number = c.p(pick)[rows]
    other = (number * 7.13) % 1
    up, down = palette(number, other), palette(other, number) * 0.55
    skin = torch.tensor(SKINS, device=c.device)[(other * len(SKINS)).long()]
    hair = torch.tensor(HAIRS, device=c.device)[(number * len(HAIRS)).long()]
    px, py, step = layer.x, layer.y, cell(0.03 + 0.06 * other)
    shadow = torch.exp(-((px / 0.13) ** 2 + ((py - 0.005) / 0.022) ** 2))
    layer.darken(0.4 * shadow)
    for side in (-1, 1):
        leg = limb(px, py, 0.04 * side, -0.50, 0.04 * side + side * step * 0.8, -0.04, 0.062, 0.034)
        round_ = 1 - 0.35 * ((px - 0.04 * side) / 0.06).clamp(-1, 1) ** 2
        layer.lay(leg, times(down, round_ * (0.86 if side < 0 else 1.0)).clamp(0, 1))
        layer.lay(
            ellipse(px, py, 0.045 * side + side * step, -0.018, 0.042, 0.022),
            torch.full_like(up, 0.12),
        )
    light = (
        1.05
        - 0.35 * (px / 0.13).clamp(-1, 1) ** 2
        + 0.12 * cell(c.light_x[rows]) * (px / 0.13).clamp(-1, 1)
    )
    for side in (-1, 1):
        arm = limb(px, py, 0.118 * side, -0.79, 0.148 * side, -0.50 + step, 0.038, 0.026)
        layer.lay(arm, lit(up, light * 0.92))
        layer.lay(ellipse(px, py, 0.150 * side, -0.475 + step, 0.019, 0.026), skin * 0.9)
    trunk = torch.maximum(
        px.abs() - 0.112 - 0.02 * torch.sin((py + 0.65) * 9),
        torch.maximum(-0.850 + 0.25 * px.abs() - py, py + 0.47),
    )
    layer.lay(trunk - 0.004, lit(up, light))
    layer.lay(limb(px, py, 0.0, -0.89, 0.0, -0.84, 0.030, 0.036), skin * 0.82)
    d, nx, _ = ellipsoid(px, py, 0.0, -0.93, 0.045, 0.066)
    layer.lay(d, lit(skin, 1.02 - 0.25 * nx * nx))
    back = cell((other < 0.5).float())
    cap = torch.maximum(ellipse(px, py, 0.0, -0.945, 0.050, 0.062), py + 0.955 - 0.06 * back)
    layer.lay(cap, hair)
    layer.done()


def _bicycle(
    c: Canvas, rows: Tensor, x: Tensor, level: Tensor, size: Tensor, pick: str, soft: float
) -> None:
    """A parked bicycle from its side."""
    layer = Layer(c, rows, (x, level, size), soft, (0.0, -0.28, 0.58, 0.32))
    colour = palette(c.p(pick)[rows], c.p(pick)[rows]) * 0.85
    px, py = layer.x, layer.y
    layer.darken(0.35 * torch.exp(-((px / 0.45) ** 2 + (py / 0.02) ** 2)))
    dark = torch.full_like(colour, 0.09)
    for cx in (-0.30, 0.30):
        r = torch.sqrt((px - cx) ** 2 + (py + 0.19) ** 2)
        layer.lay((r - 0.178).abs() - 0.012, dark)
        layer.lay((r - 0.160).abs() - 0.004, torch.full_like(colour, 0.62), 0.8)
        layer.lay(r - 0.022, torch.full_like(colour, 0.35))
        spokes = torch.sin(torch.atan2(py + 0.19, px - cx) * 9).abs() * r - 0.004
        layer.lay(torch.maximum(spokes, r - 0.155), torch.full_like(colour, 0.60), 0.35)
    frame = (
        (-0.30, -0.19, -0.14, -0.42),
        (-0.14, -0.42, 0.20, -0.43),
        (-0.04, -0.19, 0.20, -0.43),
        (-0.14, -0.42, -0.04, -0.19),
        (-0.30, -0.19, -0.04, -0.19),
        (0.20, -0.43, 0.30, -0.19),
        (0.18, -0.50, 0.20, -0.43),
    )
    for ax, ay, bx, by in frame:
        layer.lay(limb(px, py, ax, ay, bx, by, 0.012, 0.012), colour)
    layer.lay(limb(px, py, 0.14, -0.52, 0.23, -0.50, 0.011, 0.011), dark)
    layer.lay(limb(px, py, -0.20, -0.475, -0.10, -0.46, 0.022, 0.013), dark)
    layer.lay(ellipse(px, py, -0.04, -0.19, 0.045, 0.045), torch.full_like(colour, 0.30))
    layer.done()


def _pole(
    c: Canvas, rows: Tensor, x: Tensor, level: Tensor, size: Tensor, pick: str, soft: float
) -> None:
    """A lamp post with a base."""
    layer = Layer(c, rows, (x, level, size), soft, (0.0, -0.95, 0.09, 1.0))
    px, py = layer.x, layer.y
    shade = 0.30 + 0.35 * c.p(pick)[rows]
    light = 0.65 + 0.55 * torch.sqrt((1 - ((px - 0.012) / 0.055) ** 2).clamp(min=0))
    colour = times(torch.stack([shade, shade * 1.02, shade * 1.02], 1), light).clamp(0, 1)
    layer.lay(torch.maximum(px.abs() - 0.028, py), colour)
    layer.lay(box(px, py, 0.0, -0.10, 0.044, 0.10, 0.01), colour * 0.9)
    layer.done()


def _planter(
    c: Canvas, rows: Tensor, x: Tensor, level: Tensor, size: Tensor, pick: str, soft: float
) -> None:
    """A stone tub with a shrub."""
    layer = Layer(c, rows, (x, level, size), soft, (0.0, -0.26, 0.26, 0.30))
    px, py = layer.x, layer.y
    tile = c.tile(pick, 32)[rows]
    layer.darken(0.4 * torch.exp(-((px / 0.24) ** 2 + (py / 0.025) ** 2)))
    leaf = _leaves(px, py, tile)
    green = times(torch.tensor([[0.26, 0.40, 0.20]], device=c.device), 0.85 + 0.45 * leaf)
    layer.lay(ellipse(px, py, 0.0, -0.34, 0.19, 0.17) + 0.018 * leaf, green.clamp(0, 1))
    round_ = 1.0 - 0.5 * (px / 0.25) ** 2 + 0.25 * (px / 0.25) * cell(c.light_x[rows])
    stone = times(torch.tensor([[0.62, 0.60, 0.56]], device=c.device), round_)
    layer.lay(
        torch.maximum(px.abs() - 0.165 + 0.10 * (py + 0.2), (py + 0.11).abs() - 0.11),
        stone.clamp(0, 1),
    )
    layer.lay(box(px, py, 0.0, -0.225, 0.205, 0.022, 0.008), (stone * 1.08).clamp(0, 1))
    layer.done()


def _leaves(x: Tensor, y: Tensor, tile: Tensor) -> Tensor:
    """Leaves: coarse and fine noise in about [-1, 1]."""
    return (0.45 * noise(x * 0.9, y * 0.9, tile) + 0.35 * noise(x * 2.2, y * 2.2, tile + 3)).clamp(
        -1, 1
    )


def _car(
    c: Canvas, rows: Tensor, x: Tensor, level: Tensor, size: Tensor, pick: str, soft: float
) -> None:
    """The side of a parked car."""
    layer = Layer(c, rows, (x, level, size), soft, (0.0, -0.42, 1.35, 0.50))
    px, py = layer.x, layer.y
    colour = palette(c.p(pick)[rows], c.p(pick)[rows])
    layer.darken(0.5 * torch.exp(-((px / 1.1) ** 2 + (py / 0.03) ** 2)))
    body = box(px, py, 0.0, -0.30, 1.20, 0.22, 0.12)
    cabin = torch.maximum(px.abs() - 0.70 - 0.9 * (py + 0.50), (py + 0.62).abs() - 0.17)
    gleam = (
        0.82
        + 0.38 * torch.exp(-(((py + 0.45) / 0.06) ** 2))
        - 0.25 * ((py + 0.10) / 0.3).clamp(0, 1)
    )
    layer.lay(torch.minimum(body, cabin), lit(colour, gleam))
    glass = torch.maximum(
        torch.maximum(px.abs() - 0.64 - 0.9 * (py + 0.50), (py + 0.61).abs() - 0.12),
        0.025 - (px - 0.05).abs(),
    )
    layer.lay(
        glass,
        times(torch.tensor([[0.20, 0.24, 0.28]], device=c.device), 1.2 - 1.6 * (py + 0.61)).clamp(
            0, 1
        ),
    )
    for cx in (-0.74, 0.74):
        r = torch.sqrt((px - cx) ** 2 + (py + 0.16) ** 2)
        layer.lay(r - 0.185, torch.full_like(colour, 0.06))
        layer.lay(r - 0.105, torch.full_like(colour, 0.58))
    layer.done()


THINGS = {"bicycle": _bicycle, "planter": _planter, "pole": _pole, "car": _car}
