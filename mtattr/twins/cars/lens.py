"""The camera of the car twin: colour cast, contrast, vignette, blur and grain."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.cars.canvas import Canvas
from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.colour import plane, times
from mtattr.twins.drawing.patterns import noise
from mtattr.twins.drawing.shapes import cell, soften


def photograph(c: Canvas) -> Tensor:
    """The finished pictures, (B, 3, H, W) in [0, 1]."""
    x, y = c.sheet.coordinates
    warm = c.pick("warmth", -0.06, 0.06)
    gain = c.pick("exposure", 0.90, 1.20)[:, None] * torch.stack(
        [1 + warm, torch.ones_like(warm), 1 - warm], 1
    )
    edge = 1 - cell(c.pick("vignette", 0.0, 0.10)) * (x * x / 2 + y * y)
    picture = times(c.picture * plane(gain), edge)
    contrast = c.pick("contrast", 0.86, 1.12)[:, None, None, None]
    picture = (picture - 0.5) * contrast + 0.5
    rows = rows_of(c.p("blur") < 0.13)
    reach = max(1, round(c.image_shape[0] / 64 * 1.0))
    if len(rows):
        soft = soften(picture[rows], reach)
        picture[rows] = torch.lerp(
            picture[rows], soft, (0.85 - 3 * c.p("blur")[rows])[:, None, None, None]
        )
    grain = noise(
        x * 7.3 + cell(c.p("spare_3")), y * 7.3 + cell(c.p("spare_4")), c.tile("grain_tile")
    )
    return (picture + (grain * cell(c.pick("grain", 0.0, 0.006)))[:, None]).clamp(0, 1)
