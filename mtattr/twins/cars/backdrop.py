"""Surroundings of the car: light, sky, ground, and what stands behind."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from mtattr.twins.cars.canvas import Canvas, spread, value
from mtattr.twins.cars.surface import look
from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.colour import over, palette, plane, times
from mtattr.twins.drawing.patterns import cells, noise
from mtattr.twins.drawing.shapes import box, cell, coverage, ellipse, soften

#: Scene -> share of the images.
PLACES = {"street": 0.26, "showroom": 0.18, "car park": 0.16, "road": 0.26, "dusk": 0.14}


def set_light(c: Canvas) -> None:
    """Choose the place and set sun, sky and ground colours."""
    edges = torch.tensor(list(PLACES.values()), device=c.device).cumsum(0)[:-1]
    c.place = torch.searchsorted(edges, c.p("background").contiguous(), right=True)
    inside, dusk = c.place == 1, c.place == 4
    overcast = c.p("overcast")[:, None]
    day_high = torch.lerp(c.colour(0.34, 0.54, 0.84), c.colour(0.78, 0.80, 0.83), overcast)
    day_low = torch.lerp(c.colour(0.86, 0.91, 0.96), c.colour(0.93, 0.93, 0.93), overcast)
    dusk_high = torch.lerp(c.colour(0.15, 0.19, 0.36), c.colour(0.32, 0.28, 0.44), overcast)
    dusk_low = torch.lerp(c.colour(0.98, 0.66, 0.40), c.colour(0.90, 0.58, 0.55), overcast)

    def choose(day, hall, night):
        return torch.where(inside[:, None], hall, torch.where(dusk[:, None], night, day))

    c.sky_high = choose(day_high, c.colour(0.96, 0.96, 0.95), dusk_high)
    c.sky_low = choose(day_low, c.colour(0.72, 0.72, 0.73), dusk_low)
    c.ambient = choose(
        c.colour(0.90, 0.95, 1.04), c.colour(1.02, 1.0, 0.97), c.colour(0.80, 0.74, 0.84)
    )
    c.sun_colour = choose(
        c.colour(1.0, 0.96, 0.88), c.colour(1.0, 0.99, 0.97), c.colour(1.0, 0.70, 0.45)
    )
    c.sun_strength = torch.where(
        inside, 0.46, torch.where(dusk, 0.40, 0.58 - 0.36 * c.p("overcast"))
    )
    angle = c.pick("light_side", -1.3, 1.3)
    up = torch.where(dusk, 0.25, c.pick("light_height", 0.6, 1.5))
    # The sun stands behind the camera, to its left or right, so that what faces the camera is lit.
    back = -c.view.forward
    sx, sy = (
        back[:, 0] * torch.cos(angle) + back[:, 1] * torch.sin(angle),
        back[:, 1] * torch.cos(angle) - back[:, 0] * torch.sin(angle),
    )
    norm = torch.sqrt(sx * sx + sy * sy + up * up)
    c.sun = (sx / norm, sy / norm, up / norm)
    tone = c.pick("ground", 0.85, 1.15)[:, None]
    asphalt = torch.where(dusk[:, None], c.colour(0.32, 0.29, 0.32), c.colour(0.46, 0.46, 0.47))
    floor = torch.where(
        (c.p("ground")[:, None] < 0.5), c.colour(0.74, 0.73, 0.72), c.colour(0.42, 0.40, 0.39)
    )
    c.road = torch.where(inside[:, None], floor, asphalt) * tone


def draw_backdrop(c: Canvas) -> None:
    """Start `picture`: sky, what stands behind the car, and the ground with the car's shadow."""
    reach = max(1, round(c.image_shape[0] / 90))
    lowest = int((float(c.view.horizon.max()) + 1) / 2 * c.image_shape[0]) + 2 * reach + 3
    top = slice(0, min(max(lowest, 4), c.image_shape[0]))
    c.picture = torch.zeros(len(c), 3, *c.image_shape, device=c.device)
    y = (c.y[:, top] - cell(c.view.horizon)).expand(-1, -1, c.image_shape[1])
    sky = torch.lerp(plane(c.sky_low), plane(c.sky_high), (-0.8 * y).clamp(0, 1)[:, None])
    shift = (c.x + cell(c.pick("background_shift", -3.0, 3.0))).expand_as(y)
    size = cell(c.pick("background_scale", 0.8, 1.3))
    other = palette(c.p("background_colour"), c.p("background_light")) * 0.55 + 0.28
    second = palette(c.p("background_second"), c.p("background_light")) * 0.55 + 0.28
    for place, draw in enumerate((_street, _showroom, _car_park, _countryside, _dusk)):
        rows = rows_of(c.place == place)
        if len(rows):
            sky[rows] = draw(
                c, rows, sky[rows], shift[rows], y[rows], size[rows], other[rows], second[rows]
            )
    soft = soften(sky, reach)
    c.picture[:, :, top] = torch.lerp(
        sky, soft, c.pick("background_blur", 0.35, 1.0)[:, None, None, None]
    )
    _ground(c)


