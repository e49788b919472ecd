"""Shapes of the car bodies: two convex solids each, lower body and cabin, bounded by planes.

Lengths in metres. X points to the front from the middle between the axles, Y to the side that the
camera sees, Z up.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from mtattr.twins.cars.makes import BODIES


@dataclass(frozen=True)
class Body:
    """Measures of one body.

    axle: distance of each axle from the middle. front, rear: ends. width: half the width. floor:
    underside. nose, cowl: heights of the bonnet's front edge and of its rear edge at `cowl_x`.
    belt: lower edge of the side windows. roof: (x, z) of windscreen's upper edge, highest point and
    rear end. deck: (x, z) of the rear window's foot. tail: height of the tail's upper edge. wheel:
    radius of the tyres. lean: tumblehome of the cabin's sides in degrees. split: x of the doors'
    joints, from front to rear; the first is the front door's hinge. cladding: height of dark
    plastic along the sides. window_end: x at which the side windows end.
    """

    axle: float
    front: float
    rear: float
    width: float
    floor: float
    nose: float
    cowl_x: float
    cowl: float
    belt: float
    roof: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    deck: tuple[float, float]
    tail: float
    wheel: float
    lean: float
    split: tuple[float, float, float]
    cladding: float
    window_end: float


TABLE = {
    "sedan": Body(
        1.38, 2.24, -2.46, 0.91, 0.20, 0.75, 0.98, 0.99, 0.99,
        ((0.10, 1.40), (-0.45, 1.46), (-1.02, 1.40)), (-1.88, 1.01), 0.98, 0.335, 24,
        (0.92, -0.16, -1.12), 0.0, -1.62,
    ),
    "hatchback": Body(
        1.28, 2.02, -1.92, 0.87, 0.20, 0.76, 0.96, 1.00, 0.98,
        ((0.22, 1.46), (-0.35, 1.52), (-1.42, 1.44)), (-1.82, 1.00), 0.96, 0.325, 20,
        (0.88, -0.12, -1.02), 0.0, -1.42,
    ),
    "SUV": Body(
        1.40, 2.24, -2.26, 0.95, 0.31, 0.98, 1.08, 1.19, 1.16,
        ((0.42, 1.70), (-0.30, 1.78), (-1.85, 1.71)), (-2.16, 1.18), 1.14, 0.39, 15,
        (0.98, -0.10, -1.10), 0.52, -1.98,
    ),
    "estate": Body(
        1.38, 2.24, -2.44, 0.91, 0.20, 0.75, 0.98, 0.99, 0.98,
        ((0.10, 1.41), (-0.50, 1.47), (-1.98, 1.40)), (-2.36, 0.99), 0.95, 0.335, 22,
        (0.92, -0.16, -1.12), 0.0, -2.08,
    ),
    "pickup": Body(
        1.58, 2.46, -2.66, 0.95, 0.34, 1.02, 1.26, 1.20, 1.16,
        ((0.66, 1.72), (0.15, 1.79), (-0.34, 1.74)), (-0.52, 1.15), 1.13, 0.40, 15,
        (1.16, 0.22, -0.50), 0.50, -0.44,
    ),
    "sports": Body(
        1.27, 2.16, -2.12, 0.94, 0.14, 0.61, 0.84, 0.88, 0.88,
        ((-0.06, 1.20), (-0.40, 1.245), (-0.74, 1.20)), (-1.72, 0.90), 0.87, 0.345, 28,
        (0.72, -0.50, -0.51), 0.0, -1.00,
    ),
    "MPV": Body(
        1.42, 2.16, -2.30, 0.93, 0.22, 0.84, 1.36, 1.10, 1.05,
        ((0.50, 1.66), (-0.40, 1.75), (-1.92, 1.67)), (-2.22, 1.06), 1.02, 0.34, 15,
        (1.10, 0.00, -1.06), 0.0, -2.02,
    ),
}  # fmt: skip

#: Ends, half width (with mirrors) and height of a box that holds every body.
LONGEST = {"front": 2.5, "rear": -2.7, "width": 1.18, "height": 1.82}

#: Cabin planes by the face they bound.
WINDSCREEN, ROOF, REAR_WINDOW, SIDES = slice(0, 1), slice(5, 9), slice(9, 10), slice(10, 12)
#: Planes of either solid that face away from any camera on the positive side of Y.
FAR_BODY, FAR_CABIN = (3, 4), (11,)


def _across(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, ...]:
    """The plane along Y through two points (x, z), a before b, that bounds what lies below."""
    dx, dz = a[0] - b[0], a[1] - b[1]
    length = math.hypot(dx, dz)
    n = (-dz / length, 0.0, dx / length)
    return (*n, n[0] * a[0] + n[2] * a[1])


def _facing(yaw: float, pitch: float, x: float, y: float, z: float) -> tuple[float, ...]:
    """Plane through a point; its normal lies `yaw` degrees from X to Y and `pitch` degrees up."""
    yaw, pitch = math.radians(yaw), math.radians(pitch)
    n = (math.cos(pitch) * math.cos(yaw), math.cos(pitch) * math.sin(yaw), math.sin(pitch))
    return (*n, n[0] * x + n[1] * y + n[2] * z)


def _lower(b: Body) -> list[tuple[float, ...]]:
    middle = b.floor + 0.50 * (b.nose - b.floor)
    crease = b.floor + 0.62 * (b.belt - b.floor)
    planes = [(0.0, 0.0, -1.0, -b.floor)]
    for side in (1, -1):
        planes += [
            _facing(90 * side, -5, 0, b.width * side, crease),
            _facing(90 * side, 9, 0, b.width * side, crease),
        ]
    planes += [
        _facing(0, 4, b.front, 0, middle),
        _facing(0, 50, b.front - 0.05, 0, b.nose - 0.10),
        _facing(0, -38, b.front - 0.10, 0, b.floor),
        _across((b.front - 0.20, b.nose), (b.cowl_x, b.cowl)),
        # Bodies without a boot end below their windows: there the belt itself is the solid's upper
        # face.
        _across(
            b.deck if b.deck[0] - b.rear > 0.3 else (0.0, b.belt + 0.03), (b.rear + 0.05, b.tail)
        ),
        (0.0, 0.0, 1.0, b.belt + 0.02),
        _facing(180, 3, b.rear, 0, middle),
        _facing(180, 42, b.rear + 0.03, 0, b.tail - 0.07),
        _facing(180, -36, b.rear + 0.14, 0, b.floor),
    ]
    for side in (1, -1):
        for yaw, back in ((17, 0.62), (46, 0.33)):
            planes.append(
                _facing(
                    yaw * side,
                    3,
                    b.front - 0.20 * back,
                    (b.width - (1 - back) * 0.42) * side,
                    middle,
                )
            )
            planes.append(
                _facing(
                    180 - yaw * side,
                    3,
                    b.rear + 0.17 * back,
                    (b.width - (1 - back) * 0.40) * side,
                    middle,
                )
            )
    return planes


def _cabin(b: Body) -> list[tuple[float, ...]]:
    (ax, az), (mx, mz), (cx, cz) = b.roof
    foot = (b.cowl_x, b.cowl)
    screen = _across(foot, (ax, az))
    pitch = math.degrees(math.asin(screen[2]))
    corner = [
        _facing(24 * side, pitch - 4, foot[0] - 0.09, (b.width - 0.14) * side, foot[1])
        for side in (1, -1)
    ]
    back = _across((cx, cz), b.deck)
    slope = math.degrees(math.asin(back[2]))
    corner += [
        _facing(180 - 24 * side, slope - 2, b.deck[0] + 0.10, (b.width - 0.16) * side, b.deck[1])
        for side in (1, -1)
    ]
    # Two more points, a little above the straight line between their neighbours, make an arch of
    # the roof.
    steps = [
        ((p + q) / 2 + 0.1 * (p - q), (pz + qz) / 2 + 0.035 * (p - q))
        for (p, pz), (q, qz) in (b.roof[:2], b.roof[1:])
    ]
    planes = [
        screen,
        *corner,
        _across((ax, az), steps[0]),
        _across(steps[0], (mx, mz)),
        _across((mx, mz), steps[1]),
        _across(steps[1], (cx, cz)),
    ]
    planes.append(back)
    planes += [_facing(90 * side, b.lean, 0, (b.width - 0.035) * side, b.belt) for side in (1, -1)]
    planes.append((0.0, 0.0, -1.0, -(min(b.belt, b.tail) - 0.07)))
    return planes


def _planes(of: Callable[[Body], list[tuple[float, ...]]]) -> Tensor:
    return torch.tensor([of(TABLE[name]) for name in BODIES])


#: Planes of the solids of all bodies, float32 (bodies, P, 4): outward unit normal, and its product
#: with a point of the plane.
LOWER, CABIN = _planes(_lower), _planes(_cabin)


@functools.cache
def measures() -> dict[str, Tensor]:
    """Every measure of `Body` as a float32 tensor with one row a body, (bodies,) or (bodies, k)."""
    tables = {
        f.name: torch.tensor([getattr(TABLE[name], f.name) for name in BODIES], dtype=torch.float32)
        for f in fields(Body)
    }
    return {name: table.flatten(1) if table.ndim > 1 else table for name, table in tables.items()}
