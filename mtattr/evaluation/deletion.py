"""Deletion and insertion: does the score follow the pixels that a map calls important?"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from mtattr.errors import InputError


@torch.no_grad()
def deletion_insertion(
    score: Callable[[Tensor, Tensor], Tensor],
    images: Tensor,
    maps: Tensor,
    *,
    steps: int = 8,
    at_once: int = 256,
) -> tuple[Tensor, Tensor]:
    """Mean score while the most important pixels are painted over, and while they alone are shown.

    score: from images `(m, 3, H, W)` and their positions `(m,)` in `images` to `(m,)`, for example the probability of one class;
    a network must be in evaluation mode. images: `(M, 3, H, W)` in [0, 1]. maps: `(M, h, w)`, enlarged bilinearly. In step i of 0 to
    `steps` the share i / steps of the pixels, highest first, takes the image's mean colour (deletion) or returns to an image of
    mean colour (insertion). Returns both means over steps, the area under each curve, `(M,)` in units of the score. A good map has
    a low deletion and a high insertion; equal pixels keep the order of reading, so a flat map is a blind one.
    Raises `InputError` for wrong shapes, NaN in a map or fewer than one step.
    Source: Petsiuk et al. 2018 (RISE), with the mean colour for both curves.
    """
    if images.ndim != 4 or maps.ndim != 3 or len(images) != len(maps):
        raise InputError(
            f"expected images (M, 3, H, W) and maps (M, h, w), got {tuple(images.shape)} and {tuple(maps.shape)}"
        )
    if steps < 1 or maps.isnan().any():
        raise InputError(
            f"expected at least one step and maps without NaN, got {steps} steps, {int(maps.isnan().sum())} values NaN"
        )
    height, width = images.shape[2:]
    large = F.interpolate(
        maps.float().unsqueeze(1), size=(height, width), mode="bilinear", align_corners=False
    ).flatten(1)
    rank = (
        large.argsort(dim=1, descending=True, stable=True).argsort(dim=1).view(-1, 1, height, width)
    )
    blank = images.mean(dim=(2, 3), keepdim=True).expand_as(images)
    rows, curves = torch.arange(len(images)), []
    for i in range(steps + 1):
        important = rank < round(i / steps * height * width)
        for kept, painted in ((images, blank), (blank, images)):
            shown = torch.where(important, painted, kept)
            curves.append(torch.cat([score(shown[part], part) for part in rows.split(at_once)]))
    deletion, insertion = torch.stack(curves).unflatten(0, (steps + 1, 2)).unbind(1)
    return deletion.mean(0), insertion.mean(0)
