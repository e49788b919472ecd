"""Drawing of the car twin: from scenes to pixels, to regions of tasks, and to the car's box."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtattr.data.options import ImageSize, image_shape_of
from mtattr.twins.cars.backdrop import draw_backdrop, set_light
from mtattr.twins.cars.canvas import Canvas
from mtattr.twins.cars.ends import draw_bed, draw_front, draw_rear
from mtattr.twins.cars.flank import draw_flank
from mtattr.twins.cars.glass import draw_glass
from mtattr.twins.cars.lens import photograph
from mtattr.twins.cars.makes import TASKS
from mtattr.twins.cars.marks import draw_marks
from mtattr.twins.cars.mirrors import draw_mirror
from mtattr.twins.cars.occluders import draw_occluders
from mtattr.twins.cars.scene import Scenes
from mtattr.twins.cars.surface import light_car, trace_car
from mtattr.twins.cars.wheels import draw_wheels
from mtattr.twins.drawing.batches import drawn, rendered
from mtattr.twins.drawing.regions import toggled_regions

#: Scenes that are sorted by viewpoint together.
_SORTED = 2048


def render(
    scenes: Scenes, image_size: ImageSize = 64, device: torch.device | str = "cpu"
) -> Tensor:
    """Draw scenes as uint8 (N, 3, H, W); size and batch change nothing in a scene.

    A scene is described at the aspect 323 : 224 (width : height); images of another aspect show it
    squeezed.
    """
    shape = image_shape_of(image_size)
    images = torch.empty(len(scenes), 3, *shape, dtype=torch.uint8)
    for start in range(0, len(scenes), _SORTED):
        # Batches of one viewpoint see the same faces of the car, which saves half of the work.
        order = start + scenes.viewpoints[start : start + _SORTED].argsort(stable=True)
        images[order] = rendered(draw, scenes.rows(order), shape, device)
    return images


def attribute_regions(
    scene: Scenes,
    image_size: ImageSize = 64,
    *,
    only: Sequence[int] | None = None,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Region of each task in one scene, float32 (3, H, W) in {0, 1}: the change when it is toggled.

    Model and type share the region of the body; that of the make are its marks. To name a model
    among all 48 one needs both, to name it among those of its make the body is enough. only:
    positions of the tasks wanted; the others stay empty.
    """
    shape = image_shape_of(image_size)
    return toggled_regions(draw, scene, len(TASKS), only, shape, device)


def car_boxes(
    scenes: Scenes, image_size: ImageSize, device: torch.device | str = "cpu"
) -> list[tuple[int, int, int, int]]:
    """Boxes (left, top, right, bottom) around the cars in pixels, 1-based, inclusive."""
    shape = image_shape_of(image_size)
    masks = drawn(draw, scenes, shape, device, lambda c: c.whole > 0.5)
    boxes = []
    for mask in masks:
        rows, columns = mask.any(1).nonzero()[:, 0] + 1, mask.any(0).nonzero()[:, 0] + 1
        # A box must have an area, however small the picture.
        left, top = min(int(columns[0]), shape[1] - 1), min(int(rows[0]), shape[0] - 1)
        boxes.append((left, top, max(int(columns[-1]), left + 1), max(int(rows[-1]), top + 1)))
    return boxes


def draw(
    scenes: Scenes, image_shape: tuple[int, int], device: torch.device | str = "cpu"
) -> Canvas:
    """One batch: the canvas with its finished `picture`; `whole` is the car with its wheels."""
    c = Canvas(scenes, image_shape, device)
    set_light(c)
    trace_car(c)
    draw_backdrop(c)
    draw_glass(c)
    draw_front(c)
    draw_rear(c)
    draw_bed(c)
    draw_marks(c)
    draw_flank(c)
    draw_mirror(c, near=False)
    light_car(c)
    draw_wheels(c)
    draw_mirror(c, near=True)
    draw_occluders(c)
    c.picture = photograph(c)
    return c
