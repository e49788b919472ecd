"""Badges of the makes: one shape and colour each."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from mtattr.twins.drawing.shapes import box, ellipse, polygon, star

#: Enamel colour of each make's badge, in the order of MAKES.
ENAMEL = (
    (0.75, 0.05, 0.07), (0.05, 0.20, 0.62), (0.05, 0.34, 0.16), (0.05, 0.05, 0.06),
    (0.10, 0.45, 0.72), (0.85, 0.66, 0.08), (0.55, 0.05, 0.10), (0.80, 0.12, 0.05),
    (0.04, 0.12, 0.36), (0.03, 0.55, 0.55), (0.80, 0.62, 0.10), (0.78, 0.04, 0.16),
)  # fmt: skip


def badge(make: int, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Distances to the badge and to the metal sign on it, in units of its radius; v points up."""
    v = -v
    ring = lambda radius, half: (torch.sqrt(u * u + v * v) - radius).abs() - half  # noqa: E731
    disc = torch.sqrt(u * u + v * v) - 1
    if make == 0:
        return disc, torch.minimum(ring(0.86, 0.14), disc + 0.65)
    if make == 1:
        return disc, torch.minimum(
            ring(0.88, 0.12),
            torch.minimum(torch.maximum(u.abs() - 0.13, disc), torch.maximum(v.abs() - 0.13, disc)),
        )
    if make == 2:
        shield = polygon(u, v, [(-0.8, -1.0), (0.8, -1.0), (0.8, 0.1), (0.0, 1.1), (-0.8, 0.1)])
        return shield, torch.minimum(
            shield.abs() - 0.13, torch.maximum((v + 0.25).abs() - 0.14, shield)
        )
    if make == 3:
        diamond = (u.abs() * 1.25 + v.abs() * 0.8) - 0.95
        return diamond, torch.maximum(diamond, -(diamond + 0.34))
    if make == 4:
        chevrons = [
            torch.maximum((v - 0.75 * u.abs() + shift).abs() - 0.17, u.abs() - 0.95)
            for shift in (-0.25, 0.45)
        ]
        both = functools.reduce(torch.minimum, chevrons)
        return both - 0.05, both
    if make == 5:
        oval = ellipse(u, v, 0.0, 0.0, 1.35, 0.8)
        return oval, torch.minimum(oval.abs() - 0.12, torch.maximum(v.abs() - 0.15, oval))
    if make == 6:
        wings = torch.maximum(
            torch.maximum((v + 0.20 * u.abs()).abs() - 0.45 + 0.22 * u.abs(), u.abs() - 1.8),
            -(u.abs() - 0.45),
        )
        middle = torch.sqrt(u * u + v * v) - 0.5
        return torch.minimum(wings, middle), torch.minimum(wings, ring(0.45, 0.1))
    if make == 7:
        points = star(u, v, 1.15, 4, 0.62)
        return points - 0.05, points
    if make == 8:
        return disc, torch.minimum(star(u, v, 0.75, 5, 0.5), ring(0.9, 0.1))
    if make == 9:
        triangle = polygon(u, v, [(0.0, -1.1), (1.1, 0.8), (-1.1, 0.8)])
        return triangle, torch.maximum(triangle, -(triangle + 0.28))
    if make == 10:
        hexagon = torch.maximum(u.abs() * 0.866 + v.abs() * 0.5, v.abs()) - 0.95
        return hexagon, torch.minimum(hexagon.abs() - 0.12, box(u, v, 0.0, 0.0, 0.16, 0.6))
    crescent = torch.maximum(disc, 0.72 - torch.sqrt((u - 0.42) ** 2 + v * v))
    return crescent - 0.04, crescent
