"""The side of the lower body: wheel arches, doors, handles, sills."""

from __future__ import annotations

import torch

from mtattr.twins.cars.canvas import Canvas
from mtattr.twins.drawing.shapes import box


def draw_flank(c: Canvas) -> None:
    """Set the materials of the side that the camera sees, and `arch`, the wheel openings."""
    c.arch = torch.zeros_like(c.alpha)
    d = c.decal((c.ny > 0.10) & (c.on_cabin == 0) & (c.py > 0))
    beside = ((d.ny - 0.25) * 6).clamp(0, 1)
    floor, belt, wheel, axle, cladding = (
        d.of(getattr(c.m, name)) for name in ("floor", "belt", "wheel", "axle", "cladding")
    )
    paint = d.of(c.paint)
    plastic = d.rgb(0.075, 0.075, 0.08)
    level = (d.z - floor) / (belt - floor)
    hub = torch.sqrt((d.x.abs() - axle) ** 2 + (d.z - wheel) ** 2)
    clad = torch.minimum(d.z - cladding, hub - wheel - 0.12)
    d.paint(d.cover(clad) * beside * (cladding > 0), plastic, 0.25)
    d.paint(d.cover(d.z - floor - 0.075) * beside, plastic, 0.3)

    first, second, third = (d.of(c.m.split[:, k]) for k in range(3))
    slant = 0.05 * (level - 0.6)
    joint = torch.minimum(
        torch.minimum((d.x - first - slant).abs(), (d.x - second).abs()),
        (d.x - third - 0.10 * (level - 0.5)).abs(),
    )
    joint = torch.maximum(joint - 0.009, floor + 0.10 - d.z)
    across = torch.maximum(
        (d.z - floor - 0.12).abs() - 0.008, torch.maximum(d.x - first, third - d.x)
    )
    line = torch.minimum(joint, across)
    d.paint(d.cover(line) * beside * 0.75, paint * 0.12, 0.3)
    handle = torch.minimum(
        box(d.x, d.z, second + 0.17, belt - 0.105, 0.085, 0.019, 0.015),
        box(d.x, d.z, third + 0.17, belt - 0.095, 0.085, 0.019, 0.015),
    )
    d.paint(d.cover(handle - 0.010) * beside * 0.6, paint * 0.25, 0.5)
    chrome = (d.p("trim") < 0.3).float()
    d.paint(
        d.cover(handle) * beside,
        torch.lerp((paint * 1.1 + 0.06).clamp(max=1), d.rgb(0.7, 0.7, 0.72), chrome),
        1.3,
    )
    flap = box(d.x, d.z, -axle, belt - 0.13, 0.085, 0.075, 0.03).abs() - 0.006
    d.paint(d.cover(flap) * beside * 0.5, paint * 0.2)

    opening = hub - wheel - 0.055
    lip = torch.maximum((opening - 0.02).abs() - 0.02, floor - d.z)
    d.paint(d.cover(lip) * beside * 0.35, paint * 0.55)
    arch = d.cover(opening) * ((d.ny - 0.10) * 6).clamp(0, 1)
    d.paint(arch, d.rgb(0.012, 0.012, 0.014), 0.0)
    c.arch.view(-1).index_copy_(0, c.spot.index_select(0, d.spot), arch)
