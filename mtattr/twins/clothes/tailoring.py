"""Measures of long or open garments: legs, dresses, coats, open fronts.

All take the rows they are for, so that batches without such garments pay nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.clothes.canvas import Canvas
from mtattr.twins.clothes.cuts import BODY_SHIFT, CUTS
from mtattr.twins.drawing.shapes import cell, coverage, look_up, spline

#: The outline of a long garment is a table over this height, from the common `TOP` on, with knots
#: 0.243 apart.
SPAN, KNOTS, SAMPLES = 3.4, 15, 96


def knot_heights(top: float) -> list[float]:
    """Heights y of the knots of a long garment's outline."""
    return [top + SPAN * k / (KNOTS - 1) for k in range(KNOTS)]


def measure_long(c: Canvas, rows: Tensor, upper: Tensor, top: float) -> None:
    """Outline, hem, crotch and legs of the garments `rows`, from the knots `upper` (n, 9).

    Sets rows of `table`, `span`, `hem`, `crotch`, `top`, `waist` and, for legs, of `inner` (B,
    SAMPLES).
    """
    heights = knot_heights(top)
    fit = (c.has("loose").float() - c.has("fitted").float())[rows]
    full = c.upper[rows]
    shift = full.float() * BODY_SHIFT
    has = lambda name: c.has(name).float()[rows]  # noqa: E731
    legs = c.legged[rows]
    # Hips and thighs.
    waist = c.pick("waist_width", 0.25, 0.31)[rows]
    hip = c.pick("body_width", 0.335, 0.385)[rows] + 0.015 * fit
    centre, radius = _legs(c, rows, heights, shift, fit)
    outer = centre + radius
    trousers = torch.stack([waist - 0.01, waist, (waist + hip) / 2 + 0.03, hip], 1)
    lower = torch.cat([trousers, outer[:, 4:]], 1)
    # Dresses and coats widen from the waist on.
    bodice = upper[:, :4].clone()
    coat = c.named("Coat")[rows]
    chest = bodice[:, 3]
    middle = torch.where(
        coat, chest - 0.005 + 0.02 * fit, chest - 0.075 + 0.03 * fit - 0.02 * has("peplum")
    )
    middle = torch.where(legs, chest - 0.055 + 0.03 * fit, middle)
    widen = (
        c.pick("flare", 0.012, 0.045)[rows]
        + 0.012 * fit
        + 0.055 * has("a-line")
        - 0.045 * has("pencil")
    )
    hips = (
        torch.maximum(middle + 0.09, hip) + 0.03 * has("a-line") + 0.03 * coat.float() + 0.01 * fit
    )
    frill = 0.12 * has("peplum")
    fall = [hips + (widen * k).clamp(max=0.33) + frill for k in range(1, KNOTS - 6)]
    skirt = torch.stack([middle, (middle + hips) / 2 + frill + 0.02, hips + frill, *fall], 1)
    thigh = torch.stack([middle, (middle + hips) / 2 + 0.02, torch.maximum(hip, outer[:, 7])], 1)
    below = torch.where(
        legs[:, None], torch.cat([thigh, outer[:, 7:] + 0.03 * has("a-line")[:, None]], 1), skirt
    )
    long = torch.cat([bodice, below], 1)
    c.table[rows] = spline(torch.where(full[:, None], long, lower), SAMPLES)
    c.span[rows] = SPAN
    c.crotch[rows] = c.crotch[rows] + shift
    c.inner[rows] = spline(centre - radius, SAMPLES)
    c.hem[rows] = _hems(c, rows)
    c.waist[rows] = torch.where(full, torch.full_like(waist, 0.10), c.top[rows] + 0.07)


