"""Clothes over neck and shoulders, necktie and necklace."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from mtattr.twins.drawing.colour import PALETTE
from mtattr.twins.faces.canvas import Box, Canvas, hill, ramp
from mtattr.twins.faces.skin import fixed, mixed

METALS = ((0.86, 0.68, 0.34), (0.92, 0.80, 0.52), (0.80, 0.80, 0.83), (0.70, 0.71, 0.75))
GEMS = (
    (0.95, 0.94, 0.92),
    (0.10, 0.34, 0.46),
    (0.62, 0.08, 0.16),
    (0.12, 0.42, 0.26),
    (0.30, 0.18, 0.48),
    (0.94, 0.92, 0.86),
)
_TIES = (
    (0.46, 0.08, 0.12),
    (0.10, 0.16, 0.34),
    (0.14, 0.30, 0.28),
    (0.36, 0.14, 0.34),
    (0.12, 0.12, 0.14),
    (0.66, 0.44, 0.12),
)
_SUITS = (
    (0.09, 0.10, 0.13),
    (0.16, 0.18, 0.24),
    (0.24, 0.24, 0.26),
    (0.22, 0.17, 0.14),
    (0.34, 0.35, 0.38),
)


def from_palette(at, light):
    """Colours (3, B) of cloth: a palette entry by `at`, lighter or darker by `light`."""
    table = torch.tensor(PALETTE, device=at.device).T
    return (
        table[:, (at * len(PALETTE)).long().clamp(max=len(PALETTE) - 1)] * (0.80 + 0.35 * light)
    ).clamp(0.03, 0.97)


def draw_clothes(c: Canvas) -> None:
    """A shirt under a jacket, a t-shirt, a knit, or a dress, by `clothes_kind`."""
    n, g = c.numbers, c.shape
    p = c.box(-1.0, 1.0, 0.58, 1.05)
    kind = n.p("clothes_kind")
    suit, shirt, tee = (
        (kind < 0.20).float(),
        (kind >= 0.20).float() * (kind < 0.32),
        (kind >= 0.32).float() * (kind < 0.55),
    )
    deep = (kind >= 0.72).float()
    x, y = p.x - g.turn * 0.02, p.y
    far = x.abs()
    collared = suit + shirt
    # Where cloth meets skin: a round or pointed neckline, which in shirts hugs the neck.
    width = 0.245 + 0.02 * tee + 0.08 * deep * n.p("neckline")
    depth = 0.075 + n.pick("neckline", 0.0, 0.06) + 0.13 * deep - 0.05 * tee + 0.07 * collared
    point = collared + (1 - collared) * (n.p("neckline") > 0.55)
    line = far / width
    drop = (1 - point) * (1 - line * line) + point * (1 - line) * 1.12
    neckline = 0.800 - 0.045 * collared + depth * drop
    body = ramp(y, 0.66, 0.98)
    half = (
        torch.maximum(
            g.neck + 0.02 * body, 0.19 + n.pick("shoulder_width", 0.58, 0.70) * body * body
        )
        + 0.022
    )
    cut = torch.maximum(neckline - y, (far - half) * 0.7)
    alpha = p.edge(cut, 0.006)
    colour = from_palette(n.p("clothes_colour"), n.p("clothes_light"))
    pale = mixed(
        ((0.95, 0.95, 0.96), (0.80, 0.86, 0.93), (0.93, 0.90, 0.86)), n.p("clothes_second")
    )
    colour = colour + suit * (pale - colour)
    side = n.pick("light_side", -0.22, 0.22)
    slope = (
        1.02 + side * x - 0.30 * far * far - 0.20 * ramp(y, 0.86, 1.02) + 0.10 * ramp(y, 0.98, 0.84)
    )
    folds = (
        x * 9
        + (y - 0.7) * (4 - 8 * n.p("clothes_pattern")) * torch.sign(x)
        + n.p("clothes_second") * 3
    )
    folds = folds - folds.floor() - 0.5
    slope = slope + 0.09 * (folds.abs() - 0.25) * ramp(far, 0.10, 0.4)
    stripes = (y * n.pick("clothes_second", 10, 18)).frac()
    stripes = (
        ((stripes.abs() - 0.5).abs() < 0.22).float() * (n.p("clothes_pattern") > 0.82) * (1 - suit)
    )
    slope = slope * (1 - 0.30 * stripes)
    shadow = 1 - 0.38 * hill(far / 0.3162, (y - g.chin - 0.02) / 0.2121)
    p.lay(alpha, colour[:, None, None] * (slope * shadow))
    hem = p.edge((y - neckline).abs() - 0.010, 0.006) * alpha * (1 - collared)
    p.shade(1 - 0.16 * hem)
    _jacket(p, x, y, far, suit, half)
    _collar(p, far, y, collared, colour)


def _flap(p: Box, far: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Signed distance to the half of a collar (mirrored by `far`), and to its lower edge."""
    neck = p.shape.neck
    corners = ((neck + 0.004, 0.735), (0.010, 0.868), (0.108, 0.950), (neck + 0.088, 0.800))
    sides = []
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        dx, dy = bx - ax, by - ay
        length = torch.as_tensor(dx * dx + dy * dy, device=far.device).sqrt()
        sides.append((y - ay) * (dx / length) - (far - ax) * (dy / length))
    return functools.reduce(torch.maximum, sides), torch.maximum(sides[1], sides[2])


