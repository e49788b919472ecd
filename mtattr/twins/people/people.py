"""Drawing of the pedestrian twins: from scenes to pixels, and to the region of every attribute."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtattr.data.options import ImageSize, image_shape_of
from mtattr.twins.drawing.batches import rendered
from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.patterns import noise
from mtattr.twins.drawing.regions import toggled_regions
from mtattr.twins.drawing.shapes import cell
from mtattr.twins.people.bags import (
    backpack_behind,
    backpack_in_front,
    draw_bag,
    draw_handbag,
    draw_stick,
)
from mtattr.twins.people.bystanders import draw_behind, draw_in_front
from mtattr.twins.people.camera import photograph
from mtattr.twins.people.canvas import Canvas
from mtattr.twins.people.clothes import draw_arm, draw_legs
from mtattr.twins.people.figure import stand
from mtattr.twins.people.head import draw_hair_behind, draw_head
from mtattr.twins.people.scene import Scenes
from mtattr.twins.people.street import draw_street
from mtattr.twins.people.trunk import draw_trunk
from mtattr.twins.people.wardrobe import dress

NATIVE_SIZE = (128, 64)


def render(
    scenes: Scenes, image_size: ImageSize = NATIVE_SIZE, device: torch.device | str = "cpu"
) -> Tensor:
    """Draw scenes as uint8 (N, 3, H, W); size and batch change nothing in a scene."""
    shape = image_shape_of(image_size)
    return rendered(draw, scenes, shape, device)


def attribute_regions(
    scene: Scenes,
    image_size: ImageSize = NATIVE_SIZE,
    *,
    only: Sequence[int] | None = None,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Region of each task in one scene, float32 (T, H, W) in {0, 1}: the change when toggled.

    Empty where it cannot be seen: a hidden bag. only: positions of the tasks wanted (the others
    stay empty).
    """
    shape = image_shape_of(image_size)
    return toggled_regions(draw, scene, len(scene.spec.attributes), only, shape, device)


def draw(
    scenes: Scenes, image_shape: tuple[int, int], device: torch.device | str = "cpu"
) -> Canvas:
    """One batch: the finished canvas, whose `picture` is (B, 3, H, W) in [0, 1]."""
    c = prepared(scenes, image_shape, device)
    draw_street(c)
    draw_behind(c)
    _draw_person(c)
    draw_in_front(c)
    c.picture = photograph(c)
    return c


def prepared(
    scenes: Scenes, image_shape: tuple[int, int], device: torch.device | str = "cpu"
) -> Canvas:
    """A canvas on which nothing is painted yet, but everything has its place, colour and light."""
    c = Canvas(scenes, image_shape, device)
    sun = c.of_camera("sun") * (0.6 + 0.4 * c.p("sun"))
    c.light_x = (
        c.of_camera("light") * (0.35 + 0.45 * sun) + c.pick("light_side", -0.12, 0.12)
    ).clamp(-0.8, 0.8)
    c.sunny = sun
    c.wears = dress(c)
    c.figure = stand(c, c.wears)
    tile = c.tile("fold_tile", 32)
    u, v = c.x + cell(c.p("fold_u")), c.y + cell(c.p("fold_v"))
    broad, crease = (
        noise(u * 0.42 + 0.10 * v, v * 0.22, tile),
        noise(u * 0.50 - 0.22 * v, v * 0.30 + 0.10 * u, tile + 13),
    )
    # Creases are sharp: the ridges of a second noise.
    c.folds = 0.75 * broad + 0.8 * (0.55 - crease.abs()).clamp(-0.8, 1)
    return c


def _draw_person(c: Canvas) -> None:
    f, every = c.figure, c.all_rows
    _shadow(c)
    backpack_behind(c)
    draw_hair_behind(c)
    draw_handbag(c, near=False)
    # An arm swung behind the trunk is hidden by it; one beside or before it is not.
    behind = f.far_arm[2][2] + f.far_arm[0][2] < -0.02
    draw_arm(c, rows_of(behind), f.far_arm, 0.84)
    draw_legs(c)
    draw_trunk(c)
    draw_arm(c, rows_of(~behind), f.far_arm, 0.95)
    backpack_in_front(c)
    draw_head(c)
    draw_bag(c)
    draw_stick(c)
    draw_arm(c, every, f.near_arm, 1.0)
    draw_handbag(c, near=True)


def _shadow(c: Canvas) -> None:
    """Soft darkness where the feet stand, and the cast shadow where the sun shines."""
    f, rows = c.figure, c.all_rows
    x = (f.near_leg[2][0] + f.far_leg[2][0]) / 2
    spread = 0.06 + (f.near_leg[2][0] - f.far_leg[2][0]).abs() * 0.6
    spot = c.patch(rows, x, torch.full_like(x, 0.5), spread * 2.4, torch.full_like(x, 0.09))
    px, py = (spot.x - cell(x)) / cell(spread), (spot.y - 0.5 + 0.004) / 0.026
    c.darken(spot, 0.55 * torch.exp(-0.9 * (px * px + py * py)))
    rows = rows_of(c.sunny > 0.3)
    if len(rows):
        side = torch.where(c.light_x[rows] > 0, -1.0, 1.0)
        spot = c.patch(rows, side * 0.34, torch.full_like(side, 0.45), 0.42, 0.12)
        along = (spot.x - cell(x[rows])) * cell(side)
        across = spot.y - 0.495 + 0.14 * along
        body = (
            torch.exp(-((across / (0.020 + 0.035 * (along * 3).clamp(0, 1))) ** 2))
            * torch.sigmoid(along * 60)
            * torch.sigmoid((0.62 - along) * 18)
        )
        c.darken(spot, cell(0.55 * c.sunny[rows]) * body)
