"""Hair of the face: moustache, goatee, sideburns, a beard along the jaw, and stubble."""

from __future__ import annotations

from torch import Tensor

from mtattr.twins.faces.canvas import Box, Canvas, hill, noise, ramp
from mtattr.twins.faces.skin import mixed

_TONES = (
    (0.050, 0.040, 0.040),
    (0.11, 0.075, 0.060),
    (0.19, 0.12, 0.085),
    (0.31, 0.20, 0.13),
    (0.45, 0.30, 0.18),
)
_GRAYS = ((0.46, 0.45, 0.45), (0.70, 0.69, 0.68))


def draw_beard(c: Canvas) -> None:
    """Each kind is a soft field of its own place; short hairs drawn as noise break its edge."""
    n = c.numbers
    shown = (n.has("No_Beard") < 1) | (
        n.has("Mustache") + n.has("Goatee") + n.has("Sideburns") + n.has("5_o_Clock_Shadow") > 0
    )
    rows = shown.nonzero()[:, 0]
    if len(rows) == 0:
        return
    p = c.box(-0.50, 0.50, -0.16, 0.80, rows)
    n, g = p.numbers, p.shape
    hairs = _hairs(p)
    distance, across, _ = g.outline(p.x, p.y, 0.006)
    inside = p.edge(distance - 0.006, 0.02)
    far = (p.fx - g.turn * 0.012).abs()
    rise = p.fy - g.mouth_y
    tone = n.p("beard_tone")
    gray = ramp(tone, 0.85, 0.90)
    colour = mixed(_TONES, tone / 0.85)
    colour = colour + gray * (mixed(_GRAYS, (tone - 0.85) / 0.15) - colour)
    light = (0.42 + 0.58 * p.of(c.light)) * (1 + 0.22 * hairs)
    lips = hill(far / (g.mouth_width + 0.03) * 0.787, (rise - 0.01) / 0.0823)
    clear = (1 - 1.6 * lips).clamp(0)
    thick = n.pick("beard_density", 0.52, 0.92)
    jaw = _jaw(p, rise, across, hairs) * clear * thick * (1 - n.has("No_Beard"))
    goatee = (
        _goatee(p, far, rise, hairs)
        * n.has("Goatee")
        * (0.10 + 0.90 * thick)
        * (1 - 1.4 * lips).clamp(0)
    )
    burns = _sideburns(p, across, hairs) * n.has("Sideburns") * (0.30 + 0.70 * thick)
    moustache = _moustache(far, rise, hairs) * n.has("Mustache") * (0.25 + 0.75 * thick)
    stubble = _stubble(p, far, rise, across, hairs) * clear * n.has("5_o_Clock_Shadow")
    shadow = p.own(c.skin) * 0.44 + 0.02
    level = 0.30 + 0.70 * p.of(c.light)
    p.lay((stubble * inside * n.pick("beard_density", 0.38, 0.62)), shadow[:, None, None] * level)
    hair = 1 - (1 - jaw) * (1 - goatee) * (1 - burns) * (1 - moustache)
    p.lay((hair * inside), colour[:, None, None] * (0.25 + light))
    p.close()


def _hairs(p: Box) -> Tensor:
    """Short strokes that run down and outwards."""
    n = p.numbers
    u = p.fx * (4.4 - 1.4 * p.fy) + n.p("skin_offset")
    v = p.fy * 1.6 - p.fx.abs() * 0.6 + n.p("skin_offset")
    return 0.75 * noise(u, v, n.p("skin_tile")) + 0.5 * noise(
        u * 1.9, v * 2.1, 1 - n.p("skin_tile")
    )


def _jaw(p: Box, rise: Tensor, across: Tensor, hairs: Tensor) -> Tensor:
    """A beard from the ears along the jaw to the chin, with a soft upper edge."""
    cheek = p.numbers.pick("beard_length", 0.74, 0.84)
    upper = cheek - 0.55 * ramp(rise, -0.10, 0.10) - 0.5 * ramp(rise, 0.07, 0.16)
    band = ramp(across.abs() + 0.035 * hairs - upper, -0.10, 0.13)
    return band * ramp(p.fy + 0.02 * hairs, 0.02, 0.14)


def _goatee(p: Box, far: Tensor, rise: Tensor, hairs: Tensor) -> Tensor:
    """A patch on the chin with a stem up to the lower lip."""
    g = p.shape
    middle = (g.chin + g.mouth_y) / 2 + 0.055
    u, v = far / 0.150, (p.fy - middle - 0.03) / (0.150)
    oval = ramp(u * u + v * v + 0.16 * hairs, 1.12, 0.72)
    stem = hill(far / 0.0648) * ramp(rise, 0.05, 0.09)
    return (oval * ramp(rise, 0.075, 0.11) + stem).clamp(0, 1)


def _sideburns(p: Box, across: Tensor, hairs: Tensor) -> Tensor:
    """Strips before the ears, from the temples down to the lobes."""
    band = ramp(across.abs() + 0.025 * hairs, 0.775, 0.845) * ramp(1.03 - across.abs(), 0.0, 0.04)
    return band * ramp(p.y, -0.14, -0.08) * ramp(p.y + 0.03 * hairs, 0.27, 0.20)


def _moustache(far: Tensor, rise: Tensor, hairs: Tensor) -> Tensor:
    """Two halves that part under the nose and droop beside the lips."""
    droop = far * far * 2.6
    v = (rise + 0.074 - droop) / (0.036 - 0.05 * (far - 0.10).clamp(0))
    edge = ramp(v.abs() + 0.22 * hairs, 1.25, 0.65)
    return edge * ramp(far, 0.185, 0.145) * (1 - 0.35 * hill(far / 0.0173))


def _stubble(p: Box, far: Tensor, rise: Tensor, across: Tensor, hairs: Tensor) -> Tensor:
    """An even tint over jaw, chin and upper lip."""
    jaw = ramp(across.abs(), 0.30, 0.62) * ramp(p.fy, 0.20, 0.34)
    chin = ramp(rise, 0.06, 0.12)
    lip = hill(far / 0.1871) * hill((rise + 0.07) / 0.0648)
    both = 1 - (1 - jaw) * (1 - chin) * (1 - 0.9 * lip)
    return both * (0.84 + 0.20 * hairs)
