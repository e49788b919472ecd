"""Geometric masks of the parts of a head: the test of regions found by toggling."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.data.options import ImageSize, image_shape_of
from mtattr.twins.faces.attributes import PARTS
from mtattr.twins.faces.canvas import Canvas

#: Parts that are one box: left, right, top, bottom in head coordinates (see `Canvas`).
_BOXES = {
    "forehead": (-0.46, 0.46, -0.68, 0.08),
    "brows": (-0.40, 0.40, -0.26, 0.02),
    "eyes": (-0.50, 0.50, -0.22, 0.22),
    "nose": (-0.22, 0.22, -0.14, 0.38),
    "mouth": (-0.28, 0.28, 0.20, 0.58),
    "jaw": (-0.52, 0.52, -0.02, 0.90),
    "neck": (-0.46, 0.46, 0.58, 1.10),
}


def part_masks(
    scene, image_size: ImageSize = 64, device: torch.device | str = "cpu"
) -> dict[str, Tensor]:
    """Masks of the parts of one scene, float32 (H, W) in {0, 1}, named by `PARTS`."""
    c = Canvas(scene, image_shape_of(image_size), device)
    x, y = c.x, c.y
    masks = {
        name: (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
        for name, (left, right, top, bottom) in _BOXES.items()
    }
    far = (x - c.shape.axis(y)).abs()
    neck = (far < 0.46) & (y > 0.45)
    head = (far < c.shape.width + 0.10) & (y > -c.shape.top - 0.08) & (y < c.shape.chin + 0.18)
    # Hair and hats reach as far down and out as the person's hair is long, and never into the
    # middle of the face.
    length = c.numbers.p("hair_length")
    core = (far / 0.23) * (far / 0.23) + ((y - 0.22) / 0.28) * ((y - 0.22) / 0.28) < 1
    masks["hair"] = (
        ~core
        & (far < c.shape.width + 0.17 + 0.25 * length)
        & (y > -c.shape.top - 0.30)
        & (y < 0.16 + 1.35 * (length - 0.1).clamp(min=0))
    )
    masks["ears"] = (
        (far > c.shape.width - 0.14) & (far < c.shape.width + 0.18) & (y > -0.24) & (y < 0.52)
    )
    masks["cheeks"] = (far > 0.04) & (far < c.shape.width + 0.08) & (y > -0.14) & (y < 0.58)
    masks["face"] = head | neck
    masks["skin"] = head | (y > 0.45)
    masks["image"] = torch.ones_like(head)
    return {name: masks[name][..., 0].float().cpu() for name in PARTS}
