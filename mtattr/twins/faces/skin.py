"""Skin: neck, ears and head as one surface, its colour, and the light on it."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.faces.canvas import Canvas, bump, hill, noise, ramp
from mtattr.twins.faces.relief import Relief, carve_face, carve_nose, mark_age, relief_of_head

#: Skin in full light from fair to deep.
_TONES = (
    (0.965, 0.835, 0.755), (0.950, 0.800, 0.705), (0.925, 0.755, 0.640), (0.880, 0.690, 0.560),
    (0.815, 0.605, 0.465), (0.715, 0.505, 0.370), (0.590, 0.400, 0.290), (0.455, 0.300, 0.220),
    (0.345, 0.225, 0.170),
)  # fmt: skip


def mixed(table: tuple, at: Tensor) -> Tensor:
    """Colours (3, B) at positions `at` (B,) in [0, 1] along a table of colours."""
    colours = torch.tensor(table, device=at.device).T
    position = at.clamp(0, 1) * (len(table) - 1)
    low = position.floor().clamp(max=len(table) - 2)
    share = position - low
    low = low.long()
    return colours[:, low] * (1 - share) + colours[:, low + 1] * share


def fixed(colour: tuple, like: Tensor) -> Tensor:
    """One colour for every picture, (3, B)."""
    return torch.tensor(colour, device=like.device)[:, None].expand(3, len(like))


def skin_colour(c: Canvas) -> Tensor:
    """Each person's skin in full light, (3, B)."""
    n = c.numbers
    tone, pale = n.p("skin_tone"), n.has("Pale_Skin")
    colour = mixed(_TONES, tone * (0.92 + 0.08 * tone))
    under = n.pick("skin_undertone", -0.025, 0.025)
    colour = colour + torch.stack([under, -0.2 * under, -0.9 * under])
    light = mixed(((0.985, 0.915, 0.885), (0.90, 0.79, 0.73)), tone)
    return colour + (0.72 * pale) * (light - colour)


def draw_skin(c: Canvas) -> None:
    """Paint neck, ears and head; sets `c.head` (opacity), `c.light` and `c.skin` (colour)."""
    r = Relief(c)
    c.skin = skin_colour(c)
    alpha = _neck(c, r)
    alpha = torch.maximum(alpha, _ears(c, r))
    p = c.box(-0.62, 0.62, -0.86, 0.78)
    distance, across, down = p.shape.outline(p.x, p.y)
    head = c.plane()
    head[p.at] = p.edge(distance)
    c.head = head
    relief_of_head(p, r, across.clamp(-1.1, 1.1), down.clamp(-1, 1.05), head[p.at])
    carve_face(c, r)
    carve_nose(c, r)
    mark_age(c, r)
    _grain(c, r)
    _light_up(c, r, torch.maximum(alpha, head))


def _neck(c: Canvas, r: Relief) -> Tensor:
    """Neck and shoulders, their slopes and the head's shadow; returns their opacity."""
    n, g = c.numbers, c.shape
    alpha = c.plane()
    p = c.box(-1.0, 1.0, 0.30, 1.05)
    x = p.x - g.turn * 0.02
    flare = ramp(p.y, 0.66, 0.98)
    half = torch.maximum(
        g.neck + 0.02 * flare, 0.19 + n.pick("shoulder_width", 0.58, 0.70) * flare * flare
    )
    across = x / half
    alpha[p.at] = p.edge((across.abs() - 1) * half * 0.7)
    r.right[p.at] = across * (0.35 + 0.8 * across * across) * (1 - flare)
    r.down[p.at] = 0.12 - 0.55 * flare
    # The head's shadow, the cords of the neck, the hollow between the collar bones, and the Adam's
    # apple.
    shift = n.pick("light_side", -0.05, 0.05)
    u, v = (x + shift) / 0.36, (p.y - g.chin + 0.03) / 0.26
    shadow = (1 - u * u - v * v).clamp_(0) * 1.5
    cord = (x.abs() - 0.045 - 0.30 * (0.98 - p.y)) / 0.028
    pit = (x / 0.045, (p.y - 0.955) / 0.035)
    r.tone[p.at] = (1 - 0.50 * shadow.clamp_(max=1)) * (
        1 - 0.07 * hill(cord) * flare - 0.14 * hill(*pit)
    )
    apple = (x / 0.055, (p.y - 0.80) / 0.07)
    bulge = (1 - apple[0] * apple[0] - apple[1] * apple[1]).clamp_(0) * n.has("Male")
    r.down[p.at] += apple[1] * bulge * 0.42
    r.right[p.at] += apple[0] * bulge * 0.34
    fold = n.has("Double_Chin")
    u = (p.x - p.axis) / 0.27
    v = (p.y - g.chin - 0.030 + 0.075 * u * u) / 0.048
    roll = (1 - v * v).clamp_(0) * (1 - u * u).clamp_(0) * fold
    r.down[p.at] += v * roll * 1.6
    r.tone[p.at] += roll * 0.34
    v = (p.y - g.chin - 0.092 + 0.085 * u * u) / 0.020
    r.tone[p.at] *= 1 - 0.42 * fold * hill(v) * (1 - u * u).clamp_(0)
    return alpha


