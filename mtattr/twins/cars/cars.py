"""Drawing the car twin: from scenes to pixels, to the region of every task, and to the car's box."""

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
from mtattr.twins.drawing.batches import map_batches, rendered
from mtattr.twins.drawing.regions import changed_regions

#: Scenes that are sorted by viewpoint together.
_SORTED = 2048


def render(
    scenes: Scenes, image_size: ImageSize = 64, device: torch.device | str = "cpu"
) -> Tensor:
    """Draw scenes as uint8 (N, 3, H, W); the same scene at any image size, whatever else is in the batch.

    A scene is described at the aspect 323 : 224 (width : height); images of another aspect show it squeezed.
    """
    shape = image_shape_of(image_size)
    images = torch.empty(len(scenes), 3, *shape, dtype=torch.uint8)
    for start in range(0, len(scenes), _SORTED):
        # Batches of one viewpoint see the same faces of the car, which saves half of the work.
        order = start + scenes.viewpoints[start : start + _SORTED].argsort(stable=True)
        images[order] = rendered(
            lambda part, order=order: draw(scenes.rows(order[part]), shape, device)[1],
            len(order),
            shape,
            device,
        )
    return images


def attribute_regions(
    scene: Scenes,
    image_size: ImageSize = 64,
    *,
    only: Sequence[int] | None = None,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Where each task of one scene shows, float32 (3, H, W) in {0, 1}: where toggling it changes the picture.

    Model and type share the region of the body; that of the make are its marks. To name a model among all 48 one needs
    both, to name it among those of its make the body is enough. only: positions of the tasks wanted; the others stay empty.
    """
    shape = image_shape_of(image_size)
    wanted = [t for t in range(len(TASKS)) if only is None or t in only]
    regions = torch.zeros(len(TASKS), *shape)
    if wanted:
        joined = Scenes.joined([scene, *(scene.toggled(t) for t in wanted)])
        pictures = torch.cat(
            map_batches(
                lambda part: draw(joined.rows(part), shape, device)[1].cpu(),
                len(joined),
                shape,
                device,
            )
        )
        regions[torch.tensor(wanted)] = changed_regions(pictures[1:], pictures[:1])
    return regions


def car_boxes(
    scenes: Scenes, image_size: ImageSize, device: torch.device | str = "cpu"
) -> list[tuple[int, int, int, int]]:
    """Boxes (left, top, right, bottom) around body and wheels in pixels, 1-based and inclusive, as the real set writes them."""
    shape = image_shape_of(image_size)
    masks = torch.cat(
        map_batches(
            lambda part: draw(scenes.rows(part), shape, device)[0].whole.cpu() > 0.5,
            len(scenes),
            shape,
            device,
        )
    )
    boxes = []
    for mask in masks:
        rows, columns = mask.any(1).nonzero()[:, 0] + 1, mask.any(0).nonzero()[:, 0] + 1
        # A box must have an area, however small the picture.
        left, top = min(int(columns[0]), shape[1] - 1), min(int(rows[0]), shape[0] - 1)
        boxes.append((left, top, max(int(columns[-1]), left + 1), max(int(rows[-1]), top + 1)))
    return boxes


def draw(
    scenes: Scenes, image_shape: tuple[int, int], device: torch.device | str = "cpu"
) -> tuple[Canvas, Tensor]:
    """One batch: the finished canvas, whose `whole` (B, H, W) is the car with its wheels, and pictures (B, 3, H, W) in [0, 1]."""
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
    return c, photograph(c)
