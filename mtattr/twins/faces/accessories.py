"""Glasses and earrings."""

from __future__ import annotations

import torch

from mtattr.twins.drawing.shapes import box
from mtattr.twins.faces.canvas import Canvas, hill, ramp
from mtattr.twins.faces.clothes import GEMS, METALS
from mtattr.twins.faces.head import EYE
from mtattr.twins.faces.skin import fixed, mixed

_FRAMES = (
    (0.06, 0.055, 0.06),
    (0.22, 0.12, 0.07),
    (0.36, 0.10, 0.12),
    (0.10, 0.14, 0.24),
    (0.50, 0.40, 0.24),
    (0.62, 0.62, 0.64),
)


def draw_glasses(c: Canvas) -> None:
    """Round, rectangular, half-rimmed or dark glasses, with bridge and temples."""
    rows = c.rows("Eyeglasses")
    if rows is None:
        return
    p = c.box(-0.48, 0.48, -0.16, 0.18, rows)
    n = p.numbers
    kind = n.p("glasses_kind")
    round_, half_rim, dark = (
        (kind < 0.27).float(),
        ((kind >= 0.62) & (kind < 0.80)).float(),
        (kind >= 0.80).float(),
    )
    size = n.pick("glasses_size", 0.92, 1.08)
    x, y = p.fx.abs() - EYE - 0.006, p.fy - 0.012
    width = size * (0.122 - 0.016 * round_ + 0.008 * dark)
    height = size * (0.074 + 0.024 * round_ + 0.018 * dark)
    y = y - 0.012 * dark
    lens = box(
        x,
        y + 0.05 * x * dark,
        0.0,
        0.0,
        width,
        height,
        torch.minimum(width, height) * (0.55 + 0.44 * round_ + 0.20 * dark),
    )
    thick = n.pick("glasses_size", 0.0065, 0.0115) + 0.003 * dark
    lower = ramp(y, 0.018, -0.004)
    rim = p.edge(lens.abs() - thick) * (1 - half_rim * (1 - lower))
    bridge = p.edge((p.fy + 0.010 - 1.6 * p.fx * p.fx).abs() - thick * 0.9) * ramp(
        EYE + 0.006 - width - p.fx.abs(), -0.012, 0.0
    )
    reach = p.fx.abs() - EYE - 0.006 - width
    head = p.edge(p.shape.outline(p.x, p.y)[0] - 0.012)
    temple = (
        p.edge((p.fy + 0.022 - 0.06 * reach).abs() - thick * 0.9)
        * ramp(reach, -0.006, 0.004)
        * head
    )
    frame = torch.maximum(torch.maximum(rim, bridge), temple)
    inside = p.edge(lens)
    tint = mixed(
        ((0.05, 0.05, 0.06), (0.16, 0.10, 0.07), (0.07, 0.10, 0.16)), n.p("glasses_colour")
    )
    fade = 0.93 - 0.22 * ramp(y, -0.05, 0.10)
    p.paint(inside * dark * fade, tint)
    stripe = (x * p.side + 0.75 * y - n.pick("glasses_glare", -0.05, 0.05)) / 0.030
    glare = hill(stripe) * inside * (n.pick("glasses_glare", 0.05, 0.24) + 0.10 * dark)
    p.paint(glare + inside * 0.035 * (1 - dark), fixed((0.97, 0.985, 1.0), kind))
    fall = p.edge((lens - 0.012).abs() - thick * 1.3, 0.020) * ramp(y, -0.02, 0.05) * (1 - frame)
    p.shade(1 - 0.16 * fall)
    colour = mixed(_FRAMES, n.p("glasses_colour") * (1 - 0.6 * dark))
    gleam = 1 + 0.9 * hill((lens / thick + 0.25) / 0.845) * ramp(-y, -0.02, 0.06)
    p.lay(frame, colour[:, None, None] * gleam)
    p.close()


def draw_earrings(c: Canvas) -> None:
    """Studs, drops or hoops at the lobes; hair that falls before the ears covers them in part."""
    rows = c.rows("Wearing_Earrings")
    if rows is None:
        return
    p = c.box(-0.56, 0.56, 0.08, 0.48, rows)
    n, g = p.numbers, p.shape
    x = p.x - g.axis(torch.full_like(g.width, 0.19))
    side = torch.sign(x)
    seen = 1 - 0.85 * (side * g.turn * 1.6 - 0.45).clamp(0, 1)
    u = x.abs() - g.width - 0.006
    v = p.y - 0.188
    kind, size = n.p("earring_kind"), n.pick("earring_size", 0.8, 1.25)
    metal, gem = mixed(METALS, n.p("metal")), mixed(GEMS, n.p("gem_colour"))
    stud, drop, hoop = (
        (kind < 0.30).float(),
        ((kind >= 0.30) & (kind < 0.65)).float(),
        (kind >= 0.65).float(),
    )
    pearl = torch.sqrt(u * u + v * v + 1e-9) - 0.0215 * size
    length = 0.115 * size
    a, b = u / 0.025, (v - length) / 0.040
    jewel = (torch.sqrt(a * a + b * b + 1e-6) - 1) * 0.027 * size
    chain = torch.maximum(u.abs() - 0.0055, (v - length / 2).abs() - length / 2)
    radius = 0.062 * size
    ring = (torch.sqrt(u * u * 1.5 + (v - radius) * (v - radius) + 1e-9) - radius).abs() - 0.0085
    shape = stud * pearl + drop * torch.minimum(jewel, chain) + hoop * ring
    cover = 1 - 0.45 * p.of(c.front)
    alpha = p.edge(shape, 0.004) * seen * cover
    is_gem = stud * 0.5 + drop * (jewel < 0.004)
    glow = (
        0.72
        + 0.65 * hill((u + 0.010) / 0.02, (v - drop * length + 0.010) / 0.0245)
        + 0.3 * hoop * hill(u / 0.0346)
    )
    p.shade(1 - 0.22 * p.edge(shape - 0.012, 0.02) * seen * cover)
    colour = metal[:, None, None] + is_gem * (gem - metal)[:, None, None]
    p.lay(alpha, colour * glow)
    p.close()
