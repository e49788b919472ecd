"""The head: face, hair short and long, hats."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.colour import palette
from mtattr.twins.drawing.frame import Patch
from mtattr.twins.drawing.shapes import cell, coverage
from mtattr.twins.people.canvas import Canvas, lies_in
from mtattr.twins.people.solid import ball, ellipsoid, folded, light_on, lit, tube

#: Half the head's width, depth and height, of a grown person's height.
WIDTH, DEPTH, HEIGHT = 0.046, 0.056, 0.067
#: Share of long hair that is tied to a ponytail.
TAILS = 0.35


def _size(c: Canvas) -> Tensor:
    return c.figure.unit * c.figure.head_size


def draw_hair_behind(c: Canvas) -> None:
    """Long hair behind the shoulders of those who face the camera."""
    _long_hair(c, rows_of(c.wears.long_hair & (c.figure.cos > 0.25)))


def draw_head(c: Canvas) -> None:
    """Skull, face, hair and hat."""
    w, f, rows = c.wears, c.figure, c.all_rows
    u = _size(c)
    x, y, _ = f.head
    rx = torch.sqrt((WIDTH * f.cos) ** 2 + (DEPTH * f.sin) ** 2) * u
    ry = HEIGHT * u
    spot = c.patch(rows, x, y - 0.004 * u, rx + 0.016 * u, ry + 0.018 * u)
    distance, nx, ny = ellipsoid(spot.x, spot.y, x, y, rx, ry)
    # The jaw is narrower than the skull.
    jaw = (ny - 0.1).clamp(min=0) * cell(0.030 * u * (0.7 + 0.3 * w.female.float()))
    jaw = jaw * cell(0.4 + 0.6 * f.cos.clamp(min=0))
    distance = distance + jaw * nx.abs()
    light = light_on(c, rows, nx, ny * 0.9)
    c.blend(spot, coverage(distance, spot.pixel), lit(w.skin, light))
    for side in (-1.0, 1.0):
        some = rows_of((f.cos - side * 1.5 * f.sin > -0.4) & ~w.long_hair & ~w.female)
        ear = ((x + (side * 0.047 * f.cos - 0.004 * f.sin) * u)[some], (y + 0.010 * u)[some])
        ball(
            c,
            some,
            ear,
            (0.007 + 0.005 * f.sin.abs()[some]) * u[some],
            0.015 * u[some],
            w.skin[some],
            dim=0.92,
        )
    _face(c, spot, nx, ny, light, distance)
    _hair_cap(c, spot, light)
    _long_hair(c, rows_of(w.long_hair & (f.cos <= 0.25)))
    _locks(c, rows_of(w.long_hair & (f.cos > -0.1)))
    _hats(c)


def _face(c: Canvas, spot: Patch, nx: Tensor, ny: Tensor, light: Tensor, distance: Tensor) -> None:
    """Eyes, brows, nose and mouth where they face the camera; beards."""
    w, f = c.wears, c.figure
    u = _size(c)
    x, y, _ = f.head
    px, py = (spot.x - cell(x)) / cell(u), (spot.y - cell(y)) / cell(u)
    pixel = spot.pixel / cell(u)
    inside = coverage(distance, spot.pixel)

    def mark(
        side: float, level: float, rx: float, ry: float, colour: Tensor, opacity: float
    ) -> None:
        across = side * f.cos + 0.046 * f.sin
        faces = (f.cos - side * f.sin * 18).clamp(0, 1) if side else f.cos.clamp(0, 1)
        wide = rx * (0.35 + 0.65 * f.cos.clamp(min=0))
        d, _, _ = ellipsoid(px, py, across, level, wide, ry)
        c.blend(
            spot,
            coverage(d, pixel, 0.006) * inside * cell(opacity * (faces * 2.5).clamp(0, 1)),
            lit(colour, light),
        )

    dark = w.hair * 0.5 + 0.03
    for side in (-0.018, 0.018):
        mark(side, -0.006, 0.0095, 0.0050, dark, 0.85)
        mark(side, -0.021, 0.0120, 0.0030, dark, 0.75)
    mark(0.0, 0.012, 0.0065, 0.010, w.skin * 0.80, 0.45)
    lips = torch.lerp(
        w.skin * 0.72,
        torch.tensor([0.68, 0.25, 0.26], device=c.device),
        (0.25 + 0.45 * w.female.float())[:, None],
    )
    mark(0.0, 0.033, 0.0135, 0.0042, lips, 0.85)
    beard = rows_of(~w.female & (w.age >= 2) & (c.p("beard") < 0.4))
    if len(beard):
        part = spot.some(beard)
        d, _, _ = ellipsoid(px[beard], py[beard], 0.030 * f.sin[beard], 0.046, 0.036, 0.026)
        alpha = (
            coverage(d, pixel[beard], 0.01)
            * inside[beard]
            * cell(0.6 * (f.cos[beard] * 3 + 0.6).clamp(0, 1))
        )
        c.blend(part, alpha, lit(w.hair[beard] * 0.9, light[beard]))


def _hair_cap(c: Canvas, spot: Patch, light: Tensor) -> None:
    """Hair over the skull, less the face."""
    w, f = c.wears, c.figure
    u = _size(c)
    x, y, _ = f.head
    full = (
        0.004 + 0.007 * c.p("hair_length") + 0.003 * w.long_hair.float() + 0.004 * w.female.float()
    )
    rx = (torch.sqrt((WIDTH * f.cos) ** 2 + (DEPTH * f.sin) ** 2) + full) * u
    ry = (HEIGHT + full) * u
    d, nx, ny = ellipsoid(spot.x, spot.y, x, y - 0.004 * u, rx, ry)
    # What the face leaves free: an ellipse that turns with the head, cut by the hairline.
    open_ = ((1 + f.cos) / 2).clamp(0.02, 1) ** 0.6
    hairline = (
        -0.040
        + 0.016 * c.p("hair_style")
        - 0.010 * (~w.female).float()
        - 0.012 * (w.age >= 2).float() * (~w.female).float()
    ) * u
    face_x, face_r = x + f.sin * 0.042 * u, 0.041 * open_ * u
    face, _, _ = ellipsoid(spot.x, spot.y, face_x, y + 0.026 * u, face_r, 0.058 * u)
    # Nothing of it is left from behind.
    side = (spot.x - cell(face_x)) / cell(u)
    parting = (
        cell((c.p("hair_style") - 0.5) * 0.9 * (c.p("hair_length") < 0.6)) * side
        + 6.5 * side * side
    )
    face = torch.maximum(
        face + cell((-f.cos - 0.35).clamp(min=0) * 0.25),
        cell(y + hairline) + cell(u) * parting - spot.y,
    )
    # Short hair ends at the nape; long hair goes on below.
    ears = 0.034 - 0.036 * f.cos.clamp(min=0) ** 0.5 * (1 - 0.5 * w.female.float())
    bob = 0.052 + 0.016 * c.p("hair_length")
    nape = torch.where(w.long_hair, 0.09, torch.where(w.female, bob, ears)) * u
    # A short cut is clipped towards the neck.
    clipped = (nx.abs() - 1.02 + 0.75 * (ny - 0.05).clamp(min=0)) * cell(rx) - 0.2 * cell(
        (w.female | w.long_hair).float()
    )
    nape = cell(y + nape) - 0.010 * cell(u) * nx * nx
    d = torch.maximum(torch.maximum(d, -face), torch.maximum(spot.y - nape, clipped))
    strand = folded(c, spot, 0.10)
    shine = 1 + 0.30 * torch.exp(-(((ny + 0.55) / 0.22) ** 2)) * (1 - nx * nx).clamp(min=0)
    c.blend(spot, coverage(d, spot.pixel, 0.004), lit(w.hair, light * strand * shine))


def _long_hair(c: Canvas, rows: Tensor) -> None:
    """The mass of hair down the back, or a ponytail."""
    w, f, tail = c.wears, c.figure, c.p("hair_style") < TAILS
    unit = _size(c)
    nape, low = f.at(0.0, 0.868, -0.050), f.at(0.0, c.pick("hair_length", 0.80, 0.69), -0.082)
    loose = rows[~tail[rows]]
    if len(loose):
        points = f.rows([f.at(0.0, 0.945, -0.022), nape, low], loose)
        wide = (torch.sqrt((0.054 * f.cos) ** 2 + (0.034 * f.sin) ** 2) * f.head_size)[loose]
        tube(
            c,
            loose,
            points,
            [wide * 0.92, wide * 1.08, wide * 0.74],
            w.hair[loose],
            folds=0.14,
            dim=0.94,
        )
    tied = rows[tail[rows]]
    if len(tied):
        u = unit[tied]
        points = f.rows([f.at(0.0, 0.955, -0.055), f.at(0.0, 0.905, -0.098), low], tied)
        tube(c, tied, points, [0.017 * u, 0.024 * u, 0.010 * u], w.hair[tied], folds=0.12)
        band = torch.tensor([[0.75, 0.25, 0.35]], device=c.device).expand(len(tied), 3)
        ball(c, tied, f.rows([f.at(0.0, 0.948, -0.066)], tied)[0], 0.014 * u, 0.010 * u, band)


def _locks(c: Canvas, rows: Tensor) -> None:
    """Long hair in front: two locks beside the face, short ones beside a ponytail."""
    w, f, tail = c.wears, c.figure, c.p("hair_style") < TAILS
    low = torch.where(tail, 0.90, c.pick("hair_length", 0.84, 0.735))
    for side in (-1.0, 1.0):
        points = [
            f.at(side * 0.030, 0.972, 0.030),
            f.at(side * 0.047, 0.925, 0.016),
            f.at(side * 0.046, low, 0.030),
        ]
        some = lies_in(f.cos - side * f.sin * 0.6 > -0.2, rows)
        if len(some):
            u = _size(c)[some]
            end = 0.005 + 0.008 * (~tail)[some].float()
            tube(
                c,
                some,
                f.rows(points, some),
                [0.010 * u, 0.013 * u, end * u],
                w.hair[some],
                folds=0.12,
            )


def _hats(c: Canvas) -> None:
    """A cap with a peak, a sun hat with a brim, or a knitted hat."""
    w, f = c.wears, c.figure
    kind = c.p("hat_kind")
    colour = palette(c.p("hat_colour"), c.p("hat_light"))
    for low, high, draw in ((0.0, 0.55, _cap), (0.55, 0.80, _knitted), (0.80, 1.0, _sun_hat)):
        rows = rows_of(w.hat & (kind >= low) & (kind < high))
        if len(rows):
            draw(c, rows, colour[rows], _size(c)[rows], tuple(v[rows] for v in f.head))


def _crown(
    c: Canvas, rows: Tensor, colour: Tensor, u: Tensor, head, level: float, rise: float, grow: float
) -> None:
    """The part of a hat that covers the skull above `level`."""
    f = c.figure
    rx = torch.sqrt((WIDTH * f.cos[rows]) ** 2 + (DEPTH * f.sin[rows]) ** 2) * u + grow * u
    ry = (HEIGHT + rise) * u
    x, y = head[0], head[1]
    spot = c.patch(rows, x, y - 0.5 * ry, rx + 0.01, 0.6 * ry + 0.01)
    d, nx, ny = ellipsoid(spot.x, spot.y, x, y, rx, ry)
    d = torch.maximum(
        d,
        spot.y - cell(y + level * u) - 0.06 * cell(f.pitch[rows] * u) * (1 - nx * nx).clamp(min=0),
    )
    c.blend(
        spot,
        coverage(d, spot.pixel),
        lit(colour, light_on(c, rows, nx, ny) * folded(c, spot, 0.05)),
    )


def _cap(c: Canvas, rows: Tensor, colour: Tensor, u: Tensor, head) -> None:
    f = c.figure
    _crown(c, rows, colour, u, head, -0.026, 0.010, 0.006)
    cos, sin = f.cos[rows], f.sin[rows]
    # The peak points forward: short towards the camera, long to the side.
    reach = (0.030 + 0.048 * sin.abs()) * u
    x = head[0] + sin * 0.058 * u
    y = head[1] - 0.022 * u + 0.014 * cos.clamp(min=0) * u
    seen = rows_of(cos > -0.75)
    if len(seen):
        height = (0.008 + 0.012 * cos.clamp(min=0)) * u
        ball(c, rows[seen], (x[seen], y[seen]), reach[seen], height[seen], colour[seen] * 0.78)


def _knitted(c: Canvas, rows: Tensor, colour: Tensor, u: Tensor, head) -> None:
    f = c.figure
    _crown(c, rows, colour, u, head, -0.018, 0.016, 0.009)
    rx = torch.sqrt((WIDTH * f.cos[rows]) ** 2 + (DEPTH * f.sin[rows]) ** 2) * u
    left, right = (
        (head[0] - rx * 0.9, head[1] - 0.022 * u),
        (head[0] + rx * 0.9, head[1] - 0.022 * u),
    )
    tube(c, rows, [left, right], [0.012 * u, 0.012 * u], colour * 0.8 + 0.06)
    bobble = c.p("hat_light")[rows] < 0.4
    some = rows_of(bobble)
    if len(some):
        ball(
            c,
            rows[some],
            (head[0][some], head[1][some] - 0.088 * u[some]),
            0.016 * u[some],
            0.015 * u[some],
            colour[some] * 0.7 + 0.25,
        )


def _sun_hat(c: Canvas, rows: Tensor, colour: Tensor, u: Tensor, head) -> None:
    colour = colour * 0.5 + 0.42 * torch.tensor([0.95, 0.86, 0.68], device=c.device)
    ball(c, rows, (head[0], head[1] - 0.022 * u), 0.094 * u, 0.024 * u, colour * 0.86)
    _crown(c, rows, colour, u, head, -0.026, 0.012, 0.008)
    ribbon = colour * 0.45
    tube(
        c,
        rows,
        [(head[0] - 0.042 * u, head[1] - 0.036 * u), (head[0] + 0.042 * u, head[1] - 0.036 * u)],
        [0.007 * u, 0.007 * u],
        ribbon,
    )
