"""Regions of the car's parts, from the geometry of body and camera alone."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.data.options import ImageSize, image_shape_of
from mtattr.twins.cars.bodies import LONGEST
from mtattr.twins.cars.canvas import Canvas
from mtattr.twins.cars.marks import emblem_place, front_scale, grille_height, tail_height
from mtattr.twins.cars.scene import Scenes
from mtattr.twins.drawing.shapes import box, cell

#: How far blur spreads a part, in sheet units.
_BLUR = 0.09


def part_masks(scene: Scenes, image_size: ImageSize = 64) -> dict[str, Tensor]:
    """Masks of one scene's parts, float32 (H, W) in {0, 1}, by name: what `Task.region` refers to.

    "body": a box around where any body may stand, with its shadow. "marks": boxes around grille and
    front badge, tail lamps and rear badge, and the emblem on the flank, as far as they face the
    camera. An occluder is not left out.
    """
    c = Canvas(scene, image_shape_of(image_size))
    long, wide, high = (LONGEST["front"], LONGEST["rear"]), LONGEST["width"], LONGEST["height"]
    body = torch.maximum(
        _boxed(c, long, (-wide, wide), (0.0, high)),
        _boxed(c, (long[0] + 0.6, long[1] - 0.6), (-2.0, 2.0), (0.0, 0.1)),
    )
    return {"body": body, "marks": _marks(c)}


def _marks(c: Canvas) -> Tensor:
    mask = torch.zeros(c.image_shape)
    m, eye = c.m, c.view.eye[0]
    # Grille and lamps reach around the rounded corners, where they are still seen from the side.
    if 0.69 * eye[0] + 0.72 * eye[1] > 1.8 or eye[0] > m.front[0]:
        k, height = front_scale(c), grille_height(c)
        mask = _boxed(
            c,
            (m.front, m.front - 0.22),
            (-0.68 * k, 0.68 * k),
            (height - 0.32 * k, height + 0.29 * k),
        )
    if -0.69 * eye[0] + 0.72 * eye[1] > 1.8 or eye[0] < m.rear[0]:
        k, height = (m.tail - m.floor) / 0.80, tail_height(c)
        mask = torch.maximum(
            mask,
            _boxed(
                c,
                (m.rear, m.rear + 0.42),
                (-m.width, m.width),
                (height - 0.27 * k, height + 0.26 * k),
            ),
        )
    if eye[1] > m.width[0]:
        x, z = emblem_place(c)
        mask = torch.maximum(
            mask, _boxed(c, (x - 0.11, x + 0.11), (m.width, m.width - 0.05), (z - 0.08, z + 0.08))
        )
    return mask


def _boxed(c: Canvas, xs, ys, zs) -> Tensor:
    """The rectangle on the sheet around one box in metres."""
    cx, cy, half_width, half_height = (cell(v) for v in c.view.surround(xs, ys, zs, c.all_rows))
    x, y = c.sheet.coordinates
    blur = _BLUR * float(c.p("blur")[0] < 0.13) + cell(c.pixel[:, 0, 0]) * 1.5
    return (box(x, y, cx, cy, half_width + blur, half_height + blur) <= 0).float()[0]
