"""Clutter behind and beside a digit: grounds, coloured shapes, other handwriting."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.digits.canvas import Canvas
from mtattr.twins.digits.contrast import GROUND_RANGE, faint, within
from mtattr.twins.digits.scene import PIECES
from mtattr.twins.drawing.canvas import by_range
from mtattr.twins.drawing.colour import over, palette, plane, times
from mtattr.twins.drawing.patterns import cells, noise, stripes
from mtattr.twins.drawing.shapes import box, cell, ellipse, segment, star


def draw_ground(s: Canvas) -> None:
    """Start `picture`: two colours of the palette in a pattern, under a slow change of tone."""
    s.ground = palette(s.p("background_colour"), s.p("background_light"))
    second = torch.lerp(
        s.ground,
        palette(s.p("background_second"), s.p("second_light")),
        s.pick("background_strength", 0.35, 0.95)[:, None],
    )
    s.other = within(second, s.ground, torch.full_like(second[:, 0], GROUND_RANGE))
    turn = cell(s.pick("background_angle", 0.0, 3.1416))
    u, v = (
        s.x * torch.cos(turn) + s.y * torch.sin(turn),
        s.y * torch.cos(turn) - s.x * torch.sin(turn),
    )
    u, v = u + cell(s.p("background_u")), v + cell(s.p("background_v"))
    tile = s.tile("background_tile")
    mix = (0.5 + 0.42 * u - 0.42 * cell(s.p("background_u"))).clamp(0, 1)
    scale = cell(s.pick("background_scale", 0.7, 1.4))
    grounds = (
        (0.22, 0.42, _clouds),
        (0.42, 0.58, _stripes),
        (0.58, 0.72, _tiles),
        (0.72, 0.86, _planks),
        (0.86, 1.0, _blots),
    )
    for rows, pattern in by_range(s.p("background"), grounds):
        mix[rows] = pattern(s, rows, u[rows], v[rows], scale[rows], tile[rows])
    ground = plane(s.ground).expand(-1, -1, *s.image_shape)
    s.picture = over(ground, s.other, mix)
    slow = noise(s.x * 0.10 + cell(s.p("background_v")), s.y * 0.10, tile + 11)
    s.picture = times(s.picture, 1 + 0.06 * slow).clamp(0, 1)


def _clouds(s, rows, u, v, scale, tile):
    cloud = noise(u * 0.13 * scale, v * 0.13 * scale, tile) + 0.45 * noise(
        u * 0.4 * scale, v * 0.4 * scale, tile + 5
    )
    return torch.sigmoid(cloud * 1.6)


def _stripes(s, rows, u, v, scale, tile):
    wide = 0.42 * scale
    return stripes(u + 0.05 * torch.sin(v * 3), wide, wide * 0.5, s.pixel[rows])


def _tiles(s, rows, u, v, scale, tile):
    period = 0.5 * scale
    x, y, random = cells(u, v, period, cell(tile), brick=True)
    edge = torch.maximum(x.abs(), y.abs()) - period / 2 + 0.03
    joint = torch.clamp(0.5 + edge / s.pixel[rows], 0, 1)
    return torch.lerp(0.55 * random[1], torch.ones_like(joint), joint)


def _planks(s, rows, u, v, scale, tile):
    wide = 0.48 * scale
    _, _, random = cells(u, v * 0, wide, cell(tile))
    grain = noise(u * 1.3, v * 0.11, tile)
    gap = stripes(u, wide, 0.035, s.pixel[rows], 0.5)
    return torch.maximum((0.25 + 0.45 * random[2] + 0.13 * grain).clamp(0, 1), gap)


def _blots(s, rows, u, v, scale, tile):
    period = 0.55 * scale
    x, y, random = cells(u, v, period, cell(tile), 0.5, brick=True)
    drop = torch.sqrt(x * x + y * y) - period * (0.12 + 0.30 * random[2])
    return torch.clamp(0.5 - drop / s.pixel[rows], 0, 1) * (0.4 + 0.6 * random[3])


def draw_shapes(s: Canvas) -> None:
    """One to six coloured discs, blocks, bars or stars, anywhere on the ground."""
    for k in range(6):
        rows = s.where("shapes", 0.0, 1 - k / 6)
        if len(rows):
            _shape(s, rows, k)


def _spin(values, k):
    """A number of its own for the k-th shape: the parameter, turned on its circle."""
    return (values + 0.381966 * k) % 1


def _shape(s, rows, k):
    place = lambda name: cell(_spin(s.p(name)[rows], k))  # noqa: E731
    turn = 6.2832 * place("shape_seed")
    dx, dy = s.x[rows] - 2.2 * (place("shape_x") - 0.5), s.y[rows] - 2.2 * (place("shape_y") - 0.5)
    x, y = dx * torch.cos(turn) + dy * torch.sin(turn), dy * torch.cos(turn) - dx * torch.sin(turn)
    size = 0.10 + 0.14 * place("shape_size")
    kind = place("shape_kind")
    shape = torch.where(
        kind < 0.3,
        ellipse(x, y, 0.0, 0.0, size, size * 0.8),
        box(x, y, 0.0, 0.0, size, size * 0.7, 0.06),
    )
    shape = torch.where(
        kind > 0.6, segment(x, y, -1.6 * size, 0.0, 1.6 * size, 0.0)[0] - 0.13 * size - 0.02, shape
    )
    shape = torch.where(kind > 0.85, star(x, y, size, 5, 0.55), shape)
    colour = faint(s, palette(_spin(s.p("shape_colour"), k), s.p("second_light")))
    s.lay(rows, shape, colour[rows], 0.9)


def draw_handwriting(s: Canvas) -> None:
    """Parts of other digits: neighbours cut off by the picture's sides, and pieces of strokes.

    Neighbours stand clear of the labelled digit, so that only one digit is whole; pieces may run
    under it.
    """
    for k in range(PIECES):
        rows = s.where("pieces", 0.0, 1 - k / (PIECES + 1))
        if len(rows):
            _piece(s, rows, k)


def _piece(s, rows, k):
    number = lambda name: _spin(s.p(name)[rows], k)  # noqa: E731
    x, y = 1.8 * number("piece_x") - 0.9, 1.8 * _spin(number("piece_y"), k) - 0.9
    size = 0.7 + 0.4 * number("piece_size")
    stroke = s.glyph(rows, 3 + k, x, y, size, 6.2832 * number("piece_turn"))
    # A window over the glyph leaves a stroke or two of it, never a digit to be read.
    window = torch.sqrt((s.x[rows] - cell(x) - 0.2) ** 2 + (s.y[rows] - cell(y)) ** 2) - 0.34
    colour = faint(s, palette(_spin(s.p("piece_colour"), k), s.p("ink_light")))
    s.lay(rows, torch.maximum(stroke, window), colour[rows], 0.9)


def draw_neighbours(s: Canvas, right_edge: Tensor, left_edge: Tensor, height: Tensor) -> None:
    """Digits left and right of the labelled one, in its colour or nearly.

    Args:
        right_edge, left_edge: where the labelled digit ends, (B,).
        height: y of its middle, (B,).
    """
    ink = torch.lerp(
        s.colour,
        palette(s.p("neighbour_colour"), s.p("ink_light")),
        (s.p("neighbour_colour") * 0.5)[:, None],
    )
    for which, side, edge, low, high in (
        (1, "left", left_edge, 0.0, 0.65),
        (2, "right", right_edge, 0.25, 0.90),
    ):
        rows = s.where("neighbours", low, high)
        if len(rows):
            sign = -1.0 if side == "left" else 1.0
            scale = s.pick("scale", 0.85, 1.25)[rows] * s.pick(f"{side}_lift", 0.9, 1.1)[rows]
            # At least half of it lies outside the picture.
            x = sign * torch.maximum(
                sign * edge[rows] + 0.36 * scale + s.pick(f"{side}_gap", 0.02, 0.22)[rows],
                torch.full_like(scale, 0.98),
            )
            y = height[rows] + s.pick(f"{side}_lift", -0.15, 0.15)[rows]
            s.lay(
                rows,
                s.glyph(rows, which, x, y, scale, s.pick(f"{side}_turn", -0.3, 0.3)[rows]),
                ink[rows],
                0.95,
            )
