"""Hair: a back layer behind the neck and a front layer around the face, combed alike."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mtattr.twins.faces.canvas import Canvas, Numbers, hill, noise, ramp, wave
from mtattr.twins.faces.hats import hat_rest
from mtattr.twins.faces.skin import fixed, mixed

#: The attributes that name a colour, each from a darker to a lighter tone.
_NAMED = {
    "Black_Hair": ((0.045, 0.038, 0.040), (0.105, 0.088, 0.085)),
    "Brown_Hair": ((0.235, 0.140, 0.085), (0.400, 0.255, 0.160)),
    "Blond_Hair": ((0.720, 0.545, 0.310), (0.900, 0.760, 0.520)),
    "Gray_Hair": ((0.500, 0.500, 0.510), (0.780, 0.780, 0.785)),
}
#: Hair that no attribute names: dark to light auburn, copper, and plum.
_UNNAMED = (
    (0.22, 0.105, 0.085),
    (0.32, 0.150, 0.110),
    (0.42, 0.205, 0.135),
    (0.50, 0.290, 0.185),
    (0.56, 0.405, 0.280),
    (0.34, 0.120, 0.130),
)
_LENGTHS = (0.06, 0.12, 0.20, 0.34, 0.52, 0.66, 0.86, 1.05, 1.25, 1.45)


@dataclass(frozen=True)
class Hair:
    """The hair of a batch: planes (H, W, B) and colours (3, B).

    outer: distance to its outline, negative inside; opening: distance to the edge of the face that
    it leaves free, negative in the face; strands: noise along its flow, about -2 to 2; colour: of
    hair in full light; light: on it;
    gloss: its sheen.
    """

    outer: Tensor
    opening: Tensor
    strands: Tensor
    colour: Tensor
    light: Tensor
    gloss: Tensor
    length: Tensor
    short: Tensor


def hair_colour(c: Canvas) -> Tensor:
    """(3, B): the mean of the colours named, or one of the unnamed."""
    n = c.numbers
    total, count = 0.0, 0.0
    for name, tones in _NAMED.items():
        shown = n.has(name)
        total, count = total + shown * mixed(tones, n.p("hair_tone")), count + shown
    unnamed = mixed(_UNNAMED, n.p("hair_unnamed") * (1 - 0.7 * n.p("skin_tone"))) * n.pick(
        "hair_tone", 0.8, 1.15
    )
    none = (count == 0).to(count.dtype)
    colour = (total + none * unnamed) / (count + none)
    warm = n.pick("hair_warmth", -0.05, 0.05)
    return colour * (1 + torch.stack([warm, 0 * warm, -warm]))


def plan_hair(c: Canvas) -> Hair:
    """Where the hair lies, how it flows and how it is lit."""
    n, g = c.numbers, c.shape
    wavy, straight = n.has("Wavy_Hair"), n.has("Straight_Hair")
    curl = (0.22 + 0.78 * wavy) * (1 - straight * (0.92 - 0.45 * wavy))
    length = mixed(tuple((value, 0.0, 0.0) for value in _LENGTHS), n.p("hair_length"))[0]
    long = ramp(n.p("hair_length"), 0.30, 0.42)
    volume, hat = n.p("hair_volume"), n.has("Wearing_Hat")
    wider = 0.018 + 0.020 * volume + long * (0.034 + 0.040 * volume) + 0.030 * wavy
    # A hat presses the hair down.
    higher = (0.048 + 0.060 * volume + 0.020 * long + 0.015 * wavy) * (1 - 0.7 * hat)
    strands, broad = _strands(c, curl)
    offset = c.x - c.axis
    up, under = (c.y / -(g.top + higher)).clamp_(0), c.y.clamp(0)
    s = up * up
    dome = (s * 0.48).add_(1).mul_(1 - s).clamp_(0).add_(1e-4).sqrt_()
    half = dome * (g.width + wider)
    half -= ramp(c.y, 0.10, -0.25) * (0.7 * hat * wider)
    half += under * (long * n.pick("hair_volume", 0.04, 0.20) - 0.10 * (1 - long))
    end = ramp(c.y, length - 0.30, length + 0.04)
    half -= end.mul_(end).mul_(0.16 - 0.05 * straight)
    phase = torch.sign(offset).mul_(0.25).add_(n.p("hair_wave_phase"))
    ripple = wave(phase.add_(c.y * n.pick("hair_wave_size", 2.4, 3.8)))
    half += ripple.mul_(ramp(c.y, -0.35, 0.15)).mul_(0.034 * curl * long + 0.010 * curl)
    loose = 1 - 0.75 * straight
    outer = offset.abs().sub_(half).mul_((dome * 0.8).add_(0.2))
    outer = torch.maximum(outer, (broad * (0.013 * straight - 0.022)).add_(c.y).sub_(length))
    outer = torch.maximum(outer, (up - 1).mul_(g.top + higher))
    outer += (
        ramp(dome, 0.10, 0.50)
        .mul_(up)
        .mul_(0.009 * (1 - long) * loose)
        .add_(0.004 * loose)
        .mul_(broad)
    )
    outer += 0.003 * strands
    # Under a hat there is no crown of hair.
    outer = torch.maximum(outer, (hat_rest(n) - 0.015 - c.y).mul_(hat * 0.8).sub_(1 - hat))
    light = _light(n, offset / half.clamp(min=0.26), s, under, strands)
    gloss = _gloss(n, c.y, offset / (g.width + wider), s, strands)
    return Hair(
        outer, _opening(c, long, strands), strands, hair_colour(c), light, gloss, length, 1 - long
    )


def _strands(c: Canvas, curl: Tensor) -> tuple[Tensor, Tensor]:
    """Noise along lines that fan from the parting, and its broader share alone."""
    n = c.numbers
    dx = (c.x - n.pick("hair_parting", -0.16, 0.16)).sub_(c.axis * 0.5)
    dy = c.y + 0.84
    reach = (dx * dx).add_(dy * dy).sqrt_()
    angle = dx / dx.abs().add_(dy.abs_()).add_(0.04)
    # Swept hair bends to one side on its way down.
    bent = reach.clamp(max=0.62)
    angle += bent.mul_(bent).mul_(n.pick("hair_sweep", -1.5, 1.5))
    swing = wave(
        (reach * n.pick("hair_wave_size", 2.4, 3.8)).add_(n.p("hair_wave_phase")).add_(1.3 * angle)
    )
    angle += swing.mul_(ramp(reach, 0.10, 0.55)).mul_(0.075 * curl)
    start, tile = n.p("hair_offset"), n.p("hair_tile")
    broad = noise(angle + start, reach * (0.10 + 0.16 * curl) + start * 3, tile)
    fine = noise(
        (angle * 3.6).add_(start), (reach * (0.15 + 0.24 * curl)).add_(start * 5), 1 - tile
    )
    return fine.mul_(0.55).add_(0.72 * broad), broad


def _light(n: Numbers, across: Tensor, s: Tensor, under: Tensor, strands: Tensor) -> Tensor:
    """The round form's light, which falls off to the sides and below, and that of each strand."""
    a = across.clamp_(-1.1, 1.1)
    a2 = a * a
    light = (a * n.pick("light_side", -0.30, 0.30)).add_(0.86)
    light -= a2.mul_(a2).mul_(0.30)
    light += 0.16 * s
    light -= under.clamp(max=1).mul_(0.22)
    light += strands * (0.15 + 0.04 * n.p("hair_thickness"))
    return light


