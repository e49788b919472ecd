"""Knitted garments of the clothing twin: ribbed bands, cardigans, hoodies."""

from __future__ import annotations

import torch

from mtattr.twins.drawing.patterns import stripes
from mtattr.twins.drawing.shapes import cell, coverage, ellipse, polygon, polyline, segment


def _of(rows):
    return lambda values: cell(values[rows])


def ribbed_bands(c, rows):
    """Knitted bands at hem and cuffs."""
    of = _of(rows)
    deep = of(c.pick("rib_width", 0.075, 0.12))
    depth = c.hem_line[rows] - c.y[rows]
    ribs = stripes(c.x[rows], 0.034, 0.014, c.pixel[rows])
    body = coverage(depth - deep, c.pixel[rows]) * (1 - c.sleeve[rows] * (c.nx[rows].abs() > 1))
    c.tone(
        rows,
        1
        - body * (0.06 + 0.22 * ribs)
        - 0.28 * coverage((depth - deep).abs() - 0.006, c.pixel[rows]),
    )
    cuffs = rows[c.end_x[rows] > 0]
    if len(cuffs):
        _rib_cuffs(c, cuffs)


def _rib_cuffs(c, rows):
    of = _of(rows)
    long = (c.has("long sleeve") | c.has("bell-sleeve"))[rows]
    fx = torch.where(long, c.elbow_x[rows], torch.full_like(c.hem[rows], 0.31))
    fy = torch.where(long, c.elbow_y[rows], torch.full_like(c.hem[rows], -0.64))
    ex, ey = c.end_x[rows], c.end_y[rows]
    norm = torch.sqrt((ex - fx) ** 2 + (ey - fy) ** 2)
    ux, uy = cell((ex - fx) / norm), cell((ey - fy) / norm)
    patch = c.patch(rows, 0.0, ey, ex + 0.22, 0.26)
    ax = patch.x.abs()
    along = (ax - of(c.end_x)) * ux + (patch.y - of(c.end_y)) * uy
    across = (ax - of(c.end_x)) * uy - (patch.y - of(c.end_y)) * ux
    inside = (
        coverage(torch.maximum(-along - 0.085, across.abs() - 0.22), patch.pixel) * patch.inside
    )
    edge = (
        coverage(torch.maximum((along + 0.085).abs() - 0.007, across.abs() - 0.22), patch.pixel)
        * patch.inside
    )
    ribs = stripes(across, 0.030, 0.012, patch.pixel)
    c.shade[patch.index] = c.shade[patch.index] * (1 - inside * (0.06 + 0.22 * ribs) - 0.25 * edge)


def neck_band(c, rows, width, depth=0.16):
    """A band along the neckline of garments without a collar."""
    plain = ~(c.has("collar") | c.has("mock neck") | c.has("spaghetti strap"))[rows]
    rows = rows[plain]
    if len(rows):
        cut = c.neck_cut[rows]
        near = (c.y[rows] < -0.30).float()
        band = coverage((cut - width / 2).abs() - width / 2, c.pixel[rows]) * near
        c.tone(
            rows,
            1 - depth * band - 0.22 * near * coverage((cut - width).abs() - 0.005, c.pixel[rows]),
        )


def cardigan(c, rows):
    """Knitted bands down both fronts."""
    near = c.x[rows].abs() - c.gap_of(rows).clamp(min=0)
    band = coverage(near - 0.055, c.pixel[rows])
    ribs = stripes(c.y[rows], 0.034, 0.014, c.pixel[rows])
    c.tone(
        rows,
        1
        - band * (0.05 + 0.16 * ribs)
        - 0.22 * coverage((near - 0.055).abs() - 0.005, c.pixel[rows]),
    )
    pockets = rows[~c.has("patch pocket")[rows] & (c.p("pocket_kind")[rows] < 0.6)]
    if len(pockets):
        y0 = cell(c.hem[pockets] - 0.25)
        c.seam(
            pockets,
            lambda x, y: segment(x.abs(), y, 0.15, y0, 0.29, y0)[0] - 0.012,
            (0.0, y0[:, 0, 0], 0.36, 0.06),
        )


def hoodie(c, rows):
    """A hood, its cords, and a pouch in front."""
    of = _of(rows)
    worn = c.p("support")[rows] < 0.62
    flat = cell(~worn)
    cy, ry = (
        torch.where(flat, -0.94, -0.80),
        torch.where(flat, 0.27, 0.185) + 0.02 * of(c.p("hood")),
    )
    hole_y, hole_rx, hole_ry = (
        torch.where(flat, -0.90, -0.84),
        torch.where(flat, 0.165, 0.150),
        torch.where(flat, 0.20, 0.155),
    )

    def hood(x, y):
        outer = torch.maximum(ellipse(x, y, 0.0, cy, 0.265, ry), y + 0.70)
        ring = torch.maximum(outer, -ellipse(x, y, 0.0, hole_y, hole_rx, hole_ry))
        return torch.where(flat, ring, torch.maximum(ring, -0.95 - y))

    where = (0.0, -0.92, 0.36, 0.34)
    c.paint(
        rows, lambda x, y: hood(x, y) - 0.012, c.base[rows] * 0.42, where, grow=True, opacity=0.85
    )
    c.paint(rows, hood, c.base[rows] * 0.94, where, grow=True)
    patch = c.patch(rows, *where)
    lining = torch.maximum(
        ellipse(patch.x, patch.y, 0.0, hole_y, hole_rx, hole_ry), -1.15 - patch.y
    )
    c.back[patch.index] = torch.maximum(
        c.back[patch.index], coverage(lining, patch.pixel) * patch.inside * flat
    )

    def cords(x, y):
        return polyline(x.abs(), y, [(0.075, -0.66), (0.085, -0.55), (0.075, -0.40)], 0.020)

    cord = torch.lerp(c.second[rows], torch.ones_like(c.second[rows]), 0.5)
    c.paint(
        rows,
        lambda x, y: cords(x, y) - 0.008,
        c.base[rows] * 0.4,
        (0.0, -0.53, 0.12, 0.18),
        opacity=0.5,
    )
    c.paint(rows, cords, cord, (0.0, -0.53, 0.12, 0.18))
    bottom = torch.minimum(of(c.hem) - 0.13, 0.42 + 0.0 * of(c.hem))

    def pouch(x, y):
        return polygon(
            x.abs(),
            y,
            [
                (-0.01, bottom - 0.27),
                (0.13, bottom - 0.27),
                (0.235, bottom - 0.12),
                (0.235, bottom),
                (-0.01, bottom),
            ],
        )

    place = (0.0, bottom[:, 0, 0] - 0.13, 0.28, 0.18)
    c.paint(rows, pouch, c.base[rows] * 0.92, place, opacity=0.6)
    c.seam(rows, pouch, place)
