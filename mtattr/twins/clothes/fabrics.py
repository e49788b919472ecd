"""Fabrics of the clothing twin: colour, weave, sheen and transparency of the cloth."""

from __future__ import annotations

import torch

from mtattr.twins.clothes.canvas import Canvas
from mtattr.twins.drawing.patterns import cells, noise, stripes
from mtattr.twins.drawing.shapes import cell


def tint_fabrics(c: Canvas) -> None:
    """Fix the cloth's own colour where the fabric decides it; call before prints."""
    tint = c.p("base_tint")[:, None]
    denim = torch.lerp(c.colour(0.16, 0.22, 0.36), c.colour(0.58, 0.68, 0.78), tint)
    hide = torch.lerp(c.colour(0.08, 0.07, 0.08), c.colour(0.34, 0.18, 0.12), tint)
    hide = torch.where(tint < 0.6, hide * 0.6 + 0.02, hide)
    c.base = torch.where(c.has("denim")[:, None], denim, c.base)
    c.base = torch.where(c.has("faux leather")[:, None], hide, c.base)
    c.base = torch.where(
        c.has("linen")[:, None], c.base * 0.6 + 0.4 * c.colour(0.80, 0.74, 0.64), c.base
    )
    c.base = torch.where(c.has("chiffon")[:, None], c.base * 0.75 + 0.22, c.base)


def weave_fabrics(c: Canvas) -> None:
    """Draw every fabric's surface (light and holes); call after prints."""
    for name, draw in FABRICS.items():
        rows = c.rows(name)
        if len(rows):
            size = cell(c.pick("weave_scale", 1.1, 1.5)[rows])
            draw(c, rows, c.x[rows] + 0.015 * c.folds[rows], c.y[rows], size, c.pixel[rows])


def _tile(c, rows):
    return c.tile("wear_seed")[rows]


def _denim(c, rows, u, v, size, pixel):
    twill = stripes(u + v, 0.045 * size, 0.02 * size, pixel)
    worn = noise(u * 0.25, v * 0.22, _tile(c, rows))
    c.tone(rows, 1 - 0.14 * twill + 0.07 * worn)
    # Side seams sewn in yellow thread.
    seam = stripes(v, 0.035, 0.022, pixel) * torch.clamp(
        0.5 - (((u.abs() - c.half_width[rows] * 0.86).abs()) - 0.006) / pixel, 0, 1
    )
    c.wash(rows, 0.8 * seam, c.colour(0.80, 0.60, 0.28, rows=rows))


def _lace(c, rows, u, v, size, pixel):
    period = 0.16 * size
    x, y, _ = cells(u, v, period, cell(_tile(c, rows)), brick=True)
    r = torch.sqrt(x * x + y * y)
    petal = period * (0.30 + 0.10 * torch.cos(torch.atan2(y, x) * 6))
    flower = torch.clamp(0.5 - ((r - petal).abs() - period * 0.07) / pixel, 0, 1)
    heart = torch.clamp(0.5 - (r - period * 0.13) / pixel, 0, 1)
    net = torch.maximum(
        stripes(u + v, 0.05 * size, 0.016, pixel), stripes(u - v, 0.05 * size, 0.016, pixel)
    )
    thread = torch.maximum(torch.maximum(flower, heart), 0.75 * net)
    c.alpha[rows] = c.alpha[rows] * (0.50 + 0.50 * thread)
    c.tone(rows, 0.82 + 0.30 * thread)


def _rib(c, rows, u, v, size, pixel):
    c.tone(rows, 1.06 - 0.30 * stripes(u, 0.052 * size, 0.022 * size, pixel))


def _cable(c, rows, u, v, size, pixel):
    step = 0.20 * size
    t = u / step
    local = (t - t.floor() - 0.5) * 2
    braid = torch.cos((v / (0.10 * size)) * 3.1416 + local.abs() * 4)
    inside = torch.clamp((0.62 - local.abs()) * step / pixel * 0.5 + 0.5, 0, 1)
    c.tone(
        rows,
        1
        - 0.28 * (1 - inside) * stripes(u, step, step * 0.36, pixel, 0.5)
        + 0.20 * inside * braid
        - 0.06,
    )


def _chiffon(c, rows, u, v, size, pixel):
    c.alpha[rows] = c.alpha[rows] * (0.70 + 0.10 * c.folds[rows].clamp(-1.5, 1.5))
    c.tone(rows, 1.04 + 0.05 * c.folds[rows])


def _leather(c, rows, u, v, size, pixel):
    gloss = torch.exp(
        -(((c.nx[rows] - 0.35 * (c.folds[rows] * 0.5) + 0.3) / 0.16) ** 2)
    ) + 0.7 * torch.relu(c.folds[rows] - 0.55)
    c.wash(rows, (0.5 * gloss).clamp(0, 0.8), c.colour(0.85, 0.85, 0.85, rows=rows))


def _linen(c, rows, u, v, size, pixel):
    slub = noise(u * 0.12, v * 3.0, _tile(c, rows)) + noise(u * 3.0, v * 0.12, _tile(c, rows) + 9)
    c.tone(rows, 1 + 0.07 * slub)


def _satin(c, rows, u, v, size, pixel):
    sheen = (
        torch.exp(-(((c.folds[rows] - 0.5) / 0.35) ** 2)) * 0.55
        + torch.exp(-(((c.nx[rows] + 0.25) / 0.20) ** 2)) * 0.35
    )
    c.tone(rows, 0.86 + 0.15 * c.folds[rows])
    c.wash(rows, sheen.clamp(0, 0.8) * 0.75, c.base[rows] * 0.35 + 0.65)


def _corduroy(c, rows, u, v, size, pixel):
    c.tone(
        rows,
        1.05
        - 0.26 * stripes(u, 0.075 * size, 0.030 * size, pixel)
        + 0.05 * noise(u * 0.5, v * 0.3, _tile(c, rows)),
    )


def _mesh(c, rows, u, v, size, pixel):
    period = 0.062 * size
    x, y, _ = cells(u, v, period, cell(_tile(c, rows)), brick=True)
    hole = torch.clamp(0.5 - (torch.sqrt(x * x + y * y) - period * 0.30) / pixel, 0, 1)
    c.alpha[rows] = c.alpha[rows] * (1 - 0.62 * hole)


def _tweed(c, rows, u, v, size, pixel):
    fleck = noise(u * 1.6, v * 1.6, _tile(c, rows))
    c.wash(rows, torch.clamp(fleck - 0.6, 0, 0.8), c.base[rows] * 0.3 + 0.65)
    c.wash(rows, torch.clamp(-fleck - 0.6, 0, 0.8), c.base[rows] * 0.35)


def _quilted(c, rows, u, v, size, pixel):
    step = 0.17 * size
    seams = []
    for axis in (u + v, u - v):
        t = axis / step
        seams.append((t - t.round()).abs())
    depth = torch.minimum(*seams)
    c.tone(rows, 0.72 + 0.40 * torch.clamp(depth * 4, 0, 1) ** 0.6)


FABRICS = {
    "denim": _denim,
    "lace": _lace,
    "rib-knit": _rib,
    "cable-knit": _cable,
    "chiffon": _chiffon,
    "faux leather": _leather,
    "linen": _linen,
    "satin": _satin,
    "corduroy": _corduroy,
    "mesh": _mesh,
    "tweed": _tweed,
    "quilted": _quilted,
}
