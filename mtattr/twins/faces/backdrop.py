"""Backdrops: studio paper, lights out of focus, a wall, leaves, a room, a curtain."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.drawing.patterns import cells
from mtattr.twins.faces.canvas import Canvas, hill, noise, ramp, wave
from mtattr.twins.faces.skin import mixed

_QUIET = (
    (0.66, 0.70, 0.75), (0.28, 0.34, 0.43), (0.85, 0.80, 0.72), (0.62, 0.47, 0.36),
    (0.34, 0.50, 0.55), (0.78, 0.62, 0.54), (0.20, 0.21, 0.26), (0.90, 0.90, 0.89),
    (0.46, 0.56, 0.68), (0.50, 0.24, 0.25), (0.62, 0.72, 0.66), (0.18, 0.28, 0.40),
    (0.82, 0.74, 0.80), (0.88, 0.80, 0.62),
)  # fmt: skip
_LEAVES = ((0.14, 0.24, 0.14), (0.24, 0.34, 0.16), (0.32, 0.40, 0.24), (0.20, 0.30, 0.24))
_CURTAINS = (
    (0.46, 0.10, 0.13),
    (0.16, 0.22, 0.36),
    (0.62, 0.53, 0.42),
    (0.32, 0.20, 0.32),
    (0.70, 0.70, 0.68),
)


def draw_backdrop(c: Canvas) -> None:
    """Fill the picture: two colours mixed by a field that the kind of backdrop shapes."""
    n = c.numbers
    kind = (n.p("backdrop_kind") * 6).floor()
    first = mixed(_QUIET, n.p("backdrop_colour")) * n.pick("backdrop_light", 0.70, 1.08)
    second = torch.lerp(first, mixed(_QUIET, n.p("backdrop_second")), 0.55) * n.pick(
        "backdrop_light", 1.15, 0.80
    )
    for number, table in ((3, _LEAVES), (5, _CURTAINS)):
        is_kind = (kind == number).to(first.dtype)
        tone = mixed(table, n.p("backdrop_colour")) * n.pick("backdrop_light", 0.8, 1.15)
        first = first + is_kind * (tone - first)
        second = second + is_kind * (tone * 2.0 - 0.06 - second) * (0.75 if number == 3 else 0.5)
    lights = (kind == 1).to(first.dtype)
    first, second = (
        first * (1 - 0.42 * lights),
        second + lights * (torch.tensor([[0.98], [0.90], [0.76]], device=c.device) - second) * 0.55,
    )
    # One row of x and one column of y: what depends on one of them alone is computed once for all
    # pixels.
    x, y = c.gx[None, :, None], c.gy[:, None, None]
    field = torch.empty_like(c.x)
    for number, shape in enumerate((_studio, _bokeh, _wall, _foliage, _room, _curtain)):
        rows = (kind == number).nonzero()[:, 0]
        if len(rows):
            drawn = shape(n.rows(rows), x, y).expand(*c.image_shape, -1)
            field.scatter_(-1, rows.expand_as(drawn), drawn)
    torch.mul(field, (second - first)[:, None, None], out=c.picture)
    c.picture += first[:, None, None]


def _noise(n, x: Tensor, y: Tensor, scale: float | Tensor, stretch: float = 1.0) -> Tensor:
    u, v = torch.broadcast_tensors(
        x * scale + n.p("backdrop_u"), y * scale * stretch + n.p("backdrop_v")
    )
    return noise(u, v, n.p("backdrop_tile"))


def _studio(n, x: Tensor, y: Tensor) -> Tensor:
    u, v = x - n.pick("backdrop_u", -0.5, 0.5), y + n.pick("backdrop_v", -0.3, 0.5)
    return hill(u / 1.483, v / 1.483) * 0.9


def _bokeh(n, x: Tensor, y: Tensor) -> Tensor:
    seed = (n.p("backdrop_tile") * 1000).long()[:, None, None]
    period = n.pick("backdrop_scale", 0.34, 0.56)[:, None, None]
    u, v, chance = cells(
        (x + n.p("backdrop_u")).permute(2, 0, 1),
        (y + n.p("backdrop_v")).permute(2, 0, 1),
        period,
        seed,
        jitter=0.36,
    )
    size = period * (0.13 + 0.18 * chance[2])
    disc = ((size - torch.sqrt(u * u + v * v)) / 0.045).clamp(0, 1) * (chance[3] > 0.30)
    return (0.10 * y + 0.08) + (disc * (0.20 + 0.60 * chance[2] * chance[2])).permute(1, 2, 0)


def _wall(n, x: Tensor, y: Tensor) -> Tensor:
    grain = _noise(n, x, y, 0.55)
    boards = (x / n.pick("backdrop_scale", 0.28, 0.6) + n.p("backdrop_u")).frac()
    joint = hill((boards.abs() - 0.5) / 0.05) * (n.p("backdrop_v") > 0.5)
    return 0.40 + 0.10 * grain + 0.25 * x * n.pick("light_side", -1, 1) - 0.30 * joint


def _foliage(n, x: Tensor, y: Tensor) -> Tensor:
    broad, fine = _noise(n, x, y, 0.16), _noise(n, x + 0.3, y, 0.42)
    return (0.35 + 0.30 * broad + 0.22 * fine - 0.15 * y).clamp(0, 1.2)


def _room(n, x: Tensor, y: Tensor) -> Tensor:
    left = n.pick("backdrop_u", -0.9, 0.3)
    frame = (x - left - 0.30).abs() - 0.30
    window = ramp(torch.maximum(frame, (y + 0.35).abs() - 0.55), 0.03, -0.03)
    bars = 1 - 0.6 * hill((x - left - 0.30) / 0.04)
    shelf = ramp((y - n.pick("backdrop_v", 0.2, 0.6)).abs(), 0.045, 0.015)
    return 0.22 - 0.12 * y + 0.85 * window * bars + 0.25 * shelf * (1 - window)


def _curtain(n, x: Tensor, y: Tensor) -> Tensor:
    sway = 0.03 * wave(y * 0.35 + n.p("backdrop_v"))
    fold = wave((x + sway) * n.pick("backdrop_scale", 2.2, 4.0) + n.p("backdrop_u"))
    return 0.45 + 0.38 * fold + 0.16 * wave((x - sway) * 1.3 + n.p("backdrop_v")) - 0.10 * y