def _ears(c: Canvas, r: Relief) -> Tensor:
    n, g = c.numbers, c.shape
    alpha = c.plane()
    p = c.box(-0.56, 0.56, -0.12, 0.34)
    x = p.x - p.axis
    side = torch.sign(x)
    size = n.pick("ear_size", 0.92, 1.12)
    # The far ear hides behind a turned head.
    seen = 1 - 0.9 * (side * g.turn).clamp(0, 1)
    lift = p.y - n.pick("ear_place", 0.055, 0.075)
    u = (x.abs() - g.width - 0.004 - 0.012 * seen + 0.10 * lift) / (
        0.052 * size * (0.35 + 0.65 * seen)
    )
    v = lift / (0.135 * size)
    lobe = u * u * (1 + 0.35 * v) + v * v
    alpha[p.at] = p.edge((lobe - 1) * 0.028)
    inner = (u - 0.12) * (u - 0.12) * 2.4 + (v + 0.10) * (v + 0.10) * 2.6
    ear = (alpha[p.at] > 0).to(u.dtype)
    tone = (0.90 - 0.34 * bump(inner)) * (1 - 0.20 * hill(u + 0.8))
    for plane, value in (
        (r.right, side * u * 0.5),
        (r.down, v * 0.45),
        (r.tone, tone),
        (r.red, 0.22),
    ):
        plane[p.at] += ear * (value - plane[p.at])
    return alpha


def _grain(c: Canvas, r: Relief) -> None:
    """Unevenness and freckles, or clear skin, and stronger reds on rosy cheeks."""
    n = c.numbers
    p = c.box(-0.50, 0.50, -0.60, 0.80)
    u, v = p.fx * 1.1 + n.p("skin_offset"), p.fy * 1.1 + n.p("skin_offset") * 7
    rough = noise(u, v, n.p("skin_tile"))
    clear = n.has("Attractive")
    marks = (1 - clear) * n.pick("contrast_of_signs", 0.6, 1.0)
    r.tone[p.at] *= 1 + (0.008 + 0.030 * marks) * rough
    r.red[p.at] += marks * 0.06 * rough
    fine = noise(u * 4.3, v * 4.3, n.p("skin_marks"))
    reach = hill(p.fx / 0.378, (p.fy - 0.16) / 0.333)
    spots = ((fine - 1.10) * 1.7).clamp_(0, 1) * reach
    r.freckle[p.at] = spots * marks * (0.30 + 0.45 * n.p("skin_marks"))
    glow = hill(p.fx / 0.47, (p.fy + 0.02) / 0.47)
    r.tone[p.at] *= 1 + (0.045 * clear - 0.045 * marks) * glow
    rosy = n.has("Rosy_Cheeks")
    r.flush((-0.46, 0.46, -0.02, 0.42), 0.25, 0.19, 0.185, 0.15, 0.58 * rosy)


def _light_up(c: Canvas, r: Relief, alpha: Tensor) -> None:
    n = c.numbers
    side, high = n.pick("light_side", -1, 1), n.pick("light_height", 0.28, 0.55)
    hard = n.pick("light_hardness", 0.55, 1.0)
    lx, ly = 0.62 * side * (0.4 + 0.6 * side.abs()), -high
    lz = (1 - lx * lx - ly * ly).clamp(min=0.2).sqrt()
    right, down = r.right, r.down
    length = (right * right).add_(1).add_(down * down).sqrt_().reciprocal_()
    facing = (lx * right).add_(ly * down).add_(lz).mul_(length)
    fill = n.pick("ambient", 0.16, 0.40) + 0.18 * (1 - hard)
    level = facing.mul_(0.92).add_(0.08).clamp_(0).mul_(1 - fill).add_(fill)
    # The mirror direction lies halfway between the light and the viewer.
    hz = ((1 + lz) / 2).sqrt()
    gleam = ((lx / (2 * hz)) * right).add_((ly / (2 * hz)) * down).add_(hz).mul_(length).clamp_(0)
    for _ in range(4):
        gleam *= gleam
    s = level.mul_(r.tone).clamp_(0, 1.16)
    c.light = s
    base = c.skin
    warm = n.pick("light_warmth", -0.03, 0.03)
    tint = torch.stack([1.03 + warm, 1.005 + 0 * warm, 0.99 - warm])
    shadow = fixed((0.235, 0.135, 0.115), warm) * (0.75 + 0.5 * base)
    red = (base * fixed((1.02, 0.52, 0.50), warm) - base) * 0.62
    brown = base * fixed((0.70, 0.52, 0.40), warm) - base
    # A curve that keeps lights soft and lets shadows fall off late, as in paint.
    curve = (s * -0.42).add_(1.42).mul_(s)
    gleam *= curve
    gleam *= n.pick("skin_marks", 0.07, 0.16)
    colour = curve * (base * tint - shadow)[:, None, None]
    colour += shadow[:, None, None]
    p = c.box(-0.62, 0.62, -0.86, 0.80)
    # Blood and freckles show within the head and the ears only.
    within = colour[:, p.at[0], p.at[1]]
    within += (r.red[p.at] * curve[p.at]) * red[:, None, None]
    p = c.box(-0.50, 0.50, -0.60, 0.80)
    within = colour[:, p.at[0], p.at[1]]
    within += (r.freckle[p.at] * curve[p.at]) * brown[:, None, None]
    colour += gleam
    colour -= c.picture
    colour *= alpha
    c.picture += colour
    c.skin_alpha = alpha
