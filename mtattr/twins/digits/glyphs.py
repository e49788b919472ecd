"""Handwritten digits as pen strokes of even width that can be drawn at any size."""

from __future__ import annotations

import functools

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mtattr.twins.digits.scans import lines
from mtattr.twins.digits.strokes import FINE, MARGIN

#: Half the width of a stroke, in cells; a glyph is eight cells high.
HALF_STROKE = 0.42
_FARTHEST, _SMOOTHING = 1.5, 0.25


@functools.cache
def outlines(device: torch.device | str = "cpu") -> Tensor:
    """Signed distances (1797, 1, 48, 48) to all glyphs' strokes, in cells, negative inside.

    True near the strokes; beyond about one cell they only keep their sign.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    far = np.stack([distance_transform_edt(~glyph) for glyph in lines()]) / FINE
    far = gaussian_filter(np.minimum(far, _FARTHEST), (0, _SMOOTHING * FINE, _SMOOTHING * FINE))
    return torch.from_numpy(far - HALF_STROKE).float()[:, None].to(device)


def distance(glyphs: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Signed distance (n, h, w), in cells, of points u, v to the strokes of `glyphs` (n,).

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
