"""Occlusion maps: the fall of each score when one part of the image is hidden."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mtattr.errors import InputError


@torch.no_grad()
def occlusion_maps(score: Callable[[Tensor], Tensor], images: Tensor, *, cells: int) -> Tensor:
    """Fall of each score when one cell of a grid is painted with the image's mean colour.

    Args:
        score: from images `(N, 3, H, W)` to `(N, T)`, for example logits; put the network into
            evaluation mode. It is called cells² + 1 times.
        cells: cells per side; must divide height and width.

    Returns:
        `(N, T, cells, cells)` in units of the score; negative where hiding a cell raises it.

    Source: Zeiler and Fergus 2014, Sec. 2.
    """
    height, width = images.shape[-2:]
    if cells < 1 or height % cells or width % cells:
        raise InputError(
            f"a grid of {cells} x {cells} cells does not divide an image of {height} x {width}"
        )
    h, w = height // cells, width // cells
    before, mean = score(images), images.mean(dim=(2, 3), keepdim=True)
    falls = []
    for top in range(0, height, h):
        for left in range(0, width, w):
            hidden = images.clone()
            hidden[:, :, top : top + h, left : left + w] = mean
            falls.append(before - score(hidden))
    return torch.stack(falls, dim=-1).unflatten(-1, (cells, cells))
