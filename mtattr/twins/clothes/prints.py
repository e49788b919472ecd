"""Prints of the clothing twin: patterns that cover the cloth and follow its folds."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.clothes.canvas import Canvas
from mtattr.twins.drawing.colour import plane
from mtattr.twins.drawing.patterns import cells, noise, stripes, zigzag
from mtattr.twins.drawing.shapes import cell, heart, star


def draw_prints(c: Canvas) -> None:
    """Draw every print of the batch on its images' cloth."""
    for name, draw in PRINTS.items():
        rows = c.rows(name)
        if len(rows):
            draw(c, rows, Print(c, rows))


class Print:
    """Coordinates u, v (n, H, W) and colours of a print on images `rows`, along the folds."""

    def __init__(self, c: Canvas, rows: Tensor) -> None:
        angle = cell(c.pick("print_angle", -0.15, 0.15)[rows])
        x = c.x[rows] + 0.02 * c.folds[rows]
        y = c.y[rows] + 0.012 * c.folds[rows]
        self.u = x + angle * y + cell(c.p("print_offset_u")[rows])
        self.v = y - angle * x + cell(c.p("print_offset_v")[rows])
        self.size = cell(c.pick("print_scale", 1.0, 1.55)[rows])
        self.pixel = c.pixel[rows]
        self.seed = cell(c.tile("print_seed")[rows])
        self.base, self.second, self.accent = c.base[rows], c.second[rows], c.accent[rows]
        self.tile = self.seed[:, 0, 0]

    def ink(self, distance: Tensor) -> Tensor:
        """Antialiased opacity of a printed shape."""
        return torch.clamp(0.5 - distance / self.pixel, 0, 1)


def _floral(c, rows, p):
    period = 0.26 * p.size
    x, y, random = cells(p.u, p.v, period, p.seed, 0.3, brick=True)
    turn = random[2] * 6.28
    cos, sin = torch.cos(turn), torch.sin(turn)
    fx, fy = x * cos + y * sin, y * cos - x * sin
    radius = period * (0.25 + 0.08 * random[3])
    leaf = (
        torch.sqrt((fx * 0.8 + radius * 0.5) ** 2 + (fy * 2.2 - radius * 0.9) ** 2) - radius * 0.75
    )
    c.wash(rows, p.ink(leaf) * 0.9, c.colour(0.30, 0.45, 0.27, rows=rows))
    petals = torch.where((random[0] > 0.45)[:, None], plane(p.second), plane(p.accent))
    c.wash(rows, p.ink(star(fx, fy, radius, 5, 0.42)), petals)
    c.wash(
        rows,
        p.ink(torch.sqrt(fx**2 + fy**2) - radius * 0.30),
        c.colour(0.93, 0.76, 0.25, rows=rows),
    )


def _dots(c, rows, p):
    period = 0.155 * p.size
    x, y, _ = cells(p.u, p.v, period, p.seed, brick=True)
    c.wash(rows, p.ink(torch.sqrt(x * x + y * y) - period * 0.27), p.second)


def _stripe(axis, period, width, colour="second"):
    def draw(c, rows, p):
        step = period * p.size
        c.wash(rows, stripes(getattr(p, axis), step, step * width, p.pixel), getattr(p, colour))

    return draw


def _plaid(c, rows, p):
    step = 0.30 * p.size
    for axis in (p.u, p.v):
        c.wash(rows, 0.5 * stripes(axis, step, step * 0.42, p.pixel), p.second)
        c.wash(rows, 0.8 * stripes(axis, step, step * 0.07, p.pixel, 0.5), p.accent)


def _gingham(c, rows, p):
    step = 0.13 * p.size
    white = torch.full_like(p.base, 0.95)
    c.wash(rows, torch.ones_like(p.u), white)
    ink = 0.5 * stripes(p.u, step, step * 0.5, p.pixel) + 0.5 * stripes(
        p.v, step, step * 0.5, p.pixel
    )
    c.wash(rows, ink, torch.minimum(p.base, torch.full_like(p.base, 0.6)))


def _grid(c, rows, p):
    step = 0.19 * p.size
    ink = torch.maximum(*(stripes(axis, step, step * 0.13, p.pixel) for axis in (p.u, p.v)))
    c.wash(rows, ink, p.second)


def _leopard(c, rows, p):
    c.wash(
        rows,
        torch.ones_like(p.u),
        c.colour(0.80, 0.62, 0.38, rows=rows) * (0.85 + 0.3 * p.base.mean(1, keepdim=True)),
    )
    period = 0.16 * p.size
    x, y, random = cells(p.u, p.v, period, p.seed, 0.25, brick=True)
    wobble = torch.atan2(y, x)
    r = torch.sqrt(x * x + y * y) / period
    size = 0.21 + 0.08 * random[2] + 0.03 * torch.cos(3 * wobble + 6.28 * random[3])
    c.wash(rows, p.ink((r - size) * period), c.colour(0.58, 0.36, 0.17, rows=rows))
    broken = (torch.cos(2 * wobble + 6.28 * random[0]) > -0.75).float()
    c.wash(
        rows,
        p.ink(((r - size).abs() - 0.07) * period) * broken,
        c.colour(0.12, 0.08, 0.06, rows=rows),
    )


