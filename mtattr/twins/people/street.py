"""The street behind the people: ground in perspective, and what stands at its edge."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.colour import over, palette, plane, times
from mtattr.twins.drawing.patterns import cells, noise
from mtattr.twins.drawing.shapes import cell, coverage
from mtattr.twins.people.cameras import Camera
from mtattr.twins.people.canvas import Canvas

#: What lies behind the people is a little out of focus: the width of its edges in the person's
#: heights.
SOFT = 0.012


def draw_street(c: Canvas) -> None:
    """Start the picture with the view of each scene's camera."""
    for index, camera in enumerate(c.cameras):
        rows = rows_of(c.camera == index)
        if len(rows):
            _wall(c, rows, camera)
            _ground(c, rows, camera)


def _kerb(c: Canvas, rows: Tensor, camera: Camera) -> Tensor:
    return cell(camera.kerb + 0.06 * (c.p("distance")[rows] - 0.5))


def _lines(needed: Tensor) -> slice:
    """The pixel lines between the first and the last that any image needs."""
    lines = needed.any(2).any(0).nonzero()[:, 0].tolist()
    return slice(lines[0], lines[-1] + 1) if lines else slice(0, 0)


def _wall(c: Canvas, rows: Tensor, camera: Camera) -> None:
    """What stands at the ground's far edge, on the lines above it."""
    kerb = _kerb(c, rows, camera)
    lines = _lines(c.y[rows] < kerb + 0.05)
    x, y = c.x[rows][:, lines], c.y[rows][:, lines]
    depth = (0.5 - camera.horizon) / (kerb - camera.horizon)
    u, v = x * depth + cell(6 * c.p("place_u")[rows]), (y - kerb) * depth
    first, second = (
        torch.tensor(colour, device=c.device).expand(len(rows), 3)
        for colour in (camera.wall_colour, camera.wall_second)
    )
    tile = c.tile("place_tile", 32)[rows]
    c.picture[rows, :, lines] = WALLS[camera.wall](
        first, second, u, v, (c.frame.pixel[rows] + SOFT) * depth, tile
    ).clamp(0, 1)


def _ground(c: Canvas, rows: Tensor, camera: Camera) -> None:
    """Ground in perspective and the lane at its far edge, on the lines below the wall."""
    kerb, horizon = _kerb(c, rows, camera), camera.horizon
    lines = _lines(c.y[rows] > kerb - 0.05)
    x, y, pixel = c.x[rows][:, lines], c.y[rows][:, lines], c.frame.pixel[rows]
    first, second = (
        torch.tensor(colour, device=c.device).expand(len(rows), 3)
        for colour in (camera.ground_colour, camera.second_colour)
    )
    tile = c.tile("place_tile", 32)[rows]
    # Depth is 1 where the person stands, and grows towards the horizon.
    depth = (0.5 - horizon) / (y - horizon).clamp(min=0.05)
    along, away = x * depth + cell(6 * c.p("place_u")[rows]), 5.0 * depth
    cloud = noise(along * 0.10, away * 0.06, tile)
    light = 1 + 0.045 * cloud + ((0.5 - y) * 0.10).clamp(-0.05, 0.12)
    ground = GROUNDS[camera.ground](
        _even(first, x), second, along, away, (pixel * depth).clamp(max=0.5), tile
    )
    edge = kerb + (0.42 - kerb) * camera.strip_depth
    strip = coverage(y - edge, pixel, 0.006)
    ground = over(ground, torch.tensor(camera.strip, device=c.device).expand(len(rows), 3), strip)
    # A kerbstone: light on top, dark at its foot.
    light = light * (
        1
        - 0.22 * coverage((y - edge - 0.008).abs() - 0.006, pixel, 0.006)
        + 0.10 * coverage((y - edge + 0.006).abs() - 0.004, pixel, 0.004)
    )
    light = light * (1 - 0.25 * (1 - (y - kerb) / 0.06).clamp(0, 1) ** 2)
    if camera.sun > 0.5:
        shade = torch.sigmoid(3 * noise(along * 0.07, away * 0.035, tile + 7) - 1.2)
        light = light * (1 - 0.32 * shade)
    c.picture[rows, :, lines] = over(
        c.picture[rows, :, lines],
        times(ground, light).clamp(0, 1),
        coverage(kerb - y, pixel, 0.010),
    )


