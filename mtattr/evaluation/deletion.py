"""Deletion and insertion: the score as the pixels that a map ranks highest are removed or shown."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from mtattr.errors import InputError
from mtattr.evaluation.imputation import linear_imputation


@torch.no_grad()
def deletion_insertion(
    score: Callable[[Tensor, Tensor], Tensor],
    images: Tensor,
    maps: Tensor,
    *,
    steps: int = 8,
    fill: Callable[[Tensor, Tensor], Tensor] = linear_imputation,
    at_once: int = 256,
) -> tuple[Tensor, Tensor]:
    """Area under the score's curve as the most important pixels vanish, and as they alone appear.

    In step i of 0 to `steps`, the share i / steps of the pixels, highest first, is removed
    (deletion), or all others are (insertion). A good map has a low deletion and a high insertion.
    Equal pixels are taken in reading order.

    Args:
        score: from images `(m, 3, H, W)` and their positions `(m,)` in `images` to `(m,)`, for
            example the probability of one class; put the network into evaluation mode.
        images: `(M, 3, H, W)` in [0, 1].
        maps: `(M, h, w)`, enlarged bilinearly.
        fill: from images and bool `(M, H, W)`, the removed pixels, to images without them. The
            default paints what the neighbours suggest: a network has never seen patches of one
            colour, and their outline alone can give the answer away. `mean_colour` does that.

    Returns:
        Deletion and insertion `(M,)`: means over steps, in units of the score. Sources: Petsiuk et
        al. 2018 (RISE), filled as Rong et al. 2022 (ROAD) do.
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
    rank = large.argsort(dim=1, descending=True, stable=True).argsort(dim=1).view(-1, height, width)
    rows, curves = torch.arange(len(images)), []
    for i in range(steps + 1):
        important = rank < round(i / steps * height * width)
        for removed in (important, ~important):
            curves.append(
                torch.cat(
                    [score(fill(images[part], removed[part]), part) for part in rows.split(at_once)]
                )
            )
    deletion, insertion = torch.stack(curves).unflatten(0, (steps + 1, 2)).unbind(1)
    return deletion.mean(0), insertion.mean(0)
