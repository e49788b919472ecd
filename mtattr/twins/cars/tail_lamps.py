"""Tail lamps of the makes: designs in nominal metres, `a` from the middle outwards, v up."""

from __future__ import annotations

import torch

from mtattr.twins.drawing.shapes import box, polygon, polyline


def _bar(a, v):
    return box(a, v, 0.68, 0.0, 0.20, 0.060, 0.03), box(a, v, 0.66, -0.015, 0.16, 0.012)


def _corner(a, v):
    shape = torch.minimum(
        box(a, v, 0.79, 0.02, 0.06, 0.13, 0.02), box(a, v, 0.66, -0.075, 0.19, 0.04, 0.02)
    )
    return shape, torch.minimum(
        box(a, v, 0.785, 0.02, 0.012, 0.10), box(a, v, 0.66, -0.075, 0.15, 0.010)
    )


def _pillar(a, v):
    return box(a, v, 0.775, 0.01, 0.065, 0.20, 0.02), box(a, v, 0.775, 0.06, 0.030, 0.09, 0.02)


def _twins(a, v):
    ring = lambda middle, radius: torch.sqrt((a - middle) ** 2 + v**2) - radius  # noqa: E731
    return torch.minimum(ring(0.58, 0.080), ring(0.765, 0.080)), torch.minimum(
        ring(0.58, 0.035), ring(0.765, 0.035)
    )


def _bracket(a, v):
    outer = box(a, v, 0.71, 0.0, 0.15, 0.115, 0.03)
    return torch.maximum(outer, -box(a, v, 0.65, 0.0, 0.15, 0.055, 0.02)), torch.maximum(
        (outer + 0.03).abs() - 0.008, -(a - 0.60)
    )


def _across(a, v):
    return box(a, v, 0.0, 0.02, 0.90, 0.035, 0.02), box(a, v, 0.0, 0.02, 0.86, 0.008)


def _boomerang(a, v):
    points = [(0.42, -0.035), (0.66, 0.055), (0.84, -0.085)]
    return polyline(a, v, points, 0.075), polyline(a, v, points, 0.020)


def _disc(a, v):
    r = torch.sqrt((a - 0.70) ** 2 + v**2)
    return r - 0.125, (r - 0.075).abs() - 0.014


def _claws(a, v):
    u = a - 0.15 * v
    shape = (
        torch.minimum(torch.minimum((u - 0.585).abs(), (u - 0.69).abs()), (u - 0.795).abs()) - 0.030
    )
    return torch.maximum(shape, v.abs() - 0.125), torch.maximum(shape + 0.020, v.abs() - 0.095)


def _handles(a, v):
    shape = torch.minimum(
        box(a, v, 0.0, 0.085, 0.86, 0.016), box(a, v, 0.80, -0.02, 0.045, 0.12, 0.01)
    )
    return shape, torch.minimum(
        box(a, v, 0.0, 0.085, 0.84, 0.005), box(a, v, 0.80, -0.02, 0.015, 0.09)
    )


def _wedge(a, v):
    shape = polygon(a, v, [(0.42, 0.075), (0.88, 0.095), (0.88, -0.13)])
    return shape, torch.maximum(shape + 0.03, -(shape + 0.045))


def _ladder(a, v):
    step = torch.minimum(torch.minimum((v - 0.085).abs(), v.abs()), (v + 0.085).abs())
    return torch.maximum(step - 0.027, (a - 0.70).abs() - 0.16), torch.maximum(
        step - 0.007, (a - 0.70).abs() - 0.13
    )


#: One signature a make, in the order of MAKES: distances to the lamp and to its bright core.
TAIL_LAMPS = (
    _bar,
    _corner,
    _pillar,
    _twins,
    _bracket,
    _across,
    _boomerang,
    _disc,
    _claws,
    _handles,
    _wedge,
    _ladder,
)