def _collar(p: Box, far: Tensor, y: Tensor, collared: Tensor, colour: Tensor) -> None:
    """Two flaps that meet under the throat, and their shadow on the cloth below."""
    flap, edge = _flap(p, far, y)
    p.shade(1 - 0.30 * collared * p.edge(flap - 0.014, 0.024))
    tone = 1.04 - 0.22 * hill(edge / 0.0126) - 0.5 * (far - 0.12) * (far - 0.12)
    p.lay(p.edge(flap, 0.005) * collared, colour[:, None, None] * tone)


def _jacket(p: Box, x: Tensor, y: Tensor, far: Tensor, suit: Tensor, half: Tensor) -> None:
    n = p.numbers
    colour = mixed(_SUITS, n.p("clothes_colour"))
    opening = 0.02 + (0.99 - y) * 0.95
    lapel = (
        p.edge(torch.maximum(opening - far, (far - half - 0.02) * 0.7), 0.006)
        * ramp(y, 0.755, 0.785)
        * suit
    )
    tone = (
        0.95
        + n.pick("light_side", -0.35, 0.35) * x
        - 0.2 * far * far
        + 0.28 * hill((far - opening - 0.01) / 0.02)
    )
    tone = tone * (1 - 0.45 * hill((far - opening - 0.15) / 0.0158))
    p.lay(lapel, colour[:, None, None] * tone)


def draw_necktie(c: Canvas) -> None:
    """A knot under the collar and the blade below it, on a shirt's collar of its own."""
    rows = c.rows("Wearing_Necktie")
    if rows is None:
        return
    p = c.box(-0.34, 0.34, 0.66, 1.05, rows)
    n, g = p.numbers, p.shape
    x, y = p.x - g.turn * 0.02, p.y
    far = x.abs()
    white = mixed(((0.96, 0.96, 0.97), (0.82, 0.87, 0.94)), n.p("clothes_second"))
    panel = p.edge(
        torch.maximum(
            far - 0.245 + 0.6 * (y - 0.80).clamp(0), 0.775 + 0.32 * (0.235 - far) * 1.2 - y
        ),
        0.006,
    )
    shade = 0.92 - 0.30 * hill((y - 0.80) / 0.1414)
    p.lay(panel, white[:, None, None] * shade)
    blade = torch.maximum(far - 0.042 - 0.24 * (y - 0.91).clamp(0), 0.89 - y)
    knot = torch.maximum(far - 0.062 + 0.24 * (y - 0.845), (y - 0.885).abs() - 0.046)
    tie = p.edge(torch.minimum(blade, knot), 0.004)
    colour = mixed(_TIES, n.p("tie_colour"))
    pattern = ((x + y) * 16).frac().abs()
    pattern = 1 + 0.45 * ((pattern - 0.5).abs() < 0.14) * (n.p("tie_pattern") > 0.5)
    tone = (1.15 - 90 * x * x * 2.2) * pattern * (1 - 0.35 * hill((y - 0.935) / 0.0134))
    p.lay(tie, colour[:, None, None] * tone.clamp(0.4, 1.7))
    _collar(p, far, y, torch.ones_like(g.turn), white)
    p.close()


def draw_necklace(c: Canvas) -> None:
    """A chain, a chain with a pendant, or pearls."""
    rows = c.rows("Wearing_Necklace")
    if rows is None:
        return
    p = c.box(-0.36, 0.36, 0.62, 1.05, rows)
    n, g = p.numbers, p.shape
    x, y = p.x - g.turn * 0.02, p.y
    kind = n.p("necklace_kind")
    pearls = (kind > 0.62).float()
    low = n.pick("necklace_length", 0.875, 0.955)
    span = g.neck + 0.030
    u = x / span
    line = low - (low - 0.735) * u * u
    slope = torch.sqrt(1 + (2 * (low - 0.735) * u / span) * (2 * (low - 0.735) * u / span))
    d = (y - line).abs() / slope
    metal = mixed(METALS, n.p("metal"))
    bead = (x * slope / 0.042).frac().abs()
    bead = 4 * bead * (1 - bead)
    thick = 0.0075 + pearls * (0.006 + 0.0085 * bead)
    chain = p.edge(d - thick, 0.004) * (u.abs() < 1.0)
    p.shade(1 - 0.30 * p.edge((d - thick - 0.010) * 1.0, 0.012) * (u.abs() < 1.0))
    tone = 0.72 + 0.55 * hill(1.14 * d / thick) + 0.22 * bead
    colour = metal + pearls * (fixed((0.95, 0.92, 0.88), kind) - metal)
    p.lay(chain, colour[:, None, None] * tone)
    gem = ((kind > 0.28) & (kind <= 0.62)).float()
    a, b = x / 0.034, (y - low - 0.036) / 0.042
    stone = p.edge((torch.sqrt(a * a + b * b + 1e-6) - 1) * 0.036, 0.004) * gem
    glow = 0.75 + 0.5 * hill(a + 0.35, b + 0.4)
    rim = hill((a * a + b * b - 0.85) / 0.3464)
    p.lay(stone, mixed(GEMS, n.p("gem_colour"))[:, None, None] * glow)
    p.paint(stone * rim * 0.85, metal)
    p.close()