def _ground(c: Canvas) -> None:
    """Lay the ground where no car covers it, with its marks and the car's shadow."""
    below = c.y - cell(c.view.horizon)
    edge = coverage(-below, c.pixel).expand(-1, -1, c.image_shape[1])
    spot = ((edge > 0) & (c.alpha < 1)).flatten().nonzero()[:, 0]
    height, width = c.image_shape
    line = spot // width
    image = line // height
    row, column = line - image * height, spot - line * width
    of = lambda v: spread(v, image)  # noqa: E731
    depth = of(c.view.eye[:, 2]) / (
        below.reshape(-1).index_select(0, line) / of(c.view.focal)
    ).clamp(min=1e-3)
    rays = look(c, image, row, column)
    gx, gy = (of(c.view.eye[:, k]) + depth * rays[k] for k in (0, 1))
    far = (depth / 60).clamp(0, 1)
    close = (1 - depth / 22).clamp(0, 1)
    place = of(c.place)
    tile = of(c.tile("ground_tile"))
    grain = _speck(gx * 0.29, gy * 0.29 + 0.1 * gx, tile) + close * _speck(
        gx * 0.83 + 0.2 * gy, gy * 0.83, tile + 1
    )
    colour = of(c.road) * (1 + 0.026 * grain)
    broad = depth * of(c.pixel[:, 0, 0] / c.view.focal)
    line = coverage((gy + of(c.pick("spare_1", 1.6, 2.6))).abs() - 0.07, broad * 2) * (
        (gx * 0.25 - (gx * 0.25).floor()) < 0.62
    )
    bay = coverage(((gx / 5.6 - (gx / 5.6).round()).abs() * 5.6 - 0.06).abs() - 0.06, broad * 2) * (
        gy.abs() < 3.5
    )
    bay = torch.maximum(bay, coverage((gy.abs() - 3.0).abs() - 0.06, broad * 2))
    marks = torch.where(place == 2, bay, line) * (place != 1) * (1 - far) * 0.75
    colour = torch.lerp(colour, 0.85 * of(c.ambient), marks)
    slab = (
        torch.minimum(
            ((gx * 0.7) - (gx * 0.7).round()).abs(), ((gy * 0.7) - (gy * 0.7).round()).abs()
        )
        / 0.7
    )
    colour = colour * (1 - 0.16 * coverage(slab - 0.012, broad) * (place == 1) * (1 - far))
    verge = coverage(-(gy + of(c.pick("spare_2", 3.4, 5.0))), broad * 2 + 0.1) * (place == 3)
    grass = torch.lerp(
        c.colour(0.34, 0.44, 0.22), c.colour(0.58, 0.54, 0.32), c.p("background_second")[:, None]
    )
    colour = torch.lerp(colour, of(grass) * (1 + 0.06 * grain), verge)
    haze = torch.where((c.place == 1)[:, None], c.road, torch.lerp(c.road, c.sky_low, 0.45))
    colour = torch.lerp(colour, of(haze), far * 0.8)
    # The car's own shadow: dark beneath, soft around, longer on the side away from the sun.
    reach = c.pick("shadow", 0.10, 0.55)
    ox, oy = of(-c.sun[0] * reach), of(-c.sun[1] * reach)
    middle, half, wide = (
        of((c.m.front + c.m.rear) / 2),
        of((c.m.front - c.m.rear) / 2),
        of(c.m.width),
    )
    under = box(gx - ox * 0.4, gy - oy * 0.4, middle, 0.0, half - 0.10, wide - 0.06, 0.35)
    cast = box(gx - ox, gy - oy, middle, 0.0, half + 0.05, wide + 0.10, 0.5)
    dark = 0.82 * (0.62 - under / 0.36).clamp(0, 1)
    dark = torch.maximum(dark, 0.55 * of(c.sun_strength + 0.35) * (0.5 - cast / 0.55).clamp(0, 1))
    colour = (colour * (1 - dark)).clamp(0, 1)
    strength = edge.flatten().index_select(0, spot)
    c.mix(image, spot, strength, colour)


def _speck(u: Tensor, v: Tensor, tile: Tensor) -> Tensor:
    """Noise at packed points, read from a table; it repeats after one unit."""
    iu, iv = (((w - w.floor()) * 64).long().clamp(max=63) for w in (u, v))
    return _noise_table(u.device).index_select(0, ((tile % 32) * 64 + iv) * 64 + iu)