def _zebra(c, rows, p):
    c.wash(rows, torch.ones_like(p.u), torch.full_like(p.base, 0.93))
    bend = (
        noise(p.u * 0.30, p.v * 0.18, p.tile) * 0.055
        + noise(p.u * 0.8, p.v * 0.4, p.tile + 3) * 0.012
    )
    step = 0.15 * p.size
    c.wash(
        rows,
        stripes(p.v + bend * p.size + p.u.abs() * 0.2, step, step * 0.46, p.pixel),
        torch.full_like(p.base, 0.08),
    )


def _chevron(c, rows, p):
    step = 0.20 * p.size
    c.wash(
        rows,
        stripes(p.v + zigzag(p.u, 0.22 * p.size, 0.11 * p.size), step, step * 0.48, p.pixel),
        p.second,
    )


def _tie_dye(c, rows, p):
    cx, cy = (
        cell(c.pick("print_offset_u", -0.15, 0.15)[rows]),
        cell(c.pick("print_offset_v", -0.35, 0.15)[rows]),
    )
    x, y = c.x[rows] - cx, c.y[rows] - cy
    r = torch.sqrt(x * x + y * y)
    ring = torch.sin(
        r * 14 / p.size + torch.atan2(y, x) * 2 + noise(p.u * 0.4, p.v * 0.4, p.tile) * 1.3
    )
    c.wash(rows, torch.sigmoid(ring * 3), p.second)
    c.wash(rows, torch.sigmoid(-ring * 3 - 1.5 + noise(p.u * 0.3, p.v * 0.3, p.tile + 5)), p.accent)


def _colour_block(c, rows, p):
    kind = cell(c.p("print_seed")[rows])
    y, x = c.y[rows], c.x[rows]
    line = cell(c.hem[rows] + c.top[rows]) / 2 + (cell(c.p("print_offset_v")[rows]) - 0.5) * 0.2
    d = torch.where(kind < 0.5, line - y, torch.where(kind < 0.8, x * 1.0, line - y + x * 0.8))
    c.wash(rows, p.ink(d), p.second)


def _ombre(c, rows, p):
    t = (c.y[rows] - cell(c.top[rows])) / cell(c.hem[rows] - c.top[rows])
    c.wash(rows, torch.sigmoid((t - 0.55) * 7) * 0.95, p.second)


def _camouflage(c, rows, p):
    olive = torch.tensor(
        [[0.45, 0.46, 0.30], [0.28, 0.32, 0.20], [0.42, 0.33, 0.22], [0.70, 0.66, 0.50]],
        device=p.u.device,
    )
    c.wash(rows, torch.ones_like(p.u), olive[0].expand(len(rows), 3))
    for k, (shade, limit) in enumerate(zip(olive[1:], (0.35, 0.7, 1.1), strict=True)):
        blot = noise(p.u * 0.32 / p.size + 0.2 * k, p.v * 0.45 / p.size, p.tile + 7 * k)
        c.wash(rows, torch.clamp((blot - limit) * 9 + 0.5, 0, 1), shade.expand(len(rows), 3))


def _houndstooth(c, rows, p):
    step = 0.11 * p.size
    a, b = p.u / step, p.v / step
    fa, fb = a - a.floor(), b - b.floor()
    square = torch.maximum((fa - 0.25).abs() - 0.25, (fb - 0.25).abs() - 0.25)
    diagonal = ((fa + fb) * 2 % 1 - 0.5).abs() - 0.25
    tooth = torch.where(
        (fa < 0.5) ^ (fb < 0.5), diagonal, torch.where(fa < 0.5, square, torch.ones_like(fa))
    )
    c.wash(rows, torch.ones_like(p.u), torch.full_like(p.base, 0.93))
    c.wash(rows, p.ink(tooth * step), torch.minimum(p.base, torch.full_like(p.base, 0.25)))


def _motif(shape):
    def draw(c, rows, p):
        period = 0.20 * p.size
        x, y, _ = cells(p.u, p.v, period, p.seed, 0.2, brick=True)
        c.wash(rows, p.ink(shape(x, y, period * 0.34)), p.second)

    return draw


PRINTS = {
    "floral print": _floral,
    "polka dot": _dots,
    "striped": _stripe("v", 0.16, 0.46),
    "vertical stripe": _stripe("u", 0.14, 0.46),
    "pinstripe": _stripe("u", 0.085, 0.14),
    "plaid": _plaid,
    "gingham": _gingham,
    "grid print": _grid,
    "leopard print": _leopard,
    "zebra print": _zebra,
    "chevron": _chevron,
    "tie-dye": _tie_dye,
    "color block": _colour_block,
    "ombre": _ombre,
    "camouflage": _camouflage,
    "houndstooth": _houndstooth,
    "star print": _motif(lambda x, y, r: star(x, y, r, 5, 0.6)),
    "heart print": _motif(heart),
}
