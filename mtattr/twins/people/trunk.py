"""The trunk and what covers it: shirt, blouse, jacket or coat, its neck, its pattern."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.colour import over, plane
from mtattr.twins.drawing.patterns import stripes
from mtattr.twins.drawing.shapes import cell, coverage, look_up
from mtattr.twins.people.canvas import Canvas
from mtattr.twins.people.records import Trunk
from mtattr.twins.people.solid import ellipsoid, folded, light_on, lit, tube

SHOULDER_LEVEL = 0.855


def draw_trunk(c: Canvas) -> None:
    """Neck and upper garment."""
    w, f, rows = c.wears, c.figure, c.all_rows
    slim = f.unit * (1 - 0.16 * w.female.float())
    nape, skull = f.at(0.0, 0.825, -0.004), f.head
    tube(
        c,
        rows,
        [nape, (skull[0], skull[1] + 0.02 * f.unit)],
        [0.034 * slim, 0.028 * slim],
        w.skin,
        dim=0.84,
    )
    hem = hem_level(c)
    top, bottom = f.at(0.0, SHOULDER_LEVEL, 0.0), f.at(0.0, hem, 0.0)
    table = _widths(c, hem)
    reach = table.amax(1) + (top[0] - bottom[0]).abs() / 2 + 0.01
    spot = c.patch(
        rows,
        (top[0] + bottom[0]) / 2,
        (top[1] + bottom[1]) / 2,
        reach,
        (bottom[1] - top[1]) / 2 + 0.015,
    )
    t = (spot.y - cell(top[1])) / cell(bottom[1] - top[1])
    width = look_up(table, t)
    axis = cell(top[0]) + cell(bottom[0] - top[0]) * t
    across = spot.x - axis
    # The hem hangs in a shallow arc, lower in front for a camera that looks down.
    nx = (across / width.clamp(min=1e-3)).clamp(-1, 1)
    arc = 0.10 * cell(f.pitch) * (1 - nx * nx).clamp(min=0).sqrt()
    distance = torch.maximum(
        torch.maximum((across.abs() - width) * 0.9, cell(top[1]) - spot.y),
        spot.y - cell(bottom[1]) - arc,
    )
    ny = -0.55 * (0.16 - t).clamp(min=0) / 0.16
    light = light_on(c, rows, nx * 0.94, ny) * folded(c, spot, 0.10)
    light = light * (1 - 0.14 * coverage((t - 0.93).abs() - 0.012, 0.02))
    c.trunk = Trunk(spot, t, across, light, coverage(distance, spot.pixel))
    colour = _pattern(c, plane(w.up).expand(-1, -1, *light.shape[1:]))
    c.blend(spot, c.trunk.alpha, lit(colour, light * _modelling(c)))
    _opening(c)
    _neckline(c)


def hem_level(c: Canvas) -> Tensor:
    """Height of the upper garment's hem above the ground, (B,): hips, or thighs for a coat."""
    shirt = c.pick("up_fit", 0.515, 0.465)
    return torch.where(c.wears.coat, c.pick("jacket", 0.37, 0.29), shirt)


def _widths(c: Canvas, hem: Tensor) -> Tensor:
    """Half width on the screen from the shoulders down to the hem, a table (B, s)."""
    f = c.figure
    u = f.unit
    ease = c.pick("up_fit", 0.002, 0.016) + 0.006 * c.wears.long_sleeve.float()
    shoulder = f.across((f.shoulder_width * 1.10, f.chest[1] * 0.80))
    chest, waist, hip = (f.across(part) + ease * u for part in (f.chest, f.waist, f.hip))
    waist = torch.lerp(
        waist, (chest + hip) / 2, c.pick("up_fit", 0.1, 0.8) * (1 - 0.65 * c.wears.female.float())
    )
    knots = [
        (0.0, 0.40 * shoulder),
        (0.045, 0.66 * shoulder),
        (0.10, shoulder),
        (0.24, chest),
        (0.58, waist),
        (0.88, hip),
    ]
    # Levels are given down to the hip's 0.50; a longer or shorter garment ends elsewhere.
    length = (SHOULDER_LEVEL - 0.49) / (SHOULDER_LEVEL - hem)
    samples = torch.linspace(0, 1, 33, device=c.device)[None] / length[:, None]
    table = torch.zeros(len(c), 33, device=c.device)
    places = [place for place, _ in knots] + [3.0]
    values = [value for _, value in knots] + [hip * 1.06]
    for k in range(len(values) - 1):
        share = ((samples - places[k]) / (places[k + 1] - places[k])).clamp(0, 1)
        share = share * share * (3 - 2 * share) if 0 < k < 5 else share
        here = (samples >= places[k]).float()
        table = torch.lerp(
            table, torch.lerp(values[k][:, None], values[k + 1][:, None], share), here
        )
    return table


def _modelling(c: Canvas) -> Tensor:
    """Light and shadow of the chest of women who face the camera, a factor (B, h, w)."""
    f, trunk = c.figure, c.trunk
    place, faces = f.front(0.0, 0.045)
    off = [
        (trunk.across - cell(place + s * 0.036 * f.cos * f.unit)) / cell(0.040 * f.unit)
        for s in (-1, 1)
    ]
    nearest = torch.minimum(*(x * x for x in off))
    above, below = (
        torch.exp(-(nearest + ((trunk.t - level) / size) ** 2))
        for level, size in ((0.31, 0.075), (0.42, 0.05))
    )
    return 1 + 0.16 * cell(faces.clamp(0, 1) * c.wears.female.float()) * (above - 0.9 * below)


