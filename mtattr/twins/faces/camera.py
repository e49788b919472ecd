"""From the painted scene to the picture: exposure, colour, vignette, grain and blur."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.drawing.patterns import noise
from mtattr.twins.drawing.shapes import soften
from mtattr.twins.faces.canvas import Canvas


def photograph(c: Canvas) -> Tensor:
    """The finished pictures (B, 3, H, W) in [0, 1]."""
    n = c.numbers
    exposure = n.pick("exposure", 0.88, 1.08)
    contrast = n.pick("contrast", 0.84, 1.06)
    warmth = n.pick("warmth", -0.035, 0.035)
    gain = torch.stack([exposure + warmth, exposure, exposure - warmth]) * contrast
    lift = (0.46 * (1 - contrast)).expand_as(gain)
    x, y = c.gx[None, :, None], c.gy[:, None, None]
    edge = 1 - n.pick("vignette", 0.0, 0.16) * (x * x * 0.7 + y * y * 0.6)
    picture = c.picture
    picture *= edge
    picture *= gain[:, None, None]
    picture += lift[:, None, None]
    pictures = _blurred(c, picture.permute(3, 0, 1, 2).contiguous())
    return _grained(c, _faded(c, pictures)).clamp_(0, 1)


def _blurred(c: Canvas, pictures: Tensor) -> Tensor:
    """Blurry pictures strongly, a few others slightly."""
    n = c.numbers
    height = c.image_shape[0]
    strong, further = n.has("Blurry") > 0, n.p("blur") > 0.5
    slight = ~strong & (n.p("soft_focus") > 0.93)
    for chosen, reach in ((strong & ~further, 0.022), (strong & further, 0.034), (slight, 0.008)):
        rows = chosen.nonzero()[:, 0]
        if len(rows):
            pictures[rows] = _soft(pictures[rows], reach * height)
    return pictures


def _soft(pictures: Tensor, reach: float) -> Tensor:
    """Blur by a reach in pixels that need not be whole: a mixture of the two nearest."""
    low = int(reach)
    less = soften(pictures, low) if low else pictures
    return less + (reach - low) * (soften(pictures, low + 1) - less)


def _grained(c: Canvas, pictures: Tensor) -> Tensor:
    n = c.numbers
    height, width = c.image_shape
    rows = (n.p("grain") > 0.6).nonzero()[:, 0]
    if len(rows) == 0:
        return pictures
    start = n.p("grain_tile")[rows, None]
    u = (c.gx[None] * 6.3 + start).unsqueeze(1).expand(-1, height, -1)
    v = (c.gy[None] * 6.3 + start * 5).unsqueeze(2).expand(-1, -1, width)
    amount = ((n.p("grain")[rows] - 0.6) * 0.022)[:, None, None]
    pictures[rows] += (noise(u, v, (start[:, 0] * 32).long()) * amount)[:, None]
    return pictures


def _faded(c: Canvas, pictures: Tensor) -> Tensor:
    """A few pictures with less colour."""
    kept = c.numbers.p("saturation")
    rows = (kept < 0.08).nonzero()[:, 0]
    if len(rows):
        gray = pictures[rows].mean(1, keepdim=True)
        pictures[rows] = (
            gray + (pictures[rows] - gray) * (0.30 + 5.0 * kept[rows])[:, None, None, None]
        )
    return pictures
