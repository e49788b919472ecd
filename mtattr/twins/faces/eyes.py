"""Eyes, lids, lashes and brows, and the make-up around the eyes."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.faces.canvas import Box, Canvas, hill, ramp
from mtattr.twins.faces.head import EYE
from mtattr.twins.faces.skin import fixed, mixed

_IRISES = (
    (0.26, 0.15, 0.09), (0.34, 0.20, 0.11), (0.44, 0.29, 0.16), (0.46, 0.42, 0.24),
    (0.36, 0.46, 0.36), (0.36, 0.50, 0.62), (0.46, 0.60, 0.72),
)  # fmt: skip
_BROWS = ((0.075, 0.055, 0.05), (0.16, 0.105, 0.08), (0.30, 0.20, 0.14), (0.46, 0.33, 0.22))
_SHADOWS = (
    (0.38, 0.24, 0.22),
    (0.30, 0.22, 0.34),
    (0.50, 0.30, 0.36),
    (0.34, 0.30, 0.26),
    (0.24, 0.30, 0.40),
    (0.56, 0.38, 0.24),
)


def draw_eyes(c: Canvas) -> None:
    """Both eyes in one box: the left one mirrored, but for gaze and light."""
    n = c.numbers
    p = c.box(-0.34, 0.34, -0.12, 0.12)
    size = n.pick("eye_size", 0.94, 1.08)
    narrow = n.has("Narrow_Eyes")
    half = 0.088 * size
    u = p.fx.abs() - EYE
    v = p.fy + n.pick("eye_tilt", -0.02, 0.10) * u
    s = u / half
    inside = (1 - s * s).clamp(0)
    open_ = n.pick("eye_openness", 0.90, 1.08) * (1 - 0.56 * narrow) * size
    rise = 0.5 * (inside + inside * (2 - inside) * 0.9)
    upper = -0.0390 * open_ * rise * (1 - 0.10 * s)
    lower = 0.0285 * open_ * inside * (1 + 0.18 * s) * (1 - 0.15 * narrow)
    _shadow(p, u, v)
    # Sclera and iris under the lids, then the lids' edges over them.
    white = p.edge(torch.maximum(upper - v, v - lower)) * ramp(1.02 - s.abs(), 0.0, 0.10)
    clear = n.has("Attractive")
    ball = (
        fixed((0.90, 0.885, 0.87), clear) * (0.86 + 0.12 * clear) * (0.86 + 0.14 * p.own(c.skin[0]))
    )
    light = (
        (0.62 + 0.38 * p.of(c.light).clamp(0.2, 1.1))
        * (1 - 0.30 * s * s)
        * (1 - 0.50 * hill((v - upper) / 0.02))
    )
    p.lay(white, ball[:, None, None] * light)
    _iris(p, u, v, white, upper)
    _lids(p, u, v, s, upper, lower)


def _shadow(p: Box, u: Tensor, v: Tensor) -> None:
    """Eye shadow on the lid and above it, a sign of heavy make-up."""
    n = p.numbers
    strength = n.has("Heavy_Makeup") * n.pick("makeup_strength", 0.55, 0.85)
    colour = mixed(_SHADOWS, n.p("makeup_colour"))
    q = (u - 0.012) / 0.115, (v + 0.040) / 0.052
    lid = hill(*q) * ramp(v, 0.02, -0.012)
    p.paint(lid * strength, colour)


def _iris(p: Box, u: Tensor, v: Tensor, white: Tensor, upper: Tensor) -> None:
    """Iris, pupil and catchlight, in the shade of the upper lid."""
    n = p.numbers
    gaze_x, gaze_y = (
        n.pick("gaze_x", -0.010, 0.010) + 0.004 * p.shape.turn,
        n.pick("gaze_y", -0.002, 0.004),
    )
    x, y = u * p.side - gaze_x, v - gaze_y + 0.0035
    radius = torch.sqrt(x * x + y * y)
    size = n.pick("eye_size", 0.0370, 0.0405)
    iris = p.edge(radius - size) * white
    colour = mixed(
        _IRISES, n.p("eye_colour") * n.p("eye_colour") * (1 - 0.9 * n.p("skin_tone"))
    ) * n.pick("eye_colour_light", 0.85, 1.25)
    rim = 1 - 0.55 * ramp(radius, 0.62 * size, 1.0 * size)
    glow = (1.05 + 0.5 * hill(x / 0.025, (y - 0.016) / 0.025)) * rim
    cast = 1 - 0.45 * hill((v - upper) / 0.0173)
    p.lay(iris, colour[:, None, None] * (glow * cast))
    p.paint(p.edge(radius - 0.0165) * white, fixed((0.035, 0.028, 0.028), size))
    clear = n.has("Attractive")
    side = n.pick("light_side", -0.012, 0.012)
    spot = x - side, y + 0.011
    glint = p.edge(torch.sqrt(spot[0] * spot[0] + spot[1] * spot[1]) - 0.0078, 0.005) * (
        0.60 + 0.35 * clear
    )
    p.paint(glint * white, fixed((1.0, 0.99, 0.97), size))


def _lids(p: Box, u: Tensor, v: Tensor, s: Tensor, upper: Tensor, lower: Tensor) -> None:
    """Lashes, liner, the crease above the eye, the rim below it and the tear duct."""
    n = p.numbers
    makeup = n.has("Heavy_Makeup")
    within = ramp(1.06 - s.abs(), 0.0, 0.10)
    line = 0.0058 + 0.0048 * makeup
    taper = 0.55 + 0.45 * ramp(s, -0.9, 0.7)
    lash = p.edge((v - upper + 0.002).abs() - line * taper) * within
    # Lashes swing out beyond the outer corner; a liner's wing goes further.
    q = u - 0.074, v + 0.004 + (0.42 + 0.30 * makeup) * (u - 0.074)
    reach = 0.022 + 0.018 * makeup
    wing = p.edge(
        q[1].abs() - (0.0050 + 0.0035 * makeup) * (1 - q[0] / reach).clamp(0, 1.2)
    ) * ramp(q[0], -0.02, 0.0)
    wing = wing * ramp(q[0], reach, 0.7 * reach) * (0.22 + 0.78 * makeup)
    dark = fixed((0.085, 0.055, 0.050), makeup)
    p.paint(torch.maximum(lash * (0.80 + 0.15 * makeup), wing), dark)
    fold = n.pick("lid_fold", 0.016, 0.026)
    crease = p.edge((v - upper + fold).abs() - 0.0035, 0.010) * ramp(1.0 - s.abs(), -0.05, 0.25)
    below = p.edge((v - lower - 0.001).abs() - 0.0022, 0.006) * ramp(1.0 - s.abs(), -0.05, 0.3)
    warm = p.own(p.canvas.skin) * fixed((0.40, 0.25, 0.22), makeup)
    p.paint(torch.maximum(crease * 0.50, below * (0.34 + 0.42 * makeup)), warm * (1 - 0.4 * makeup))
    tear = hill((s + 0.92) / 0.173, v / 0.0126)
    p.paint(tear * 0.5, fixed((0.80, 0.52, 0.48), makeup))


def draw_brows(c: Canvas) -> None:
    """Tapered strokes of hair, arched or level, thin or bushy."""
    n, g = c.numbers, c.shape
    p = c.box(-0.36, 0.36, -0.22, -0.02)
    arched, bushy = n.has("Arched_Eyebrows"), n.has("Bushy_Eyebrows")
    inner, outer = (
        n.pick("eye_spacing", 0.058, 0.074) - 0.008 * bushy,
        n.pick("brow_length", 0.262, 0.285),
    )
    u = p.fx.abs()
    t = (u - inner) / (outer - inner)
    # Level brows drop slowly; arched ones climb to two thirds and then fall.
    peak = n.pick("brow_slope", 0.60, 0.70)
    arch = 0.014 + 0.040 * arched
    up = ramp(t, -0.05, peak)
    fall = ramp(t, peak, 1.05)
    middle = (
        g.brow_y
        - arch * (up * (2 - up) - 1.0 * fall * fall * (0.45 + 0.55 * arched))
        + 0.013 * arched
    )
    middle = middle + p.side * n.pick("asymmetry", -0.007, 0.007)
    thick = n.pick("brow_thickness", 0.0115, 0.0150) * (1 + 0.62 * bushy)
    half = thick * ramp(t, -0.22, 0.26) * (1 - 0.72 * ramp(t, 0.45 + 0.15 * bushy, 1.05))
    d = (p.fy - middle).abs() - half
    ends = ramp(t, -0.06, 0.06) * ramp(t, 1.06, 0.90)
    grain = 0.86 + 0.14 * _comb(u * 46 - p.fy * 38 + n.p("wrinkle_seed") * 7)
    body = p.edge(d, 0.012) * ends * grain
    fringe = p.edge(d - 0.007, 0.016) * ends * (0.5 + 0.5 * _comb(u * 46 - p.fy * 40)) * bushy
    tone = mixed(_BROWS, n.p("brow_tone") * (1 - 0.6 * n.p("skin_tone")))
    strength = n.pick("brow_thickness", 0.62, 0.86) + 0.12 * bushy
    p.paint(
        torch.maximum(body * strength.clamp(max=0.90), fringe * 0.6),
        tone * (0.65 + 0.35 * p.own(c.skin)),
    )


def _comb(t: Tensor) -> Tensor:
    """Strands across a stroke, in [0, 1]."""
    f = t - t.floor()
    return (f - 0.5).abs() * 2
