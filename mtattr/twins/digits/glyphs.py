"""Handwritten 8 x 8 digits as smooth outlines that can be drawn at any size.

A glyph's 64 grey levels count the ink in cells of a finer scan. A cubic surface through them, cut
at half the ink of a stroke, follows the pen's outline; dividing by the slope turns height above the
cut into a distance, which is what antialiasing needs.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mtattr.twins.digits.scene import handwriting

#: Cells of empty paper around a glyph, and samples per cell of the stored distances.
MARGIN, FINE = 2, 6
_CUT, _FARTHEST, _OPENING = 0.47, 1.2, 0.9


@functools.cache
def outlines(device: torch.device | str = "cpu") -> Tensor:
    """Signed distances (1797, 1, 72, 72) to all glyphs' outlines, in cells, negative inside.

    True near the outline; beyond about one cell they only keep their sign.
    """
    images = _opened(np.pad(handwriting()[0] / 16, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN))))
    smooth, slope = _cubic(images.shape[1], FINE)
    ink = smooth @ images @ smooth.T
    steep = np.sqrt((slope @ images @ smooth.T) ** 2 + (smooth @ images @ slope.T) ** 2 + 0.12**2)
    return (
        torch.from_numpy(np.clip((_CUT - ink) / steep, -_FARTHEST, _FARTHEST))
        .float()[:, None]
        .to(device)
    )


def distance(glyphs: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Signed distance (n, h, w), in cells, of points u, v to the outlines of `glyphs` (n,).

    u, v are in cells from the middle of the glyph, v downwards; points off the paper are as far as
    its border.
    """
    half = 4 + MARGIN
    grid = torch.stack([u, v], -1) / half
    return F.grid_sample(
        outlines(u.device)[glyphs],
        grid,
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )[:, 0]


def _opened(images: np.ndarray) -> np.ndarray:
    """Images (n, k, k) with deeper gaps and higher strokes, so that loops stay open."""
    k = images.shape[1]
    near = np.eye(k) / 2 + (np.eye(k, k=1) + np.eye(k, k=-1)) / 4
    return images + _OPENING * (images - near @ images @ near)


def _cubic(n: int, fine: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (n * fine, n) of a cubic curve through n cell centres, and of its slope."""
    t = (np.arange(n * fine) + 0.5) / fine - 0.5
    left = np.floor(t)
    f = t - left
    curve = [
        f * (-0.5 + f * (1 - 0.5 * f)),
        1 + f * f * (1.5 * f - 2.5),
        f * (0.5 + f * (2 - 1.5 * f)),
        f * f * (0.5 * f - 0.5),
    ]
    rise = [-0.5 + f * (2 - 1.5 * f), f * (4.5 * f - 5), 0.5 + f * (4 - 4.5 * f), f * (1.5 * f - 1)]
    smooth, slope = np.zeros((2, n * fine, n))
    for step, (c, r) in enumerate(zip(curve, rise, strict=True), start=-1):
        column = np.clip(left + step, 0, n - 1).astype(int)
        np.add.at(smooth, (np.arange(n * fine), column), c)
        np.add.at(slope, (np.arange(n * fine), column), r)
    return smooth, slope