def _legs(
    c: Canvas, rows: Tensor, heights: list[float], shift: Tensor, fit: Tensor
) -> tuple[Tensor, Tensor]:
    """Centre and radius of a leg at every knot, (n, KNOTS) each, along the wearer's legs."""
    y = torch.tensor(heights, device=c.device)[None] - shift[:, None]
    stance = c.p("stance")[rows, None]
    bent = ((y + 0.25) / 0.87).clamp(0, 1)
    straight = ((y - 0.62) / 0.88).clamp(0, 1)
    centre = 0.19 + (0.06 * stance - 0.005) * bent + (0.02 * stance - 0.015) * straight
    table = torch.tensor(
        [cut.legs or (0.18, 0.18, 0.18) for cut in CUTS.values()], device=c.device
    )[c.cuts[rows]]
    spread = torch.tensor([0.012, 0.028, 0.036], device=c.device)
    wide = (
        table
        + (c.pick("leg_width", -0.006, 0.010)[rows] + 0.0 * fit)[:, None]
        + spread * fit[:, None]
    )
    # Bootcut and palazzo: the leg widens again below the knee.
    jeans, jumpsuit = c.named("Jeans")[rows], c.named("Jumpsuit")[rows]
    bell = (c.p("leg_taper")[rows] < 0.22) & (jeans & (fit <= 0)) | (jumpsuit & (fit > 0))
    ankle = wide[:, 2:] + 0.055 * bell[:, None].float()
    down, on = ((y + 0.05) / 0.67).clamp(0, 1), ((y - 0.62) / 0.66).clamp(0, 1)
    radius = wide[:, :1] + (wide[:, 1:2] - wide[:, :1]) * down + (ankle - wide[:, 1:2]) * on
    # Cloth is never narrower than the leg in it.
    leg = torch.where(
        y < 0.62, 0.155 - 0.060 * ((y + 0.25) / 0.87).clamp(min=0), 0.098 - 0.038 * straight
    )
    return centre, torch.maximum(radius, leg + 0.010)


def _hems(c: Canvas, rows: Tensor) -> Tensor:
    """Height of the hem, (n,)."""
    level = c.p("hem_level")[rows]
    has = lambda name: c.has(name).float()[rows]  # noqa: E731
    hem = 1.22 + 0.15 * level - 0.27 * has("cropped")
    dress = (
        0.74 + 0.18 * level - 0.14 * has("mini") + 0.36 * has("knee-length") + 0.78 * has("maxi")
    )
    coat = 0.66 + 0.18 * level + 0.42 * has("knee-length") + 0.80 * has("maxi")
    hem = torch.where(c.named("Dress")[rows], dress, hem)
    hem = torch.where(c.named("Coat")[rows], coat, hem)
    hem = torch.where(c.named("Jumpsuit")[rows], hem + 0.68, hem)
    return torch.where(c.named("Romper")[rows], 0.84 + 0.16 * level, hem)


def leg_edges(c: Canvas, rows: Tensor, top: float) -> Tensor:
    """Distance (n, H, W), negative between the legs of the garments `rows`."""
    y, crotch = c.y[rows], cell(c.crotch[rows])
    inner = look_up(c.inner[rows], (y - top) / SPAN)
    c.inseam = torch.maximum(inner, 0.006 + cell(c.cut("gape")[rows]) * (y - crotch))
    return torch.maximum(c.x[rows].abs() - c.inseam, crotch - y)


def opening(c: Canvas, rows: Tensor) -> Tensor:
    """Half width (n, H, W) of the gap between the front panels, negative where closed."""
    y = c.y[rows]
    vee = torch.tensor([cut.vee for cut in CUTS.values()], device=c.device)[c.cuts[rows]]
    closed = (
        c.has("button-front")
        | c.has("zip front")
        | c.has("lace-up")
        | c.has("belted")
        | (c.p("front") < 0.18)
    )
    start = c.pick("opening", 0.055, 0.115)[rows]
    grow = torch.where(c.named("Blazer")[rows], 0.10, 0.05) * (0.4 + c.p("opening")[rows])
    lapels = vee > 0
    # A blazer's one button holds the panels together at the foot of the vee.
    strip = torch.where(
        cell(c.named("Blazer")[rows]),
        (y + 0.80 - cell(vee)) * 0.24,
        cell(start) + cell(grow) * (y + 0.80),
    )
    strip = torch.where(cell(closed[rows]), torch.full_like(y, -1.0), strip)
    gap = 0.155 * (1 - (y + 0.80) / cell(vee.clamp(min=0.1)))
    return torch.where(cell(lapels), torch.maximum(gap, strip), strip)


def open_front(c: Canvas, rows: Tensor, body: Tensor) -> Tensor:
    """Cut the gap into the outline `body` (n, H, W); sets `gap` and `opened` = rows."""
    c.opened, c.gap = rows, opening(c, rows)
    return torch.maximum(body, c.gap - c.x[rows].abs())


def line_front(c: Canvas) -> None:
    """Show the inside of the back in the gap of garments that nobody wears."""
    rows = c.opened
    inside = torch.maximum(
        c.x[rows].abs() - c.half_width[rows] + 0.02, c.y[rows] - c.hem_line[rows] + 0.03
    )
    inside = torch.maximum(torch.maximum(inside, c.x[rows].abs() - c.gap - 0.01), -0.74 - c.y[rows])
    c.back[rows] = torch.maximum(
        c.back[rows], coverage(inside, c.pixel[rows]) * cell((c.p("support")[rows] >= 0.62).float())
    )
