"""Wheels: short cylinders met by rays in closed form, with tyres and several designs of rims."""

from __future__ import annotations

import torch

from mtattr.twins.cars.canvas import Canvas, value
from mtattr.twins.drawing.colour import times
from mtattr.twins.drawing.shapes import coverage

#: Spokes of each design, their half width at the rim as a share of its radius, and how much wider
#: they are at the hub.
RIMS = (
    (5, 0.11, 0.5),
    (10, 0.050, 0.8),
    (7, 0.085, 0.6),
    (6, 0.12, 0.2),
    (14, 0.035, 0.6),
    (9, 0.065, 0.2),
)


def draw_wheels(c: Canvas) -> None:
    """Draw all wheels, far ones first, where no body covers them; sets `whole`."""
    c.whole = c.alpha.clone()
    for near in (False, True):
        for end in (-1.0, 1.0):
            _wheel(c, end, near)


def _wheel(c: Canvas, end: float, near: bool) -> None:
    rows = c.all_rows
    m = lambda name: value(getattr(c.m, name), rows)  # noqa: E731
    radius, sign = c.m.wheel, 1.0 if near else -1.0
    outer, inner = sign * (c.m.width - 0.035), sign * (c.m.width - 0.26)
    patch = c.around(
        rows, (end * c.m.axle - radius, end * c.m.axle + radius), (outer, inner), (0.0, 2 * radius)
    )
    i, iy, ix = patch.index
    dx, dy, dz = c.ray[0][i, 0, ix], c.ray[1][i, 0, ix], c.ray[2][i, iy, 0]
    eye = [value(c.view.eye[:, k], rows) for k in range(3)]
    px, pz = eye[0] - end * m("axle"), eye[2] - m("wheel")
    a, b = dx * dx + dz * dz, px * dx + pz * dz
    r, metre = m("wheel"), c.metre[rows]
    miss = (px * dz - pz * dx).abs() * torch.rsqrt(a)
    reach = torch.sqrt((r * r - miss * miss).clamp(min=0) * a)
    y_hit = eye[1] + (-b - reach) / a * dy
    y0, y1 = (
        torch.minimum(value(outer, rows), value(inner, rows)),
        torch.maximum(value(outer, rows), value(inner, rows)),
    )
    tread = coverage(miss - r, metre) * coverage(torch.maximum(y0 - y_hit, y_hit - y1), metre)
    # Seen from the front a ray may pass either flat face; the one that it can enter by decides.
    face_y = torch.where(dy < 0, y1, y0)
    t = (face_y - eye[1]) / torch.where(dy.abs() < 1e-4, torch.full_like(dy, -1e-4), dy)
    qx, qz = px + t * dx, pz + t * dz
    rho = torch.sqrt(qx * qx + qz * qz) / r
    disc = coverage((rho - 1) * r, metre) * (t > 0)
    outside = (dy < 0) if near else (dy > 0)
    seen = torch.maximum(patch.read(c.arch), 1 - patch.read(c.alpha))
    groove = 0.055 + 0.02 * torch.sin(y_hit * 150)
    wheel = torch.maximum(tread, disc) * patch.inside
    patch.write(c.whole, torch.maximum(patch.read(c.whole), wheel))
    c.blend(patch, tread * seen, times(c.ambient, groove))
    face = _face(c, rows, rho, qx, qz, metre / r, outside)
    c.blend(patch, disc * seen, times(c.ambient, face))


def _face(c: Canvas, rows, rho, qx, qz, pixel, outside):
    """Grey (n, h, w) of the flat side: tyre, rim, spokes, brake disc and hub, or plain inside."""
    count, width, taper = (
        value(
            torch.tensor([rim[k] for rim in RIMS], device=c.device)[
                (c.p("rim") * len(RIMS)).long()
            ],
            rows,
        )
        for k in range(3)
    )
    size = value(c.pick("rim_size", 0.64, 0.74), rows)
    turn = value(c.p("wheel_angle") * 6.2832, rows)
    light = 1 + 0.35 * (qz + 0.3 * qx) / value(c.m.wheel, rows)
    tyre = 0.045 + 0.02 * coverage((rho - 0.88).abs() - 0.05, pixel, 0.05)
    grey = tyre + 0.05 * coverage((rho - size - 0.02).abs() - 0.01, pixel)
    angle = torch.atan2(qz, qx) + turn
    wave = torch.sin(angle * count / 2).abs() * 2 / count * rho
    inside = rho / size
    spoke = wave - width * (1 + taper * (0.5 - inside).clamp(min=-0.3)) * size
    metal = torch.maximum(
        coverage(spoke, pixel), coverage((inside - 0.95).abs() - 0.05, pixel / size)
    )
    metal = torch.maximum(metal, coverage(inside - 0.24, pixel / size))
    style = c.p("rim_colour")[rows]
    bright = torch.where(
        style < 0.65,
        0.40 + 0.35 * style,
        torch.where(style < 0.85, 0.20 + 0.2 * style, 0.09 + 0.02 * style),
    )[:, None, None]
    brake = 0.035 + 0.16 * coverage((inside - 0.5).abs() - 0.12, pixel)
    alloy = bright * (1.05 - 0.25 * (wave / (width * size + 1e-6)).clamp(0, 1)) * light
    alloy = alloy * (1 - 0.5 * coverage((inside - 0.13).abs() - 0.02, pixel / size))
    face = torch.lerp(brake, alloy, metal)
    grey = torch.lerp(grey * light, face, coverage(rho - size, pixel) * outside)
    return grey.clamp(0, 1)