def _pattern(c: Canvas, colour: Tensor) -> Tensor:
    """Cloth (B, 3, h, w): plain, striped, a yoke, a print; checked if of no listed colour."""
    w, trunk, kind = c.wears, c.trunk, c.p("up_pattern")
    period, pixel = c.pick("up_period", 0.028, 0.075), trunk.spot.pixel
    place, faces = c.figure.front(0.0, 0.05)
    seen, size = faces.clamp(0, 1), c.pick("up_period", 0.022, 0.05)

    def lines(along: Tensor, stretch: float, share: float) -> Tensor:
        return stripes(along, cell(period * stretch), cell(period * stretch * share), pixel)

    def badge() -> Tensor:
        shape, _, _ = ellipsoid(
            trunk.across, trunk.t * 0.36, place, 0.12, size * (0.15 + seen), size * 0.8
        )
        return coverage(shape, pixel) * cell((seen > 0.25).float())

    plain = ~w.mixed_up
    for which, draw in (
        (plain & (kind > 0.70) & (kind < 0.80), lambda: lines(trunk.spot.y, 1.0, 0.36)),
        (plain & (kind > 0.80) & (kind < 0.94), badge),
        (plain & (kind > 0.94), lambda: coverage(trunk.t - 0.24, 0.02)),
        (
            w.mixed_up,
            lambda: torch.maximum(
                lines(trunk.spot.y, 1.3, 0.46), 0.7 * lines(trunk.across, 1.1, 0.41)
            ),
        ),
    ):
        if bool(which.any()):
            colour = over(colour, w.up_second, draw() * cell(0.9 * which.float()))
    return colour


def _opening(c: Canvas) -> None:
    """The front of a jacket: closed by a zip, or open over a shirt."""
    w, f, trunk = c.wears, c.figure, c.trunk
    place, faces = f.front(0.0, 0.062)
    rows = rows_of(w.long_sleeve & (c.p("jacket") < 0.75) & (faces > 0.15))
    if not len(rows):
        return
    spot = trunk.spot.some(rows)
    open_ = (c.p("jacket") < 0.40)[rows].float()
    half = (
        (0.004 + open_ * (0.010 + 0.022 * c.p("hood")[rows]))
        * (0.3 + 0.7 * faces[rows].clamp(0, 1))
        * f.unit[rows]
    )
    half = cell(half) * (1 + cell(open_) * (0.2 - trunk.t[rows]) * 0.8)
    alpha = (
        coverage((trunk.across[rows] - cell(place[rows])).abs() - half, spot.pixel)
        * trunk.alpha[rows]
    )
    shirt = torch.where(
        (open_ > 0)[:, None],
        torch.lerp(w.up_second[rows], torch.full_like(w.up[rows], 0.8), 0.5),
        w.up[rows] * 0.5 + 0.12,
    )
    c.blend(spot, alpha, lit(shirt, trunk.light[rows] * 0.95))


def _neckline(c: Canvas) -> None:
    """A round neck shows skin in front, a collar lies around the neck, a hood hangs behind it."""
    w, f, rows = c.wears, c.figure, c.all_rows
    deep = c.pick("up_neck", 0.010, 0.030) * (1 + 0.8 * w.female.float())
    centre = f.at(0.0, SHOULDER_LEVEL - 0.008, 0.030)
    front = f.cos.clamp(min=0)
    rx = (
        (0.025 + 0.008 * c.p("up_neck") + 0.012 * w.female.float()) * f.unit * (0.35 + 0.65 * front)
    )
    spot = c.patch(rows, centre[0], centre[1], rx + 0.01, deep + 0.02)
    distance, nx, ny = ellipsoid(spot.x, spot.y, centre[0], centre[1], rx, deep * f.unit)
    alpha = coverage(distance, spot.pixel) * cell((front * 3).clamp(0, 1))
    c.blend(spot, alpha, lit(w.skin, light_on(c, rows, nx * 0.5, ny * 0.3) * 0.92))
    _collar(c, rows_of((w.age >= 2) & ~w.long_sleeve))
    rows = rows_of(w.long_sleeve & (c.p("hood") > 0.45))
    if len(rows):
        left, right = f.at(0.032, 0.862, 0.0), f.at(-0.032, 0.862, 0.0)
        tube(
            c,
            rows,
            *([f.rows([left, right], rows)]),
            [0.017 * f.unit[rows]] * 2,
            w.up[rows] * 0.9,
            dim=0.95,
        )


def _collar(c: Canvas, rows: Tensor) -> None:
    """The collar of a shirt of the grown: around the neck from behind, two lapels in front."""
    if not len(rows):
        return
    own, f = c.wears.up, c.figure
    colour = torch.where(own.mean(1, keepdim=True) < 0.5, own * 0.7 + 0.22, own * 0.72)
    behind = rows[f.cos[rows] < 0]
    if len(behind):
        points = f.rows([f.at(0.036, 0.864, -0.010), f.at(-0.036, 0.864, -0.010)], behind)
        tube(c, behind, points, [0.011 * f.unit[behind]] * 2, colour[behind])
    for side in (-1.0, 1.0):
        some = rows[(f.cos - 0.5 * side * f.sin > 0.1)[rows]]
        points = f.rows([f.at(0.036 * side, 0.864, -0.004), f.at(0.014 * side, 0.832, 0.050)], some)
        tube(c, some, points, [0.010 * f.unit[some]] * 2, colour[some])
