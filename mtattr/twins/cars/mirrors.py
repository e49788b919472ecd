"""Door mirrors: rounded blobs beside the windscreen's foot."""

from __future__ import annotations

import torch

from mtattr.twins.cars.canvas import Canvas
from mtattr.twins.drawing.colour import plane, times
from mtattr.twins.drawing.shapes import box, cell, coverage, segment


def draw_mirror(c: Canvas, near: bool) -> None:
    """Draw one side's mirror: the far one belongs below the car, the near one above."""
    rows, sign = c.all_rows, 1.0 if near else -1.0
    x, y, z = c.m.cowl_x - 0.30, sign * (c.m.width + 0.035), c.m.belt + 0.085
    mx, my = c.view.project(x, y, z, rows)
    foot_x, foot_y = c.view.project(x, sign * (c.m.width - 0.08), z - 0.07, rows)
    size = c.view.scale
    # From the side one sees the short end of the mirror.
    half = size * (0.105 * c.view.forward[:, 0].abs() + 0.075 * c.view.forward[:, 1].abs())
    tall = size * 0.072
    reach = torch.maximum((mx - foot_x).abs(), half)
    patch = c.patch(rows, (mx + foot_x) / 2, (my + foot_y) / 2, reach + half, tall * 2.2)
    behind = (c.view.eye[:, 0] < x).float()
    # From behind the car's wider end hides part of it.
    seen = 1 - cell(behind) * patch.read(c.alpha)
    arm = segment(patch.x, patch.y, cell(foot_x), cell(foot_y), cell(mx), cell(my + 0.4 * tall))[
        0
    ] - 0.022 * cell(size)
    c.blend(patch, seen * coverage(arm, patch.pixel), c.colour(0.05, 0.05, 0.055))
    shell = box(patch.x, patch.y, cell(mx), cell(my), cell(half), cell(tall), 0.055 * cell(size))
    up = ((cell(my) - patch.y) / cell(tall)).clamp(-1, 1)
    black = (c.p("mirror_colour") < 0.25)[:, None]
    base = torch.where(black, c.colour(0.04, 0.04, 0.045), c.paint)
    light = times(c.ambient, 0.62 + 0.42 * up)
    colour = (plane(base) * light + times(c.sky_low, 0.22 * ((up - 0.45) * 3).clamp(0, 1))).clamp(
        0, 1
    )
    c.blend(patch, seen * coverage(shell, patch.pixel), colour)
    glass = box(
        patch.x,
        patch.y,
        cell(mx),
        cell(my),
        cell(half) * 0.84,
        cell(tall) * 0.78,
        0.04 * cell(size),
    )
    c.blend(
        patch,
        seen * coverage(glass, patch.pixel) * cell(behind * c.view.forward[:, 0].abs().clamp(0, 1)),
        torch.lerp(c.sky_high, c.sky_low, 0.5) * 0.75,
    )