def _joints(
    u: Tensor, v: Tensor, wide: float, long: float, gap: float, scale: Tensor, shift: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Opacity of the joints between slabs `wide` x `long`, each slab's column and row."""
    row = (v / long).floor()
    a = u / wide + shift * (row % 2)
    du, dv = (a - a.round()).abs() * wide, (v / long - (v / long).round()).abs() * long
    line = torch.maximum(coverage(du - gap / 2, scale), coverage((dv - gap / 2) * 0.35, scale))
    return line, (a + 0.5).floor(), row


def _slab_tone(column: Tensor, row: Tensor, tile: Tensor) -> Tensor:
    _, _, random = cells(column + 0.5, row + 0.5, 1.0, cell(tile))
    return random[2]


def _tiles(colour, second, u, v, scale, tile):
    line, column, row = _joints(u, v, 0.34, 0.62, 0.014, scale, 0.0)
    checked = ((column + row) % 2 == 0) & (tile % 2 == 0)[:, None, None]
    colour = torch.where(checked[:, None], (colour + plane(second)) / 2, colour)
    return over(
        colour * (0.97 + 0.06 * _slab_tone(column, row, tile))[:, None], second * 0.8, 0.6 * line
    )


def _slabs(colour, second, u, v, scale, tile):
    line, column, row = _joints(u, v, 0.85, 0.80, 0.018, scale, 0.5)
    return over(
        colour * (0.95 + 0.09 * _slab_tone(column, row, tile))[:, None], second * 0.8, 0.7 * line
    )


def _bricks(colour, second, u, v, scale, tile):
    line, column, row = _joints(u, v, 0.15, 0.17, 0.012, scale, 0.5)
    return over(
        colour * (0.90 + 0.20 * _slab_tone(column, row, tile))[:, None], second * 0.75, 0.6 * line
    )


def _asphalt(colour, second, u, v, scale, tile):
    grain = noise(u * 1.3, v * 0.5, tile)
    seam = (
        coverage((u - (u / 3.1).round() * 3.1).abs() - 0.05, scale) * (tile % 3 == 0)[:, None, None]
    )
    return over(colour * (1 + 0.035 * grain)[:, None], torch.full_like(second, 0.80), 0.7 * seam)


def _lawn(colour, second, u, v, scale, tile):
    blades = noise(u * 1.2, v * 0.35, tile) * 0.5 + 0.5 * noise(u * 0.23, v * 0.12, tile + 3)
    return (
        torch.lerp(colour, plane(second).expand_as(colour), torch.sigmoid(2 * blades)[:, None])
        * (1 + 0.07 * blades)[:, None]
    )


GROUNDS = {"tiles": _tiles, "slabs": _slabs, "bricks": _bricks, "asphalt": _asphalt, "lawn": _lawn}


def _even(colour: Tensor, like: Tensor) -> Tensor:
    return plane(colour).expand(-1, -1, *like.shape[1:])


def _glass(first, second, u, v, soft, tile):
    """A shop front: panes with frames, a plinth, reflections and lit goods behind."""
    pane = u / 0.82
    column = pane.floor()
    inside = (pane - column - 0.5).abs() * 0.82
    _, _, random = cells(column + 0.5, (v * 1.4).floor() + 0.5, 1.0, cell(tile))
    gleam = (
        0.75 + 0.30 * random[2] + 0.10 * noise(u * 0.10, v * 0.14, tile) - 0.18 * v.clamp(-1.5, 0)
    )
    colour = _even(first, u) * gleam[:, None]
    goods = coverage((v + 0.42).abs() - 0.16, soft, 0.05) * (random[1] > 0.35)
    shown = palette(random[0].flatten(), random[3].flatten()).view(*u.shape, 3).permute(0, 3, 1, 2)
    colour = torch.lerp(colour, shown * 0.75, 0.42 * goods[:, None])
    frame = torch.maximum(coverage(0.385 - inside, soft), coverage((v + 1.18).abs() - 0.05, soft))
    colour = over(colour, second, 0.85 * frame)
    return over(colour, second * 0.72, coverage(-0.13 - v, soft))


def _stone(first, second, u, v, soft, tile):
    """A wall of dressed stone with a plinth, a ledge, and deep windows."""
    line, column, row = _joints(u, v, 0.42, 0.20, 0.02, soft, 0.5)
    colour = _even(first, u) * (0.90 + 0.18 * _slab_tone(column, row, tile))[:, None]
    colour = over(colour, second * 0.8, 0.5 * line)
    a = u / 2.4 + 0.5 * cell((tile % 3).float())
    across = (a - a.round()).abs() * 2.4
    hole = torch.maximum(across - 0.36, (v + 0.95).abs() - 0.50)
    colour = over(colour, first * 1.12, coverage(hole - 0.07, soft))
    colour = over(
        colour,
        torch.tensor([0.22, 0.24, 0.26], device=u.device).expand_as(first),
        coverage(hole, soft),
    )
    return over(colour, second * 0.86, coverage(-0.20 - v, soft))


def _hedge(first, second, u, v, soft, tile):
    """A clipped hedge before darker trees."""
    leaf = 0.6 * noise(u * 0.55, v * 0.55, tile) + 0.5 * noise(u * 1.4, v * 1.4, tile + 5)
    colour = (
        torch.lerp(_even(first, u), _even(second, u), torch.sigmoid(1.6 * leaf)[:, None])
        * (1 + 0.16 * leaf)[:, None]
    )
    top = coverage(v + 0.55 + 0.04 * noise(u * 0.4, v * 0.0, tile), soft, 0.04)
    crowns = torch.lerp(
        _even(first * 0.55, u),
        _even(second * 0.8, u),
        torch.sigmoid(2 * noise(u * 0.16, v * 0.16, tile + 9))[:, None],
    )
    colour = over(colour, crowns, top)
    return colour * (1 - 0.35 * torch.exp(-((v / 0.08) ** 2)))[:, None]


def _trees(first, second, u, v, soft, tile):
    """Trunks and crowns against a bright gap."""
    crown = 0.7 * noise(u * 0.15, v * 0.15, tile) + 0.5 * noise(u * 0.5, v * 0.5, tile + 4)
    colour = torch.lerp(
        _even(first * 0.8, u), _even(second, u), torch.sigmoid(1.8 * crown)[:, None]
    )
    gap = torch.sigmoid(3 * noise(u * 0.11, v * 0.13, tile + 11) - 2.6 - 2.2 * (v + 0.9))
    colour = torch.lerp(
        colour,
        torch.tensor([0.80, 0.84, 0.86], device=u.device)[:, None, None].expand_as(colour),
        0.8 * gap[:, None],
    )
    a = u / 1.9 + 0.37
    stem = (a - a.round()).abs() * 1.9 + 0.03 * torch.sin(v * 3 + a.round() * 5)
    bark = (
        torch.tensor([0.30, 0.24, 0.19], device=u.device)[:, None, None]
        * (0.8 + 0.3 * noise(u * 0.9, v * 0.2, tile))[:, None]
    )
    return over(colour, bark, coverage(stem - 0.085 + 0.03 * v.clamp(-1.5, 0.0).abs(), soft))


def _facade(first, second, u, v, soft, tile):
    """A building with a regular row of windows above a base."""
    colour = _even(first, u) * (1 + 0.03 * noise(u * 0.3, v * 0.3, tile))[:, None]
    a, b = u / 1.05, (v + 0.25) / 1.0
    across, up = (a - a.floor() - 0.5) * 1.05, (b - b.floor() - 0.5) * 1.0
    _, _, random = cells(a.floor() + 0.5, b.floor() + 0.5, 1.0, cell(tile))
    hole = torch.maximum(across.abs() - 0.30, up.abs() - 0.33)
    colour = over(colour, first * 1.15, coverage(hole - 0.05, soft))
    sky = plane(second) * (0.7 + 0.7 * random[1] - 0.5 * up)[:, None]
    colour = over(colour, sky, coverage(hole, soft))
    colour = over(
        colour, first * 0.9, 0.9 * coverage(across.abs() - 0.022, soft) * coverage(hole, soft)
    )
    return over(colour, first * 0.70, coverage(-0.22 - v, soft))


WALLS = {"glass": _glass, "stone": _stone, "hedge": _hedge, "trees": _trees, "facade": _facade}
