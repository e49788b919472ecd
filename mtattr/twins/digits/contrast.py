"""Tones of ground, clutter and ink: how far the digit stands out from all that is around it."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.digits.canvas import Canvas
from mtattr.twins.drawing.colour import brightness

#: Luma between a digit's ink and the nearest tone of its ground, before light, fading and blur;
#: most luma between the two tones of a ground, and between clutter and the ground.
LEAST_GAP, GROUND_RANGE, CLUTTER_GAP = 0.30, 0.30, 0.10


def tones(s: Canvas) -> tuple[Tensor, Tensor]:
    """Luma (B,) of the darker and of the lighter colour of the ground."""
    first, second = brightness(s.ground), brightness(s.other)
    return torch.minimum(first, second), torch.maximum(first, second)


def standing_out(colour: Tensor, dark: Tensor, light: Tensor, gap: Tensor) -> Tensor:
    """`colour` (n, 3), moved to black or white until its luma is `gap` outside [dark, light].

    It goes to the nearer side of the two that leave room for the gap; all parameters are (n,).
    """
    luma = brightness(colour)
    above, below = (light + gap).clamp(max=1), (dark - gap).clamp(min=0)
    lift = ((above - luma) / (1 - luma).clamp(min=1e-3)).clamp(0, 1)
    drop = (1 - below / luma.clamp(min=1e-3)).clamp(0, 1)
    roomy = (1 - light) - dark
    up = torch.where(roomy.abs() < 0.3, above - luma < luma - below, roomy > 0)
    target = up.to(colour.dtype)[:, None].expand_as(colour)
    return torch.lerp(colour, target, torch.where(up, lift, drop)[:, None])


def within(colour: Tensor, other: Tensor, most: float) -> Tensor:
    """`colour` (n, 3), mixed with `other` (n, 3) until their lumas are at most `most` apart."""
    gap = (brightness(colour) - brightness(other)).abs()
    return torch.lerp(other, colour, (most / gap.clamp(min=most))[:, None])


def faint(s: Canvas, colour: Tensor) -> Tensor:
    """`colour` (B, 3) of a piece of clutter, brought near the middle tone of its ground."""
    return within(colour, (s.ground + s.other) / 2, CLUTTER_GAP + GROUND_RANGE / 2)
