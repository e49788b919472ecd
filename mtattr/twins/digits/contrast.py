"""Tones of ground, clutter and ink: how far the digit stands out from all that is around it."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.digits.canvas import Canvas
from mtattr.twins.drawing.colour import brightness, palette

#: Luma between a digit's ink and the nearest tone of its ground, least and most, before light,
#: fading and blur; most luma between the two tones of a ground.
LEAST_GAP, MOST_GAP, GROUND_RANGE = 0.24, 0.40, 0.40
#: Most luma between clutter and the ground's middle tone, as a share of the ink's.
CLUTTER_SHARE = 0.7


def tones(s: Canvas) -> tuple[Tensor, Tensor]:
    """Luma (B,) of the darker and of the lighter colour of the ground."""
    first, second = brightness(s.ground), brightness(s.other)
    return torch.minimum(first, second), torch.maximum(first, second)


def middle(s: Canvas) -> Tensor:
    """Colour (B, 3) half way between the two of the ground."""
    return (s.ground + s.other) / 2


def ink_colour(s: Canvas) -> Tensor:
    """Colour (B, 3) of the digit: one of the palette, as far from the ground as the scene says."""
    colour, (dark, light) = palette(s.p("ink_colour"), s.p("ink_light")), tones(s)
    luma, gap = brightness(colour), s.pick("contrast", LEAST_GAP, MOST_GAP)
    above, below = light + gap, dark - gap
    # The nearer side, if it leaves room for the gap.
    up = (below < 0.03) | ((above < 0.97) & ((above - luma).abs() < (luma - below).abs()))
    return with_luma(colour, torch.where(up, above, below).clamp(0, 1))


def with_luma(colour: Tensor, wanted: Tensor) -> Tensor:
    """`colour` (n, 3), mixed with white or black until its luma is `wanted` (n,)."""
    luma = brightness(colour)
    white = ((wanted - luma) / (1 - luma).clamp(min=1e-3)).clamp(0, 1)[:, None]
    black = (wanted / luma.clamp(min=1e-3)).clamp(0, 1)[:, None]
    return torch.lerp(colour * black, torch.ones_like(colour), white)


def within(colour: Tensor, other: Tensor, most: Tensor) -> Tensor:
    """`colour` (n, 3), mixed with `other` (n, 3) until lumas are at most `most` (n,) apart."""
    gap = (brightness(colour) - brightness(other)).abs()
    return torch.lerp(other, colour, (most / torch.maximum(gap, most))[:, None])


def faint(s: Canvas, colour: Tensor) -> Tensor:
    """`colour` (B, 3) of a piece of clutter, nearer to the ground than the ink is."""
    ground = middle(s)
    most = CLUTTER_SHARE * (brightness(s.colour) - brightness(ground)).abs()
    return within(colour, ground, most)
