"""Deletion and insertion: the score as the pixels that a map ranks highest are hidden or shown."""

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
    """Area under the score's curve as the most important pixels vanish, and as they alone appear.

    In step i of 0 to `steps`, the share i / steps of the pixels, highest first, is painted with the
    image's mean colour (deletion) or put back into an image of that colour (insertion). A good map
    has a low deletion and a high insertion. Equal pixels are taken in reading order.

    Args:
        score: from images `(m, 3, H, W)` and their positions `(m,)` in `images` to `(m,)`, for
            example the probability of one class; put the network into evaluation mode.
        images: `(M, 3, H, W)` in [0, 1].
        maps: `(M, h, w)`, enlarged bilinearly.

    Returns:
        Deletion and insertion `(M,)`: means over steps, in units of the score. Source: Petsiuk et
        al. 2018 (RISE), with the mean colour for both curves.
    """
    if images.ndim != 4 or maps.ndim != 3 or len(images) != len(maps):
        raise InputError(
            "expected images (M, 3, H, W) and maps (M, h, w), "
            f"got {tuple(images.shape)} and {tuple(maps.shape)}"
        )
    if steps < 1 or maps.isnan().any():
        raise InputError(
            "expected at least one step and maps without NaN, "
            f"got {steps} steps, {int(maps.isnan().sum())} values NaN"
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
