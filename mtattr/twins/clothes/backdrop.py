"""Backdrops of garments: studio, wall, floorboards, street, lights out of focus, leaves."""

from __future__ import annotations

import torch

from mtattr.twins.clothes.canvas import Canvas
from mtattr.twins.drawing.canvas import by_range
from mtattr.twins.drawing.colour import over, palette, plane, times
from mtattr.twins.drawing.patterns import cells, noise
from mtattr.twins.drawing.shapes import cell, coverage, ellipse


def draw_backdrop(c: Canvas) -> None:
    """Start `backdrop` (B, 3, H, W): studio, wall, boards, street, lights out of focus, leaves."""
    x, y = c.sheet.coordinates
    c.background = palette(c.p("background_colour"), c.p("background_light")) * 0.75 + 0.18
    other = palette(c.p("background_second"), c.p("background_light"))
    tile = c.tile("background_tile", 32)
    cloud = noise((x + cell(c.p("background_u"))) * 0.22, y * 0.22, tile)
    fall = cell(c.pick("background_scale", -0.20, 0.15)) * y + 0.05 * cloud
    c.backdrop = times(c.background, 1 + fall).clamp(0, 1)
    kinds = (
        (0.24, 0.38, _bricks),
        (0.38, 0.48, _boards),
        (0.48, 0.66, _street),
        (0.66, 0.80, _bokeh),
        (0.80, 0.92, _leaves),
    )
    for rows, draw in by_range(c.p("background"), kinds):
        draw(
            c,
            rows,
            x[rows] + cell(c.p("background_u")[rows]),
            y[rows],
            other[rows],
            tile[rows],
            cell(c.pick("background_scale", 0.8, 1.5)[rows]),
        )


def _bricks(c, rows, x, y, other, tile, size):
    height = 0.16 * size
    v = y / height
    row = v.floor()
    u = x / (height * 2.2) + 0.5 * (row % 2)
    fu, fv = (u - u.round()).abs() * height * 2.2, (v - v.round()).abs() * height
    _, _, random = cells(u, v + 0.0, torch.ones_like(size), cell(tile))
    mortar = coverage(torch.minimum(fu, fv) - 0.012, c.sheet.pixel[rows])
    bricks = times(c.backdrop[rows], 0.92 + 0.12 * random[0])
    c.backdrop[rows] = times(bricks, 1 - 0.15 * mortar)


def _boards(c, rows, x, y, other, tile, size):
    u = x / (0.30 * size)
    grain = noise(x * 1.2 + u.floor() * 0.37, y * 0.10, tile)
    gap = coverage((u - u.round()).abs() * 0.30 - 0.008, c.sheet.pixel[rows])
    wood = torch.lerp(other, c.colour(0.62, 0.47, 0.34, rows=rows), 0.7)
    tone = (0.97 + 0.05 * grain) * (1 - 0.30 * gap)
    c.backdrop[rows] = times(wood, tone).clamp(0, 1)


def _street(c, rows, x, y, other, tile, size):
    _, _, random = cells(x, y * 0, 0.42 * size, cell(tile))
    roof = -0.75 + 0.9 * random[0]
    house = coverage((roof - y) * 1.0, c.sheet.pixel[rows], 0.02)
    facade = torch.where((random[1] > 0.5)[:, None], plane(other), plane(c.background[rows]))
    facade = times(facade, 0.55 + 0.5 * random[2])
    c.backdrop[rows] = over(c.backdrop[rows] * 0.4 + 0.55, facade.clamp(0, 1), house)
    wx, wy, lit = cells(x, y, 0.13 * size, cell(tile))
    window = (
        coverage(torch.maximum(wx.abs() - 0.035, wy.abs() - 0.045), c.sheet.pixel[rows], 0.01)
        * house
        * (y < 0.5)
    )
    glass = torch.where(
        (lit[0] > 0.7)[:, None],
        plane(c.colour(0.95, 0.86, 0.6, rows=rows)),
        plane(c.colour(0.30, 0.36, 0.44, rows=rows)),
    )
    c.backdrop[rows] = over(c.backdrop[rows], glass, window * 0.55)
    ground = coverage(0.55 - y, c.sheet.pixel[rows], 0.02)
    c.backdrop[rows] = over(c.backdrop[rows], c.colour(0.52, 0.52, 0.52, rows=rows), ground)


def _bokeh(c, rows, x, y, other, tile, size):
    c.backdrop[rows] = c.backdrop[rows] * 0.6
    for step, period in enumerate((0.55, 0.36)):
        px, py, random = cells(x, y, period * size, cell(tile) + step, 0.4)
        r = torch.sqrt(px * px + py * py)
        disc = coverage(
            r - period * size * (0.10 + 0.18 * random[2]), c.sheet.pixel[rows], 0.04
        ) * (0.15 + 0.35 * random[3])
        c.backdrop[rows] = over(
            c.backdrop[rows],
            torch.where((random[0] > 0.5)[:, None], plane(other * 0.3 + 0.7), plane(other)),
            disc,
        )


def _leaves(c, rows, x, y, other, tile, size):
    green = torch.lerp(other, c.colour(0.30, 0.46, 0.26, rows=rows), 0.75)
    for step, period in enumerate((0.34, 0.27, 0.21)):
        px, py, random = cells(x, y, period * size, cell(tile) + step, 0.35, brick=True)
        turn = random[2] * 6.28
        a, b = (
            px * torch.cos(turn) + py * torch.sin(turn),
            py * torch.cos(turn) - px * torch.sin(turn),
        )
        leaf = coverage(
            ellipse(a, b, 0.0, 0.0, period * size * 0.34, period * size * 0.15),
            c.sheet.pixel[rows],
            0.01,
        )
        colour = times(green, 0.6 + 0.8 * random[3])
        c.backdrop[rows] = over(c.backdrop[rows], colour.clamp(0, 1), leaf * 0.55)
