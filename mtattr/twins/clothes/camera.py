"""The camera of the clothing twin: light, colour cast, blur and grain."""

from __future__ import annotations

import torch

from mtattr.twins.clothes.canvas import Canvas
from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.patterns import noise
from mtattr.twins.drawing.shapes import cell, soften


def photograph(c: Canvas) -> torch.Tensor:
    """The camera: light, colour cast, contrast, vignette, blur, grain.

    Returns (B, 3, H, W) in [0, 1].
    """
    x, y = c.sheet.coordinates
    cast = torch.stack(
        [
            c.pick("warmth", -0.09, 0.09),
            torch.zeros_like(c.p("warmth")),
            -c.pick("warmth", -0.09, 0.09),
        ],
        1,
    )
    gain = c.pick("gain", 0.86, 1.16)[:, None] * (1 + cast)
    light = 1 - cell(c.pick("vignette", 0.0, 0.13)) * (x * x + y * y)
    # In place: new memory for every step of whole pictures would cost more than the arithmetic.
    picture = c.picture
    picture.mul_(gain[:, :, None, None]).mul_(light[:, None])
    picture.sub_(0.5).mul_(c.pick("contrast", 0.84, 1.12)[:, None, None, None]).add_(0.5)
    rows = rows_of(c.p("blur") < 0.12)
    reach = round(c.size / 64 * 1.5)
    if len(rows) and reach:
        soft = soften(picture[rows], reach)
        picture[rows] = torch.lerp(
            picture[rows], soft, (0.7 - 3 * c.p("blur")[rows])[:, None, None, None]
        )
    grain = noise(
        x * 3.1 + cell(c.p("spare_1")), y * 3.1 + cell(c.p("spare_2")), c.tile("grain_tile")
    )
    return picture.add_((grain * cell(c.pick("grain", 0.0, 0.022)))[:, None]).clamp_(0, 1)