@functools.cache
def _noise_table(device: torch.device) -> Tensor:
    steps = torch.arange(64, device=device) / 64
    tiles = torch.arange(32, device=device)
    return noise(
        steps[None, None, :].expand(32, 64, 64), steps[None, :, None].expand(32, 64, 64), tiles
    ).flatten()


def _street(c, rows, picture, x, y, size, other, second):
    """Houses of several heights and fronts, with rows of windows and a kerb of shops."""
    seed = value(c.tile("background_seed"), rows)
    u, _, random = cells(x, y * 0, 0.62 * size, seed)
    wall = torch.where((random[1] > 0.5)[:, None], plane(other), plane(second))
    wall = times(wall, 0.7 + 0.4 * random[2])
    house = coverage(-y - 0.30 - 1.0 * random[0], c.pixel[rows])
    picture = over(picture, wall.clamp(0, 1), house)
    wx, wy, lit = cells(x, y - 0.02, 0.135 * size, seed)
    frame = (
        coverage(torch.maximum(wx.abs() - 0.040, wy.abs() - 0.048), c.pixel[rows], 0.004)
        * house
        * (y < -0.22)
        * (u.abs() < 0.27 * size)
    )
    glass = torch.where(
        (lit[0] > 0.8)[:, None],
        plane(c.colour(0.92, 0.86, 0.68, rows=rows)),
        plane(c.colour(0.32, 0.38, 0.45, rows=rows)),
    )
    picture = over(picture, glass, frame * 0.8)
    shop = coverage(
        torch.maximum(u.abs() - 0.25 * size, (y + 0.10).abs() - 0.075), c.pixel[rows]
    ) * (random[3] > 0.35)
    picture = over(picture, c.colour(0.22, 0.25, 0.28, rows=rows), shop * 0.85)
    awning = coverage(
        torch.maximum(u.abs() - 0.27 * size, (y + 0.19).abs() - 0.022), c.pixel[rows]
    ) * (random[3] > 0.35)
    return _trees(c, rows, over(picture, second * 0.7, awning), x, y, 1.1, 0.45)


def _trees(c, rows, picture, x, y, period, share):
    seed = value(c.tile("background_seed"), rows) + 11
    u, _, random = cells(x, y * 0, period, seed, 0.5)
    tile = c.tile("background_seed")[rows]
    ragged = 0.035 * noise(x * 0.45, y * 0.45, tile)
    size = 0.6 + 0.5 * random[1]
    crown = ellipse(u, y + 0.46 * size, 0.0, 0.0, 0.27 * size, 0.30 * size) + ragged
    trunk = torch.maximum(u.abs() - 0.022, (y + 0.12).abs() - 0.14)
    green = torch.lerp(
        c.colour(0.20, 0.32, 0.15, rows=rows),
        c.colour(0.42, 0.46, 0.20, rows=rows),
        c.p("background_colour")[rows, None],
    )
    grows = (random[0] < share).float()
    picture = over(
        picture, c.colour(0.28, 0.22, 0.17, rows=rows), coverage(trunk, c.pixel[rows]) * grows
    )
    light = (0.95 - 1.3 * (y + 0.46 * size) + 3 * ragged).clamp(0.55, 1.4)
    return over(
        picture, times(green, light).clamp(0, 1), coverage(crown, c.pixel[rows], 0.01) * grows
    )


def _showroom(c, rows, picture, x, y, size, other, second):
    """A bright wall, panels, lamps in the ceiling, and a coloured field."""
    tint = torch.lerp(c.colour(0.90, 0.90, 0.89, rows=rows), other, 0.25)
    dark = (c.p("ground")[rows] >= 0.5).float()[:, None] * (
        c.p("background_light")[rows, None] < 0.5
    )
    tint = torch.lerp(tint, c.colour(0.30, 0.31, 0.33, rows=rows), dark * 0.85)
    wall = times(tint, 1 + 0.14 * y)
    joint = (x / (0.7 * size) - (x / (0.7 * size)).round()).abs() * 0.7 * size
    wall = times(wall, 1 - 0.10 * coverage(joint - 0.008, c.pixel[rows]))
    field = coverage(box(x, y, 0.2 * size, -0.62, 0.55 * size, 0.22, 0.02), c.pixel[rows])
    wall = over(wall, second * 0.9, field * 0.85)
    ceiling = coverage(y + 0.98 * size, c.pixel[rows])
    u, v, _ = cells(x, y, 0.30 * size, torch.zeros_like(size).long())
    lamp = coverage(box(u, v, 0.0, 0.0, 0.11, 0.022, 0.01), c.pixel[rows]) * ceiling
    wall = over(wall, c.colour(0.80, 0.80, 0.80, rows=rows), ceiling)
    return over(wall, c.colour(1.0, 1.0, 0.98, rows=rows), lamp).clamp(0, 1)


