"""Legs, skirts, shoes and arms: clothes below the waist and the sleeves."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.shapes import cell, coverage, look_up, spline
from mtattr.twins.people.canvas import Canvas
from mtattr.twins.people.records import Point
from mtattr.twins.people.solid import folded, light_on, lit, tube


def between(a: Point, b: Point, share: Tensor | float) -> Point:
    """The point at a share of the way from a to b."""
    return tuple(p + (q - p) * share for p, q in zip(a, b, strict=True))


def draw_legs(c: Canvas) -> None:
    """Both legs with trousers or shorts, shoes or boots, the farther leg first; then the seat."""
    for points, dim in ((c.figure.far_leg, 0.86), (c.figure.near_leg, 1.0)):
        _leg(c, points, dim)
    _seat(c)


def _leg(c: Canvas, points: list[Point], dim: float) -> None:
    w, f = c.wears, c.figure
    hip, knee, ankle, heel, _ = points
    size, thick, female = f.unit, f.unit * f.bulk, w.female.float()
    wide = c.pick("trouser_width", 0.90, 1.35) * (1 - 0.28 * female)

    def paint(
        which: Tensor, chain: list[Point], radii: list[Tensor], colour: Tensor, **options
    ) -> None:
        rows = rows_of(which)
        tube(
            c, rows, f.rows(chain, rows), [r[rows] for r in radii], colour[rows], dim=dim, **options
        )

    calf = between(knee, ankle, 0.32)
    paint(
        w.shorts | w.skirt,
        [hip, knee, calf, ankle],
        [0.058 * thick, 0.038 * thick, 0.039 * thick, 0.022 * size],
        w.skin,
    )
    _shoe(c, points, dim)
    cloth = {"folds": 0.09, "cut": True, "join": 0.35}
    ends = [0.062 * thick, 0.038 * thick * (0.75 + 0.3 * wide), 0.027 * size * (0.45 + 0.75 * wide)]
    paint(
        ~w.shorts & ~w.skirt,
        [hip, knee, between(ankle, heel, 0.35)],
        ends,
        w.down,
        bands=_rings(c, ~w.shorts & ~w.skirt),
        **cloth,
    )
    hem = between(hip, knee, c.pick("lower_length", 0.68, 1.04) - 0.26 * female)
    loose = 0.055 * thick * c.pick("trouser_width", 0.95, 1.2)
    paint(
        w.shorts & ~w.skirt,
        [hip, hem],
        [0.062 * thick, loose],
        w.down,
        bands=_rings(c, w.shorts & ~w.skirt),
        **cloth,
    )
    top = between(knee, ankle, c.pick("shoe_kind", 0.20, 0.45))
    shaft = 0.041 * thick * (1 + 0.10 * c.p("trouser_width"))
    paint(w.boots, [ankle, top], [0.031 * size, shaft], w.shoe, folds=0.06, cut=True)
    paint(
        w.boots,
        [between(ankle, top, 0.93), top],
        [shaft, shaft * 1.02],
        w.shoe * 0.72 + 0.06,
        cut=True,
    )


def _rings(c: Canvas, which: Tensor) -> tuple[Tensor, Tensor, Tensor] | None:
    """Rings around the legs of clothes without a listed colour; None if there are none."""
    mixed = c.wears.mixed_down[which]
    if not bool(mixed.any()):
        return None
    return (
        c.wears.down_second[which],
        torch.full_like(mixed, 0.045, dtype=torch.float32),
        0.9 * mixed.float(),
    )


def _shoe(c: Canvas, points: list[Point], dim: float) -> None:
    f, rows = c.figure, c.all_rows
    ankle, heel, toe = points[2:]
    unit = f.unit * (1 - 0.08 * c.wears.female.float())
    sole = lambda p: (p[0], p[1] + 0.008 * unit)  # noqa: E731
    rubber = c.wears.shoe * 0.35 + 0.42 * (c.p("shoe_shade")[:, None] > 0.45).float()
    tube(c, rows, [sole(heel), sole(toe)], [0.021 * unit, 0.017 * unit], rubber, dim=dim * 0.9)
    tube(
        c,
        rows,
        [ankle, heel, toe],
        [0.024 * unit, 0.023 * unit, 0.017 * unit],
        c.wears.shoe,
        dim=dim,
    )


def _seat(c: Canvas) -> None:
    """Hips in the colour of the trousers, or the skirt over both legs."""
    w, f = c.wears, c.figure
    rows = rows_of(~w.skirt)
    if len(rows):
        wide = f.across(f.hip)[rows]
        u = f.unit[rows]
        x, y, _ = (v[rows] for v in f.hips)
        top = f.at(0.0, 0.60, 0.0)
        table = spline(torch.stack([wide * 0.92, wide, wide * 1.02, wide * 0.92, wide * 0.35], 1))
        _drape(
            c,
            rows,
            (top[0][rows], top[1][rows]),
            (x, y + 0.062 * u),
            table,
            w.down[rows],
            folds=0.06,
        )
    rows = rows_of(w.skirt)
    if len(rows):
        _skirt(c, rows)


def _skirt(c: Canvas, rows: Tensor) -> None:
    w, f = c.wears, c.figure
    wide, u = f.across(f.hip)[rows], f.unit[rows]
    long = (~w.shorts[rows]).float()
    hem_level = (1 - long) * c.pick("lower_length", 0.40, 0.31)[rows] + long * c.pick(
        "lower_length", 0.19, 0.09
    )[rows]
    x0, y0 = (v[rows] for v in f.at(0.0, 0.61, 0.0)[:2])
    knees = (f.far_leg[1][0] + f.near_leg[1][0])[rows] / 2
    hem_y = 0.5 - hem_level * u
    spread = (f.far_leg[1][0] - f.near_leg[1][0]).abs()[rows] / 2
    flare = wide * (1.02 + 0.30 * c.p("skirt_flare")[rows]) + 0.45 * spread + 0.012 * u
    table = spline(
        torch.stack([wide * 0.82, wide * 1.0, (wide + flare) / 2, flare * 0.97, flare], 1)
    )
    pleats = 5 + 9 * c.p("skirt_flare")[rows]
    _drape(c, rows, (x0, y0), (knees, hem_y), table, w.down[rows], folds=0.10, pleats=pleats)


def _drape(
    c: Canvas,
    rows: Tensor,
    top: Point,
    bottom: Point,
    table: Tensor,
    colour: Tensor,
    *,
    folds: float,
    pleats: Tensor | None = None,
) -> None:
    """Paint a garment from `top` to `bottom`, points (n,), whose half width is the table (n, s)."""
    (x0, y0), (x1, y1) = top, bottom
    reach = table.amax(1)
    spot = c.patch(
        rows, (x0 + x1) / 2, (y0 + y1) / 2, reach + (x1 - x0).abs() / 2 + 0.01, (y1 - y0) / 2 + 0.01
    )
    t = (spot.y - cell(y0)) / cell(y1 - y0)
    width = look_up(table, t)
    across = spot.x - cell(x0) - cell(x1 - x0) * t
    distance = torch.maximum(
        torch.maximum(across.abs() - width, cell(y0) - spot.y), spot.y - cell(y1)
    )
    # Light follows the body, not the cut: a seat that narrows between the legs has no dark edge
    # there.
    nx = (across / torch.maximum(width, cell(0.85 * reach))).clamp(-1, 1)
    light = light_on(c, rows, nx, torch.zeros_like(nx)) * folded(c, spot, folds)
    if pleats is not None:
        light = light * (1 + 0.10 * t.clamp(0, 1) * torch.sin(nx * cell(pleats)))
    paint = lit(colour, light)
    mixed = c.wears.mixed_down[rows]
    if mixed.any():
        band = torch.sin((spot.y - cell(y0)) * 150) * torch.sin(across * 110) > 0
        second = lit(c.wears.down_second[rows], light)
        paint = torch.where((band & cell(mixed))[:, None], second, paint)
    c.blend(spot, coverage(distance, spot.pixel), paint)


def draw_arm(c: Canvas, rows: Tensor, points: list[Point], dim: float) -> None:
    """One arm of the images `rows`, with its sleeve and hand."""
    w, f, female = c.wears, c.figure, c.wears.female.float()
    shoulder, elbow, wrist = points
    tip = between(elbow, wrist, 1.24)
    size = f.unit * (1 - 0.10 * female)
    thick = size * (0.5 + 0.5 * f.bulk) * (1 - 0.06 * female)

    def paint(
        some: Tensor, chain: list[Point], radii: list[Tensor], colour: Tensor, **options
    ) -> None:
        tube(
            c, some, f.rows(chain, some), [r[some] for r in radii], colour[some], dim=dim, **options
        )

    short = rows[~w.long_sleeve[rows]]
    paint(
        short,
        [shoulder, elbow, wrist, tip],
        [0.033 * thick, 0.027 * thick, 0.0165 * size, 0.0185 * size],
        w.skin,
    )
    hem = between(shoulder, elbow, c.pick("sleeve_length", 0.60, 1.00) - 0.20 * female)
    loose = (c.pick("up_fit", 0.040, 0.052) - 0.006 * female) * thick
    paint(
        short,
        [shoulder, hem],
        [0.037 * thick, loose],
        w.up,
        folds=0.08,
        cut=True,
        join=0.55,
        bands=_sleeve_rings(c, short),
    )
    long = rows[w.long_sleeve[rows]]
    paint(long, [wrist, tip], [0.019 * size, 0.018 * size], w.skin)
    loose = c.pick("up_fit", 0.92, 1.10) * thick
    sleeve = [shoulder, elbow, between(elbow, wrist, 1.02)]
    paint(
        long,
        sleeve,
        [0.038 * loose, 0.034 * loose, 0.026 * loose],
        w.up,
        folds=0.12,
        cut=True,
        join=0.45,
        bands=_sleeve_rings(c, long),
    )


def _sleeve_rings(c: Canvas, rows: Tensor) -> tuple[Tensor, Tensor, Tensor] | None:
    """Rings around the sleeves of striped clothes, for `tube`; None if there are none."""
    w, kind = c.wears, c.p("up_pattern")[rows]
    ringed = (kind > 0.70) & (kind < 0.80) | w.mixed_up[rows]
    if not bool(ringed.any()):
        return None
    return w.up_second[rows], c.pick("up_period", 0.028, 0.075)[rows], 0.9 * ringed.float()
