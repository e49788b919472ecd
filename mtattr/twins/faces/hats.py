"""Hats: a knitted beanie, a cap with a peak, a brimmed hat and a straw hat."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.faces.canvas import Box, Canvas, hill, ramp
from mtattr.twins.faces.clothes import from_palette
from mtattr.twins.faces.skin import mixed

_STRAW = ((0.80, 0.66, 0.42), (0.88, 0.78, 0.58), (0.66, 0.50, 0.32))


def hat_rest(n) -> Tensor:
    """The level (B,) on which a hat sits, over the brows."""
    return n.pick("hat_depth", -0.315, -0.235)


def draw_hats(c: Canvas) -> None:
    """The hat over hair and forehead, with its shadow on the face."""
    rows = c.rows("Wearing_Hat")
    if rows is None:
        return
    p = c.box(-1.0, 1.0, -1.0, 0.06, rows)
    n, g = p.numbers, p.shape
    kind = n.p("hat_kind")
    beanie, cap = (kind < 0.34).float(), ((kind >= 0.34) & (kind < 0.62)).float()
    brim = 1 - beanie - cap
    tilt = n.pick("hat_tilt", -0.10, 0.10)
    x = p.x - g.axis(torch.full_like(g.width, -0.3)) * 0.8
    y = p.y - tilt * x
    rest = hat_rest(n)
    bend = 0.35 * x * x
    half = g.width + 0.058 + 0.02 * brim
    tall = 0.45 + 0.05 * n.p("hat_depth") + 0.03 * beanie - 0.045 * cap
    u, v = x / half, (y - rest) / tall
    lift = (-v).clamp(0)
    # A dome for beanie and cap; a crown with steeper walls and a dent for the brimmed hats.
    steep = (
        u * u * (1 - 0.20 * brim)
        + lift * lift * (1 - brim + brim * lift * lift)
        - 0.10 * brim * lift * hill(u / 0.3162)
    )
    narrow = 1 + brim * (0.02 + 0.14 * lift)
    dome = (torch.sqrt((steep * narrow * narrow).clamp(0) + 1e-6) - 1) * 0.42
    crown = torch.maximum(dome, y - rest - 0.05 + bend * 0.9)
    colour = from_palette(n.p("hat_colour"), n.p("hat_second"))
    straw = mixed(_STRAW, n.p("hat_second"))
    colour = colour + brim * (kind > 0.82) * (straw - colour)
    trim = from_palette(n.p("hat_second"), n.p("hat_colour"))
    side = n.pick("light_side", -0.34, 0.34)
    light = (
        1.02
        + side * u
        - 0.34 * u * u * u * u
        - 0.10 * lift
        + 0.10 * hill((u - side) / 0.577, (v + 0.62) / 0.447)
    )
    ribs = (u * 15 * (1 + 0.12 * lift)).frac().abs()
    light = light * (1 - 0.16 * beanie * hill((ribs - 0.5) / 0.2236))
    panel = (x - 0.25 * half * torch.sign(x) * (1 - lift * lift)).abs()
    light = light * (1 - 0.14 * cap * hill(panel / 0.0134))
    _shadow(p, x, y, rest, beanie, cap, brim)
    p.lay(p.edge(crown), colour[:, None, None] * light)
    # Beanie: a folded band; brimmed hats: a ribbon.
    fold = (
        p.edge(
            torch.maximum((y - rest + bend * 0.2 + 0.005).abs() - 0.075, (u.abs() - 1.03) * half)
        )
        * beanie
    )
    bulge = (
        1.06
        - ((y - rest + 0.005 + bend * 0.2) / 0.085)
        * ((y - rest + 0.005 + bend * 0.2) / 0.085)
        * 0.32
    )
    p.lay(fold, colour[:, None, None] * (light * bulge))
    ribbon = p.edge(torch.maximum((y - rest + 0.055).abs() - 0.040, crown)) * brim
    p.lay(ribbon, trim[:, None, None] * (0.75 * light))
    _peak(p, x, y, rest, cap, colour, side)
    _brim(p, x, y, rest, brim, colour, side)
    p.close()


def _shadow(
    p: Box, x: Tensor, y: Tensor, rest: Tensor, beanie: Tensor, cap: Tensor, brim: Tensor
) -> None:
    """What the hat takes from the light on forehead and hair."""
    reach = 0.10 + 0.10 * cap + 0.06 * brim - 0.03 * beanie
    fall = ramp(y, rest + 0.03 + reach * 1.5, rest + 0.03) * hill(x / 0.5477)
    p.shade(
        1 - (0.42 - 0.12 * beanie) * fall * torch.maximum(p.of(p.canvas.head), p.of(p.canvas.front))
    )


def _peak(
    p: Box, x: Tensor, y: Tensor, rest: Tensor, cap: Tensor, colour: Tensor, side: Tensor
) -> None:
    """The peak of a cap, seen from the front: a crescent over the forehead, its underside dark."""
    u = x / 0.375
    top, low = rest - 0.045 + 0.055 * u * u, rest + 0.100 - 0.105 * u * u
    p.shade(
        1 - 0.30 * cap * p.edge(torch.maximum(y - low - 0.030, x.abs() - 0.36), 0.05) * (y > rest)
    )
    peak = p.edge(torch.maximum(top - y, y - low)) * cap
    across = (y - top) / (low - top).clamp(min=0.01)
    tone = (
        0.78 + side * u + 0.34 * hill((across - 0.55) / 0.4) - 0.30 * hill((across - 1.0) / 0.1095)
    )
    p.lay(peak, colour[:, None, None] * tone)


def _brim(
    p: Box, x: Tensor, y: Tensor, rest: Tensor, brim: Tensor, colour: Tensor, side: Tensor
) -> None:
    """A wide oval brim, its underside hidden by the tilt towards the viewer."""
    wide = 0.62 + 0.12 * (p.numbers.p("hat_kind") > 0.82)
    u = x / wide
    v = (y - rest - 0.035 + 0.16 * u * u) / 0.062
    oval = (torch.sqrt(u * u + v * v * 1.0 + 1e-6) - 1) * 0.06
    tone = 0.86 + 0.35 * side * u + 0.26 * ramp(-v, -0.2, 0.9) - 0.22 * ramp(v, 0.2, 0.9)
    p.lay(p.edge(oval) * brim, colour[:, None, None] * tone)
