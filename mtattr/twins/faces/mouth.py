"""The mouth: lips, teeth, smile and lipstick."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.faces.canvas import Box, Canvas, hill, ramp
from mtattr.twins.faces.skin import fixed, mixed

_LIPSTICKS = (
    (0.72, 0.10, 0.16), (0.80, 0.20, 0.26), (0.86, 0.32, 0.40), (0.62, 0.14, 0.24),
    (0.78, 0.26, 0.22), (0.52, 0.10, 0.20), (0.84, 0.40, 0.42),
)  # fmt: skip


def mouth_corner(c: Canvas) -> tuple[Tensor, Tensor]:
    """Where the mouth's corners lie on the face, (B,) each: distance from the middle, and level."""
    n, g = c.numbers, c.shape
    smile = n.has("Smiling")
    half = g.mouth_width + 0.030 * smile - 0.012 * n.has("Mouth_Slightly_Open") * (1 - smile)
    return half, g.mouth_y - 0.45 * _bend(n)


def _bend(n) -> Tensor:
    """How far the line of the lips bends up towards the corners."""
    smile = n.has("Smiling")
    return smile * n.pick("smile_strength", 0.030, 0.046) + 0.007 * (1 - smile)


def draw_mouth(c: Canvas) -> None:
    """Lips around a closed line, or around teeth and darkness; the corners rise in a smile."""
    n, g = c.numbers, c.shape
    p = c.box(-0.26, 0.26, 0.24, 0.54)
    smile, open_, big = n.has("Smiling"), n.has("Mouth_Slightly_Open"), n.has("Big_Lips")
    half, _ = mouth_corner(c)
    x = p.fx - g.turn * 0.012
    y = p.fy - g.mouth_y - n.pick("smile_skew", -0.05, 0.05) * x * smile
    s = x / half
    s2 = s * s
    inside = (1 - s2).clamp(0)
    line = _bend(n) * (0.55 - s2) + 0.004 * (1 - smile)
    gap = open_ * (n.pick("mouth_gap", 0.030, 0.050) + 0.012 * smile)
    full = n.pick("lip_fullness", 0.85, 1.12) * (1 + 0.60 * big) * (1 - 0.14 * smile)
    bow = n.pick("lip_bow", 0.16, 0.34)
    dip = hill(s / 0.187)
    crest = inside * (0.72 + 0.28 * inside)
    top_line = line - 0.26 * gap * inside
    low_line = line + 0.80 * gap * inside * (0.8 + 0.2 * inside)
    top = top_line - 0.0290 * full * crest * (1 - bow * dip)
    low = low_line + 0.0385 * full * inside * (0.55 + 0.45 * inside)
    _dimples(p, x, y, half, smile)
    lips = p.edge(torch.maximum(top - y, y - low), 0.009)
    within = p.edge(s.abs() * half - half)
    lips = lips * within
    stick = n.has("Wearing_Lipstick")
    natural = c.skin * fixed((0.90, 0.66, 0.64), stick) + fixed((0.02, -0.015, -0.005), stick) * (
        1 + n.p("lip_tone")
    )
    painted = mixed(_LIPSTICKS, n.p("lipstick_colour")) * (0.55 + 0.45 * c.skin[:1]).clamp(0.62, 1)
    colour = natural + stick * (painted - natural)
    # The upper lip faces down, the lower one up and carries the gleam.
    upper = ((y - top) / (top_line - top).clamp(min=0.004)).clamp(0, 1)
    lower = ((y - low_line) / (low - low_line).clamp(min=0.004)).clamp(0, 1)
    under = (y > 0.5 * (top_line + low_line)).to(y.dtype)
    form = (1 - under) * (0.96 - 0.26 * upper) + under * (1.10 - 0.34 * lower * lower)
    light = form * (0.25 + 0.75 * p.of(c.light))
    p.lay(lips * (0.90 + 0.05 * stick), colour[:, None, None] * light)
    gloss = n.pick("lipstick_gloss", 0.10, 0.22) + stick * n.pick("lipstick_gloss", 0.05, 0.30)
    a, b = (x - 0.02 * n.pick("light_side", -1, 1)) / (0.45 * half), (lower - 0.40) / 0.34
    shine = under * hill(a, b) * lips * gloss
    p.paint(shine, fixed((1.0, 0.96, 0.95), stick))
    _inside(p, x, y, s, top_line, low_line, gap, within)
    # The line between the lips, deeper at the corners.
    closed = (
        p.edge((y - line).abs() - 0.0030 * (0.6 + 0.4 * inside), 0.005)
        * ramp(1.05 - s.abs(), 0.0, 0.10)
        * (1 - 0.85 * open_)
    )
    corner = (s.abs() - 0.97) / 0.10, (y - line) / 0.013
    corner = hill(*corner)
    p.paint(
        (closed * 0.72 + corner * 0.45).clamp(0, 0.85), colour * fixed((0.36, 0.22, 0.22), stick)
    )
    v = (y - low - 0.012) / 0.020
    p.shade(1 - 0.16 * hill(v) * inside)


def _dimples(p: Box, x: Tensor, y: Tensor, half: Tensor, smile: Tensor) -> None:
    """The folds that a smile presses beside the corners."""
    u = (x.abs() - half - 0.022 + 0.35 * (y + 0.02)) / 0.020
    v = (y + 0.022) / 0.060
    p.shade(1 - 0.20 * smile * hill(u) * hill(v))
    u = (x.abs() - half - 0.045) / 0.055
    v = (y + 0.050) / 0.055
    p.shade(1 + 0.09 * smile * hill(u, v))


def _inside(
    p: Box,
    x: Tensor,
    y: Tensor,
    s: Tensor,
    top_line: Tensor,
    low_line: Tensor,
    gap: Tensor,
    within: Tensor,
) -> None:
    """The dark of an open mouth and a band of teeth; a smile shows more of them."""
    n = p.numbers
    open_ = n.has("Mouth_Slightly_Open")
    hole = p.edge(torch.maximum(top_line - y, y - low_line)) * within * open_
    p.paint(hole, fixed((0.20, 0.055, 0.055), gap))
    smile = n.has("Smiling")
    depth = gap * (0.62 + 0.26 * smile)
    edge = top_line + depth * (1 - 0.35 * s * s) * (1 - s * s).clamp(0)
    teeth = p.edge(torch.maximum(top_line - y, y - edge), 0.006) * within * open_
    shade = (1 - 0.42 * s * s) * (0.70 + 0.30 * ramp(y - top_line, -0.002, 0.012))
    seam = x / 0.026 + 0.5
    seam = (seam - seam.floor() - 0.5).abs() - 0.5
    seams = 1 - 0.10 * hill(seam / 0.1095)
    ivory = fixed((0.955, 0.935, 0.895), gap)
    p.lay(teeth, ivory[:, None, None] * (shade * seams * (0.72 + 0.28 * p.of(p.canvas.light))))
