"""The garment's outline: body, neckline, sleeves, straps, legs and hem as one opacity."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.clothes.canvas import Canvas
from mtattr.twins.clothes.tailoring import SAMPLES, leg_edges, line_front, measure_long, open_front
from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.shapes import (
    box,
    cell,
    coverage,
    ellipse,
    limb,
    look_up,
    polyline,
    spline,
)

TOP, BOTTOM = -0.90, 1.05


def draw_outline(c: Canvas) -> None:
    """Set `alpha` and the landmarks of a canvas, from `half_width` (B, H, W) to `back`."""
    _measure(c)
    c.half_width = look_up(
        c.table, (c.y - TOP) / (BOTTOM - TOP if c.span is None else cell(c.span))
    )
    ax = c.x.abs()
    c.hem_line = _hem_line(c, ax)
    body = torch.maximum(torch.maximum(ax - c.half_width, cell(c.top) - c.y), c.y - c.hem_line)
    uppers, lowers = rows_of(c.upper), rows_of(~c.upper)
    if len(uppers):
        body[uppers] = _shoulders(c, uppers, body[uppers], ax[uppers])
    shorts = rows_of(c.shorts)
    if len(shorts):
        body[shorts] = torch.maximum(body[shorts], -_leg_gap(c, shorts, ax[shorts]))
    legged = rows_of(c.legged)
    if len(legged):
        body[legged] = torch.maximum(body[legged], -leg_edges(c, legged, TOP))
    opens = rows_of(c.cut("opens") > 0)
    if len(opens):
        body[opens] = open_front(c, opens, body[opens])
    slit = c.rows("side slit")
    if len(slit):
        body[slit] = torch.maximum(body[slit], -_slit(c, slit))
    c.alpha = coverage(body, c.pixel)
    c.lowers, c.uppers = lowers, uppers
    _back_panel(c)
    _sleeves(c)


def _measure(c: Canvas) -> None:
    up = c.upper
    tank, shorts, skirt = (c.named(name) for name in ("Tank", "Shorts", "Skirt"))
    fit = c.has("loose").float() - c.has("fitted").float()
    spread = torch.maximum
    # Upper body.
    bulk = c.cut("bulk")
    shoulder = 0.385 + 0.03 * c.p("body_width") + 0.5 * bulk
    # A tank without a named sleeve is cut as a racerback.
    strap = c.has("spaghetti strap")
    racer = tank & ~c.has("sleeveless") & ~strap
    bare = c.has("sleeveless") | racer
    strap_outer = torch.where(
        tank, c.pick("strap_width", 0.21, 0.29), c.pick("strap_width", 0.27, 0.37)
    )
    strap_outer = torch.where(racer, 0.215, strap_outer)
    shoulder = torch.where(bare, strap_outer, shoulder)
    chest = c.pick("body_width", 0.325, 0.385) + 0.045 * fit + 0.02 * (~tank & up) + bulk
    waist = (
        chest
        - 0.045
        + 0.035 * fit
        - 0.05 * c.has("peplum").float()
        + c.pick("waist_width", -0.025, 0.025)
    )
    hip = waist + 0.03 + c.pick("hem_width", -0.01, 0.05) + 0.11 * c.has("a-line").float()
    peplum = 0.13 * c.has("peplum").float()
    arm = torch.where(
        bare,
        spread(strap_outer - 0.015, chest - 0.10 - 0.05 * tank.float() - 0.05 * racer.float()),
        chest - 0.01,
    )
    upper = torch.stack(
        [
            shoulder,
            shoulder,
            arm,
            chest,
            waist,
            (waist + hip) / 2 + peplum,
            hip + peplum,
            hip * 1.05 + peplum,
            hip * 1.1 + peplum,
        ],
        1,
    )
    # Lower body.
    waist_l = c.pick("waist_width", 0.25, 0.31)
    hip_l = c.pick("body_width", 0.36, 0.42) + 0.02 * fit
    flare = (
        c.pick("hem_width", 0.0, 0.07)
        + 0.05 * fit
        + 0.17 * c.has("a-line").float()
        - 0.13 * c.has("pencil").float()
        + 0.05 * shorts.float()
    )
    steps = [hip_l + flare * k for k in (0.35, 0.75, 1.05, 1.3, 1.5)]
    lower = torch.stack([waist_l - 0.01, waist_l, (waist_l + hip_l) / 2 + 0.03, hip_l, *steps], 1)
    c.table, c.span, c.inner = spline(torch.where(up[:, None], upper, lower), SAMPLES), None, None
    # Lengths.
    hem_u = (
        c.pick("hem_level", 0.40, 0.58)
        - 0.42 * c.has("cropped").float()
        + 0.27 * c.has("longline").float()
    )
    hem_u = hem_u + c.cut("longer")
    base = torch.where(shorts, c.pick("hem_level", 0.12, 0.30), c.pick("hem_level", 0.20, 0.42))
    hem_l = (
        base
        - 0.19 * c.has("mini").float()
        + 0.28 * c.has("knee-length").float()
        + 0.58 * c.has("maxi").float()
    )
    c.hem = torch.where(up, hem_u, hem_l)
    c.top = torch.where(
        up, torch.full_like(hem_u, -0.80), torch.where(c.has("high-waist"), -0.86, -0.62)
    )
    c.waist = torch.where(up, 0.10, c.top + 0.07)
    c.crotch = c.pick("crotch", -0.16, -0.06)
    c.shorts, c.skirt, c.tank = shorts, skirt, tank
    long = rows_of(c.long)
    if len(long):
        c.span = torch.full_like(c.hem, BOTTOM - TOP)
        c.inner = torch.zeros_like(c.table)
        measure_long(c, long, upper[long], TOP)


def width_at(c: Canvas, rows: Tensor, y: Tensor) -> Tensor:
    """Half width of the garments `rows` at height y, (n,) from (n,)."""
    return look_up(
        c.table[rows], cell((y - TOP) / (BOTTOM - TOP if c.span is None else c.span[rows]))
    )[:, 0, 0]


def _hem_line(c: Canvas, ax: Tensor) -> Tensor:
    tilt = c.pick("hem_tilt", -0.04, 0.04)
    side = torch.where(c.p("side") < 0.5, -1.0, 1.0)
    slope = cell(tilt + 0.42 * side * c.has("asymmetrical hem").float())
    bend = cell(0.35 - 1.15 * c.has("curved hem").float() * (0.6 + 0.4 * c.upper.float()))
    line = (
        cell(c.hem)
        + slope * c.x
        - bend * 0.16 * ax
        - torch.where(bend < 0, -bend * ax * ax * 0.9, torch.zeros_like(ax))
    )
    rise = 0.20 * c.has("high-low hem").float()
    if bool(rise.any()):
        line = line - cell(rise) * (1 - (c.x / c.half_width.clamp(min=0.1)) ** 2).clamp(min=0)
    rows = c.rows("scalloped hem")
    if len(rows):
        u = c.x[rows] / 0.15
        line[rows] = line[rows] - 0.06 * (
            1 - torch.sqrt((1 - ((u - u.floor()) * 2 - 1) ** 2).clamp(min=0))
        )
    return line


def _shoulders(c: Canvas, rows: Tensor, body: Tensor, ax: Tensor) -> Tensor:
    """Slope the shoulders and cut the neckline, or replace the shoulders by straps."""
    y = c.y[rows]
    has = lambda name: cell(c.has(name)[rows])  # noqa: E731
    body = torch.maximum(body, (-0.80 + 0.30 * ax - y) * 0.95)
    wide, deep = (
        cell(c.pick("neck_width", 0.0, 0.045)[rows]),
        cell(c.pick("neck_depth", 0.0, 0.06)[rows]),
    )
    x = c.x[rows]
    # The default is a boat neck; every named neckline is a cut of its own.
    cut = ellipse(x, y, 0.0, -0.80, 0.235 + wide, 0.115 + deep * 0.5)
    cut = torch.where(
        has("crew neck"), ellipse(x, y, 0.0, -0.80, 0.145 + wide * 0.5, 0.15 + deep * 0.5), cut
    )
    cut = torch.where(has("scoop neck"), ellipse(x, y, 0.0, -0.80, 0.18 + wide, 0.33 + deep), cut)
    vee = torch.maximum((ax - 0.16 - wide) + (y + 0.80) * (0.16 / (0.42 + deep)) - 0.0, -(y + 1.0))
    cut = torch.where(has("v-neck"), vee, cut)
    cut = torch.where(
        has("square neck"), box(x, y, 0.0, -0.80, 0.165 + wide, 0.26 + deep, 0.015), cut
    )
    cut = torch.where(has("collar"), torch.maximum((ax - 0.11) + (y + 0.80) * 0.5, -(y + 1.0)), cut)
    cut = torch.where(has("mock neck"), torch.full_like(cut, 1.0), cut)
    c.neck_cut = torch.ones_like(c.x)
    c.neck_cut[rows] = cut
    body = torch.maximum(body, -cut)
    neck = box(x, y, 0.0, -0.80, 0.125 + wide * 0.4, 0.10, 0.02)
    body = torch.where(has("mock neck"), torch.minimum(body, neck), body)
    thin = has("spaghetti strap")
    if bool(thin.any()):
        bust = torch.maximum(
            body, -0.47 - 0.14 * torch.cos((ax - 0.2).clamp(-0.4, 0.4) * 7) * 0.6 - y
        )
        strap_x = cell(c.pick("strap_place", 0.17, 0.23)[rows])
        strap = polyline(
            ax,
            y,
            [(strap_x, -0.80), (strap_x + 0.03, -0.45)],
            0.022 + 0.02 * cell(c.p("strap_width")[rows]),
        )
        body = torch.where(thin, torch.minimum(bust, strap), body)
    return body


def _leg_gap(c: Canvas, rows: Tensor, ax: Tensor) -> Tensor:
    """The space between the legs of shorts; wide soft shorts hide it as culottes do."""
    y, crotch = c.y[rows], cell(c.crotch[rows])
    wide = cell((c.p("leg_gap")[rows] - 0.05).clamp(min=0))
    half = 0.014 + wide * 0.075 + wide * (y - crotch).clamp(min=0) * 0.48
    hidden = cell(c.p("leg_gap")[rows] < 0.09)
    return torch.where(
        hidden,
        torch.maximum(ax - 0.008, cell(c.hem[rows] - 0.05) - y),
        torch.maximum(ax - half, crotch - y),
    )


def _slit(c: Canvas, rows: Tensor) -> Tensor:
    side = torch.where(c.p("side")[rows] < 0.5, -1.0, 1.0)
    place = cell(side * 0.62 * width_at(c, rows, c.hem[rows]))
    start = cell(c.hem[rows] - 0.16 - 0.16 * c.p("slit_height")[rows])
    return torch.maximum(
        (c.x[rows] - place).abs() - 0.015 - 0.13 * (c.y[rows] - start).clamp(min=0),
        start - c.y[rows],
    )


def _back_panel(c: Canvas) -> None:
    """The inside of the back, `back` (B, H, W): seen in a neckline and under a high-low hem."""
    c.back = torch.zeros_like(c.alpha)
    rows = c.uppers
    if len(rows):
        inside = torch.maximum(c.neck_cut[rows], -0.70 + 0.35 * c.x[rows].abs() - 0.08 - c.y[rows])
        open_ = (c.p("support")[rows] >= 0.62) & ~c.has("spaghetti strap")[rows]
        c.back[rows] = coverage(inside, c.pixel[rows]) * cell(open_.float())
    if c.opened is not None:
        line_front(c)
    rows = c.rows("high-low hem")
    if len(rows):
        y, x = c.y[rows], c.x[rows]
        low = cell(c.hem[rows] + 0.03) + 0.04 * (1 - (x / c.half_width[rows].clamp(min=0.1)) ** 2)
        panel = torch.maximum(
            torch.maximum(x.abs() - c.half_width[rows], y - low), cell(c.hem[rows] - 0.26) - y
        )
        c.back[rows] = torch.maximum(c.back[rows], coverage(panel, c.pixel[rows]))


def _sleeves(c: Canvas) -> None:
    """Both sleeves in mirrored coordinates; `sleeve` (B, H, W) is their opacity."""
    c.sleeve = torch.zeros_like(c.alpha)
    bare = c.has("sleeveless") | c.has("spaghetti strap") | c.tank
    rows = rows_of(c.upper & ~bare)
    c.elbow_x, c.elbow_y, c.wrist_x, c.wrist_y, c.cuff_radius = arm_joints(c)
    c.end_x, c.end_y = torch.zeros_like(c.hem), torch.zeros_like(c.hem)
    if len(rows) == 0:
        return
    ax, y, r = c.x[rows].abs(), c.y[rows], lambda v: cell(v[rows])
    long = (c.has("long sleeve") | c.has("bell-sleeve"))[rows]
    reach = torch.where(
        c.has("short sleeve"),
        c.pick("sleeve_length", 0.42, 0.68),
        c.pick("sleeve_length", 0.80, 1.0),
    )[rows]
    reach = torch.where(long, torch.ones_like(reach), reach)
    sx, sy = 0.31, -0.64
    ex, ey = sx + (c.elbow_x[rows] - sx) * reach, sy + (c.elbow_y[rows] - sy) * reach
    full = (
        c.pick("sleeve_width", 0.095, 0.125)[rows]
        + 0.012 * (c.has("loose").float() - c.has("fitted").float())[rows]
    )
    full = full + 0.7 * c.cut("bulk")[rows]
    d = limb(ax, y, sx, sy, cell(ex), cell(ey), 0.115, cell(full), cut=False)
    axis_x, axis_y = ex - sx, ey - sy
    norm = torch.sqrt(axis_x**2 + axis_y**2)
    end = ((ax - cell(ex)) * cell(axis_x) + (y - cell(ey)) * cell(axis_y)) / cell(norm)
    d = torch.where(cell(long), d, torch.maximum(d, end))
    fore = limb(
        ax,
        y,
        r(c.elbow_x),
        r(c.elbow_y),
        r(c.wrist_x),
        r(c.wrist_y),
        cell(full * 0.97),
        r(c.cuff_radius),
        cut=True,
    )
    d = torch.where(cell(long), torch.minimum(d, fore), d)
    d = torch.maximum(d, -0.80 + 0.30 * ax - y)
    c.sleeve[rows] = coverage(d, c.pixel[rows])
    c.end_x[rows] = torch.where(long, c.wrist_x[rows], ex)
    c.end_y[rows] = torch.where(long, c.wrist_y[rows], ey)
    # A seam of shade where the sleeve meets the body.
    c.armhole = torch.zeros_like(c.alpha)
    c.armhole[rows] = torch.exp(-((d / 0.016) ** 2)) * c.alpha[rows]
    c.alpha = torch.maximum(c.alpha, c.sleeve)


def arm_joints(c: Canvas) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Elbow x, y, wrist x, y and the sleeve's end radius, (B,) each; bell sleeves widen."""
    swing = c.p("arm_swing")
    ex, ey = 0.50 + 0.14 * swing, -0.20 - 0.02 * swing
    wx, wy = ex + 0.02 + 0.12 * (swing - 0.4), ey + 0.40
    radius = torch.where(c.has("bell-sleeve"), 0.19, 0.072) + 0.4 * c.cut("bulk")
    return ex, ey, wx, wy, radius
