"""Occlusion maps: hide one part of the image after another and watch the scores."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mtattr.errors import InputError


@torch.no_grad()
def occlusion_maps(score: Callable[[Tensor], Tensor], images: Tensor, *, cells: int) -> Tensor:
    """How far each score falls when one cell of a `cells` x `cells` grid is painted with the image's mean colour.

    score: from images `(N, 3, H, W)` to `(N, T)`, for example logits; a network must be in evaluation mode. Returns
    `(N, T, cells, cells)` in units of the score, negative where hiding a cell raises it. Costs cells² + 1 calls.
    Raises `InputError` unless the grid divides the image.
    Source: Zeiler and Fergus 2014, Sec. 2.
    """
    height, width = images.shape[-2:]
    if cells < 1 or height % cells or width % cells:
        raise InputError(
            f"a grid of {cells} x {cells} cells does not divide an image of {height} x {width}"
        )
    step, before, mean = (
        (height // cells, width // cells),
        score(images),
        images.mean(dim=(2, 3), keepdim=True),
    )
    falls = []
    for row in range(cells):
        for column in range(cells):
            hidden = images.clone()
            hidden[
                :, :, row * step[0] : (row + 1) * step[0], column * step[1] : (column + 1) * step[1]
            ] = mean
            falls.append(before - score(hidden))
    return torch.stack(falls, dim=-1).unflatten(-1, (cells, cells))