def _gloss(n: Numbers, y: Tensor, across: Tensor, s: Tensor, strands: Tensor) -> Tensor:
    """Sheen in a ring around the crown, and in a band lower down."""
    a2 = across * across
    sheen = hill((a2 + s).sub_(0.60).div_(0.26)).mul_(ramp(y, -0.02, -0.20))
    sheen += hill(a2.mul_(0.25).add_(y).sub_(0.42).div_(0.1732)).mul_(0.65)
    sheen *= (across * n.pick("light_side", -0.9, 0.9)).add_(1).clamp_(0.1)
    sheen *= (0.45 * strands).add_(0.55).clamp_(0)
    sheen *= n.pick("hair_gloss", 0.10, 0.26) + 0.14 * n.has("Straight_Hair")
    return sheen


def _opening(c: Canvas, long: Tensor, strands: Tensor) -> Tensor:
    """The face that the hair leaves free: an arch under the hairline."""
    n, g = c.numbers, c.shape
    parting = n.pick("hair_parting", -1, 1)
    x = c.x - c.axis * 0.55 - g.turn * 0.010
    y = c.y - n.pick("hair_sweep", -0.30, 0.30) * (x - 0.05 * parting) * 0.9
    recede = n.has("Receding_Hairline")
    # Receding corners: two bays beside a peak that stays.
    bays = (0.030 + 0.140 * hill((x.abs() - 0.185) / 0.125)) * ramp(c.y, -0.02, -0.16)
    top = torch.maximum(g.hairline - recede * bays, 0.10 - g.top)
    base = 0.04
    curtain = n.p("hair_front") * long
    half = 0.348 - 0.045 * curtain * (0.4 + 0.6 * n.p("hair_front")) - 0.012 * (1 - long)
    below = (c.y - base).clamp(0)
    tuck = hill((c.y - 0.14) / 0.2739) * 0.17 * (1 - curtain)
    half = (
        half
        + tuck
        + below * (0.10 * (1 - curtain) - 0.02 * curtain)
        + (c.y + 0.12).clamp(0) * (1 - long) * 0.75
    )
    u, v = x / half, ((y - base) / (top - base)).clamp(0)
    u2, v2 = u * u, v * v
    # A low exponent draws a round hairline, a high one a square one with corners at the temples.
    corners = (
        v2.clamp(max=1).mul_(u2).mul_(n.pick("hairline_shape", 0.25, 0.60) + 0.15 * (1 - long))
    )
    q = u2.add_(v2).sub_(corners)
    return q.add_(1e-6).sqrt_().sub_(1).mul_(0.36).add_(0.008 * strands)


