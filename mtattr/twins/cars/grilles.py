"""Grilles of the makes: twelve designs in nominal metres, u across and v up from the centre."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mtattr.twins.drawing.shapes import box, polygon, polyline

CHROME, DARK, STEEL, BODY, LIGHT = "chrome", "dark", "steel", "body", "light"
Layers = list[tuple[Tensor, str]]

#: Height of each make's front badge above the grille's centre, and its radius.
BADGE_PLACE = (
    (0.030, 0.080), (0.122, 0.054), (0.112, 0.056), (0.0, 0.085), (0.0, 0.085), (0.0, 0.062),
    (0.118, 0.070), (0.0, 0.085), (0.116, 0.056), (-0.005, 0.082), (0.035, 0.085), (0.0, 0.085),
)  # fmt: skip


def _bars(u: Tensor, period: float, half: float) -> Tensor:
    return ((u / period) - (u / period).round()).abs() * period - half


def _hexagon(u, v) -> Layers:
    frame = polygon(
        u,
        v,
        [(-0.30, 0.125), (0.30, 0.125), (0.40, 0.0), (0.27, -0.22), (-0.27, -0.22), (-0.40, 0.0)],
    )
    return [
        (frame - 0.016, CHROME),
        (frame, DARK),
        (torch.maximum(_bars(v, 0.05, 0.008), frame + 0.012), STEEL),
    ]


def _kidneys(u, v) -> Layers:
    pair = box(u.abs(), v, 0.135, -0.045, 0.115, 0.110, 0.055)
    return [
        (pair - 0.018, CHROME),
        (pair, DARK),
        (torch.maximum(_bars(u - 0.02, 0.042, 0.007), pair + 0.01), STEEL),
    ]


def _waterfall(u, v) -> Layers:
    arch = torch.maximum(box(u, v, 0.0, -0.07, 0.25, 0.15, 0.03), v + 0.9 * u * u - 0.038)
    return [
        (arch - 0.026, CHROME),
        (arch, DARK),
        (torch.maximum(_bars(u, 0.052, 0.011), arch), CHROME),
    ]


def _three_bars(u, v) -> Layers:
    field = box(u, v, 0.0, 0.0, 0.43, 0.115, 0.03)
    return [(field, DARK), (torch.maximum(_bars(v, 0.080, 0.020), field), CHROME)]


def _mesh(u, v) -> Layers:
    field = polygon(u, v, [(-0.25, 0.11), (0.25, 0.11), (0.44, -0.17), (-0.44, -0.17)])
    wires = torch.minimum(_bars(u + v, 0.062, 0.009), _bars(u - v, 0.062, 0.009))
    return [(field, DARK), (torch.maximum(wires, field + 0.01), STEEL)]


def _split(u, v) -> Layers:
    slots = torch.minimum(
        box(u, v, 0.0, 0.085, 0.42, 0.032, 0.03), box(u, v, 0.0, -0.085, 0.42, 0.032, 0.03)
    )
    return [
        (slots, DARK),
        (torch.maximum(v.abs() - 0.045, u.abs() - 0.43), BODY),
        (box(u, v, 0.0, 0.0, 0.43, 0.010), CHROME),
    ]


def _wing(u, v) -> Layers:
    field = polygon(
        u, v, [(-0.44, 0.09), (0.0, -0.045), (0.44, 0.09), (0.26, -0.15), (-0.26, -0.15)]
    )
    wing = polyline(u.abs(), v, [(0.0, -0.03), (0.16, 0.015), (0.46, 0.11)], 0.042)
    return [
        (field, DARK),
        (torch.maximum(_bars(v, 0.045, 0.005), field + 0.01), STEEL),
        (wing, CHROME),
    ]


def _round(u, v) -> Layers:
    disc = torch.sqrt(u * u + (v + 0.01) ** 2) - 0.165
    return [
        (disc - 0.024, CHROME),
        (disc, DARK),
        (torch.maximum(_bars(u, 0.055, 0.008), disc + 0.01), STEEL),
        (torch.maximum(v.abs() - 0.016, disc), CHROME),
    ]


def _seven(u, v) -> Layers:
    slots = box(u - 0.098 * (u / 0.098).round().clamp(-3, 3), v, 0.0, -0.055, 0.027, 0.115, 0.027)
    return [(slots - 0.009, CHROME), (slots, DARK)]


def _closed(u, v) -> Layers:
    panel = box(u, v, 0.0, 0.0, 0.44, 0.10, 0.05)
    return [(panel.abs() - 0.006, DARK), (box(u, v, 0.0, 0.112, 0.56, 0.011, 0.01), LIGHT)]


def _shield(u, v) -> Layers:
    shield = polygon(
        u, v, [(-0.19, 0.14), (0.19, 0.14), (0.14, -0.04), (0.0, -0.25), (-0.14, -0.04)]
    )
    gills = box(u.abs(), v, 0.33, -0.02, 0.09, 0.035, 0.02)
    return [
        (gills, DARK),
        (shield - 0.020, CHROME),
        (shield, DARK),
        (torch.maximum(_bars(v, 0.055, 0.008), shield + 0.008), STEEL),
    ]


def _studs(u, v) -> Layers:
    field = torch.maximum(box(u, v, 0.0, 0.0, 0.42, 0.135, 0.12), v - 0.11)
    du, dv = u / 0.078, v / 0.062
    shift = (dv.round() % 2) * 0.5
    stud = (
        ((du + shift) - (du + shift).round()).abs() * 0.078
        + (dv - dv.round()).abs() * 0.062
        - 0.020
    )
    smile = torch.maximum((field + 0.004).abs() - 0.013, v + 0.02)
    return [(field, DARK), (torch.maximum(stud, field + 0.015), CHROME), (smile, CHROME)]


#: One design a make, in the order of MAKES: signed distances and materials, from below to above.
GRILLES: tuple[Callable[[Tensor, Tensor], Layers], ...] = (
    _hexagon, _kidneys, _waterfall, _three_bars, _mesh, _split, _wing, _round, _seven, _closed,
    _shield, _studs,
)  # fmt: skip