def _car_park(c, rows, picture, x, y, size, other, second):
    """A low building or trees far off, a row of parked cars before it."""
    seed = value(c.tile("background_seed"), rows)
    block = coverage(torch.maximum(y * -1 - 0.42 * size, y), c.pixel[rows])
    picture = over(picture, other * 0.85, block)
    band = (
        coverage(((y / 0.13) - (y / 0.13).round()).abs() * 0.13 - 0.022, c.pixel[rows])
        * block
        * (y < -0.16)
    )
    picture = over(picture, c.colour(0.28, 0.32, 0.37, rows=rows), band * 0.8)
    return _parked(c, rows, _trees(c, rows, picture, x, y, 0.8, 0.35), x, y, seed)


def _parked(c, rows, picture, x, y, seed):
    u, _, random = cells(x, y * 0, 0.62, seed + 5)
    here = (random[0] < 0.75).float()
    grey = 0.22 + 0.55 * random[1]
    paints = torch.stack(
        [grey + 0.30 * (random[2] > 0.75), grey + 0.02, grey + 0.22 * (random[2] < 0.22)], 1
    ).clamp(0, 0.9)
    cabin = torch.maximum(
        torch.maximum(u.abs() + 0.55 * (-y - 0.15).clamp(min=0) - 0.145, -y - 0.205), y
    )
    lower = box(u, y, 0.0, -0.065, 0.255, 0.062, 0.05)
    tyres = ellipse(u.abs(), y, 0.16, -0.012, 0.045, 0.042)
    picture = over(picture, paints * 0.5, coverage(cabin, c.pixel[rows]) * here)
    picture = over(picture, paints, coverage(lower, c.pixel[rows]) * here)
    return over(
        picture, c.colour(0.10, 0.10, 0.11, rows=rows), coverage(tyres, c.pixel[rows]) * here
    )


def _countryside(c, rows, picture, x, y, size, other, second):
    """Hills in the haze, fields, and trees."""
    tile = c.tile("background_seed")[rows]
    blue = torch.lerp(c.sky_low[rows], c.colour(0.40, 0.50, 0.52, rows=rows), 0.6)
    green = torch.lerp(
        c.colour(0.30, 0.42, 0.22, rows=rows),
        c.colour(0.62, 0.56, 0.30, rows=rows),
        c.p("background_second")[rows, None],
    )
    for step, (height, stretch, tint) in enumerate(
        ((0.34, 0.040, 0.0), (0.20, 0.055, 0.5), (0.09, 0.08, 1.0))
    ):
        ridge = height * size + 0.055 * noise(
            x * stretch + 0.3 * step, torch.full_like(x, 0.21 * step), tile + step
        )
        picture = over(
            picture, torch.lerp(blue, green, tint), coverage(-y - ridge, c.pixel[rows], 0.006)
        )
    return _trees(c, rows, picture, x, y, 0.7, 0.55)


def _dusk(c, rows, picture, x, y, size, other, second):
    """A dark skyline with lit windows, and street lamps out of focus."""
    seed = value(c.tile("background_seed"), rows)
    _, _, random = cells(x, y * 0, 0.34 * size, seed)
    skyline = coverage(-y - 0.12 - 0.55 * random[0], c.pixel[rows])
    dark = torch.lerp(c.sky_high[rows], c.colour(0.10, 0.10, 0.14, rows=rows), 0.7)
    picture = over(picture, dark, skyline)
    wx, wy, lit = cells(x, y, 0.062 * size, seed + 3)
    window = (
        coverage(torch.maximum(wx.abs() - 0.014, wy.abs() - 0.020), c.pixel[rows])
        * skyline
        * (lit[0] > 0.62)
        * (y < -0.03)
    )
    picture = over(picture, c.colour(1.0, 0.80, 0.48, rows=rows), window * 0.75)
    px, py, spot = cells(x, y, 0.36 * size, seed + 7, 0.5)
    disc = (
        coverage(torch.sqrt(px * px + py * py) - 0.05 - 0.05 * spot[1], c.pixel[rows], 0.012)
        * (spot[0] > 0.55)
        * (y > -0.75)
    )
    warm = torch.where(
        (spot[2] > 0.35)[:, None],
        plane(c.colour(1.0, 0.78, 0.45, rows=rows)),
        plane(c.colour(0.90, 0.35, 0.28, rows=rows)),
    )
    return over(picture, warm, disc * 0.5)