def draw_back_hair(c: Canvas, hair: Hair) -> None:
    """The layer behind neck and shoulders, darker than the front."""
    bald = c.numbers.has("Bald")
    edge = (hair.outer / -torch.clamp(c.pixel, min=0.012)).add_(0.5).clamp_(0, 1).mul_(1 - bald)
    depth = (
        ramp(c.y, -0.2, 0.6)
        .mul_(ramp(-hair.outer, 0.0, 0.20))
        .mul_(-0.25)
        .add_(1)
        .mul_(hair.light)
        .mul_(0.50)
    )
    depth += 0.35 * hair.gloss
    lit = hair.colour[:, None, None] * depth
    lit -= c.picture
    lit *= edge
    c.picture += lit


def draw_front_hair(c: Canvas, hair: Hair) -> None:
    """The layer over forehead and temples, its shadow on the skin, or a bald head's sheen."""
    n = c.numbers
    bald = n.has("Bald")
    width = torch.clamp(c.pixel, min=0.014)
    outer = (hair.outer / -width).add_(0.5).clamp_(0, 1)
    free = (hair.opening / -torch.clamp(c.pixel, min=0.020)).add_(0.5).clamp_(0, 1)
    # Short hair thins out before the ears.
    fade = 1 - hair.short * ramp(c.y + 0.02 * hair.strands, -0.20, 0.05)
    front = (
        (1 - free).mul_(outer).mul_(ramp(c.y, hair.length + 0.06, hair.length - 0.03)).mul_(fade)
    )
    rim = _rim(c, hair, n.has("Bald") * ramp(n.p("bald_rim"), 0.25, 0.45))
    front += rim.sub_(front).mul_(bald)
    combed = _bangs(c, hair)
    fringe = combed * free * (outer > 0)
    shadow = (1 + hair.opening / 0.075).clamp_(0, 1) * (1 - 0.85 * bald)
    under = _below(c, fringe)
    c.picture *= 1 - (0.30 * shadow * shadow * ramp(c.y, 0.35, -0.05) + 0.22 * under) * c.head
    front = (front + fringe).clamp(max=1)
    colour = hair.colour
    shade = fixed((0.20, 0.17, 0.17), bald) * colour
    bright = colour * 1.16 + 0.015
    edge = 1 - 0.30 * hill(hair.opening / 0.0548) * (1 - combed)
    level = edge.mul_(hair.light).add_(0.10 * fringe).clamp_(0, 1.3)
    lit = level * (bright - shade)[:, None, None]
    lit += shade[:, None, None]
    lit += hair.gloss * (0.30 + 0.62 * colour)[:, None, None]
    lit -= c.picture
    lit *= front
    c.picture += lit
    c.front = front
    p = c.box(-0.40, 0.40, -0.70, -0.22)
    u, v = (p.x - n.pick("light_side", -0.20, 0.20) - p.axis) / 0.15, (p.y + 0.46) / 0.075
    p.paint(hill(u, v) * bald * 0.42, fixed((1.0, 0.97, 0.94), bald))


def _rim(c: Canvas, hair: Hair, kept: Tensor) -> Tensor:
    """The short hair that many bald heads keep above the ears."""
    g = c.shape
    distance, across, _ = g.outline(c.x, c.y, 0.008)
    inner = across.abs() - 0.865 - 0.03 * hair.strands
    band = ramp(c.y, -0.30, -0.16) * ramp(c.y, 0.10, 0.0)
    return (0.5 - distance / 0.02).clamp(0, 1) * ramp(inner, -0.03, 0.05) * band * kept * 0.9


def _bangs(c: Canvas, hair: Hair) -> Tensor:
    """Hair combed over the forehead down to the brows; its edge breaks up along the strands."""
    n, g = c.numbers, c.shape
    bangs = n.has("Bangs")
    x = c.x - c.axis * 0.5
    edge = (
        n.pick("bangs_length", -0.175, -0.115)
        + 0.55 * x * x * 0.8
        + n.pick("hair_sweep", -0.14, 0.14) * x
    )
    edge = edge + (0.022 + 0.014 * n.p("hair_ends")) * hair.strands
    lower = (0.5 - (c.y - edge) / torch.clamp(c.pixel, min=0.020)).clamp_(0, 1)
    return lower * bangs * ramp(c.y, g.hairline - 0.24, g.hairline - 0.16)


def _below(c: Canvas, fringe: Tensor) -> Tensor:
    """Where the fringe's shadow falls: the fringe moved down a little."""
    step = max(1, round(0.018 * c.image_shape[0]))
    return torch.cat([torch.zeros_like(fringe[:step]), fringe[:-step]]) * (1 - fringe)
