"""Windows of the cabin: insets of its faces, dark, with seats behind them and a frame around."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from mtattr.twins.cars.bodies import CABIN, REAR_WINDOW, ROOF, SIDES, WINDSCREEN
from mtattr.twins.cars.canvas import Canvas, Decal
from mtattr.twins.drawing.shapes import box, ellipse


def draw_glass(c: Canvas) -> None:
    """Set the materials of windscreen, side windows, rear window, pillars and roof rails."""
    planes = CABIN.to(c.device)[c.bodies]
    d = c.decal(c.on_cabin > 0)
    beside = d.only(d.ny.abs() > 0.60)
    _side_windows(c, beside, planes)
    for faces, across, foot, edge in (
        (d.nx > 0.06, WINDSCREEN, c.m.cowl + 0.015, 0.055),
        (d.nx < -0.06, REAR_WINDOW, c.m.deck[:, 1] + 0.045, 0.085),
    ):
        end = d.only(faces)
        pane = torch.maximum(
            torch.maximum(_beyond(end, planes, ROOF) + 0.045, _beyond(end, planes, SIDES) + edge),
            end.of(foot) - end.z,
        )
        # Edge-on a pixel covers the whole pane: it shows the frame, not what one point of the pane
        # would.
        where = ((end.nx.abs() - 0.06) * 12).clamp(0, 1) * ((end.facing - 0.13) * 8).clamp(0, 1)
        end.paint(end.cover(pane - 0.022) * where, end.rgb(0.025, 0.025, 0.03), 0.9)
        _pane(c, end, end.cover(pane) * where)
        if across is WINDSCREEN:
            wiper = torch.maximum(
                (end.z - end.of(c.m.cowl) - 0.03 - 0.05 * (end.y * 1.4).abs()).abs() - 0.008,
                end.y.abs() - 0.55,
            )
            end.paint(end.cover(wiper) * where * 0.8, end.rgb(0.025, 0.025, 0.03), 0.2)
    _roof_rails(
        c, d.only((d.nz > 0.45) & d.of((c.m.roof[:, 4] < -1.8) & (c.p("trim") > 0.25))), planes
    )


def _beyond(d: Decal, planes: Tensor, which: slice) -> Tensor:
    """Distance of the points outside of the planes of one face, in metres, (K,)."""
    gaps = []
    for p in range(planes.shape[1])[which]:
        across = SIDES.start <= p < SIDES.stop
        n = d.of(planes[:, p])
        gaps.append(n[1 if across else 0] * (d.y if across else d.x) + n[2] * d.z - n[3])
    return functools.reduce(torch.maximum, gaps)


def _pane(c: Canvas, d: Decal, alpha: Tensor) -> None:
    """Glass with seats behind it."""
    tint = torch.lerp(d.rgb(0.15, 0.17, 0.18), d.rgb(0.045, 0.05, 0.055), d.p("tint"))
    level = (d.z - d.of(c.m.belt)) / d.of(c.m.roof[:, 3] - c.m.belt)
    middle = 0.38 * (d.y.abs() / 0.38).round().clamp(max=1)
    seat = ellipse(d.y.abs(), level, middle, 0.36, 0.12, 0.24)
    seat = torch.minimum(seat, box(d.y.abs(), level, middle, 0.0, 0.21, 0.22, 0.1))
    shade = (1.15 - 0.5 * level) * (1 - 0.52 * d.cover(seat, 0.03))
    d.paint(alpha, tint * shade, 1.75)


def _side_windows(c: Canvas, d: Decal, planes: Tensor) -> None:
    """Side windows between the pillars, and a strip of chrome or rubber around them."""
    where = ((d.ny.abs() - 0.62) * 9).clamp(0, 1)
    belt = d.of(c.m.belt)
    slope = 0.35 * (d.z - belt)
    pane = torch.maximum(_beyond(d, planes, WINDSCREEN) + 0.085, _beyond(d, planes, ROOF) + 0.05)
    pane = torch.maximum(
        pane,
        torch.maximum(_beyond(d, planes, REAR_WINDOW) + 0.10, d.of(c.m.window_end) + slope - d.x),
    )
    pane = torch.maximum(pane, belt + 0.045 - d.z)
    chrome = (d.p("trim") < 0.45).float()
    d.paint(
        d.cover(pane - 0.022) * where,
        torch.lerp(d.rgb(0.04, 0.04, 0.045), d.rgb(0.62, 0.63, 0.65), chrome),
        1.2,
    )
    _, second, third = (d.of(c.m.split[:, k]) for k in range(3))
    level = (d.z - belt) / 0.42
    shade = 1.25 - 0.55 * level
    for hinge, back in ((second, 0.18), (third, 0.16)):
        seat = ellipse(d.x, level, hinge + back, 0.42, 0.085, 0.22)
        seat = torch.minimum(seat, box(d.x, level, hinge + back - 0.02, 0.0, 0.12, 0.26, 0.1))
        shade = shade * (1 - 0.5 * d.cover(seat, 0.03))
    tint = torch.lerp(d.rgb(0.14, 0.16, 0.17), d.rgb(0.04, 0.045, 0.05), d.p("tint"))
    # The sky's reflection breaks at an angle across the panes.
    streak = ((torch.sin(d.x * 2.3 + d.z * 2.9 + 6.28 * d.p("sky")) - 0.45) * 9).clamp(0, 1) * (
        0.4 + level
    ).clamp(0, 1)
    d.paint(d.cover(pane) * where, tint * shade + 0.055 * streak * d.of(c.sky_low), 1.7)
    bar = torch.minimum((d.x - second).abs() - 0.045, (d.x - third - 0.25 * slope).abs() - 0.028)
    d.paint(d.cover(torch.maximum(bar, pane)) * where, d.rgb(0.03, 0.03, 0.035), 0.8)


def _roof_rails(c: Canvas, d: Decal, planes: Tensor) -> None:
    """Bars along the roof of tall bodies and estates."""
    side = d.of(planes[:, SIDES.start])
    inset = side[1] * d.y.abs() + side[2] * d.z - side[3]
    middle, half = (c.m.roof[:, 0] + c.m.roof[:, 4]) / 2, (c.m.roof[:, 0] - c.m.roof[:, 4]) / 2
    rail = torch.maximum((inset + 0.05).abs() - 0.022, (d.x - d.of(middle)).abs() - d.of(half))
    d.paint(d.cover(rail), d.rgb(0.10, 0.10, 0.11), 0.6)
