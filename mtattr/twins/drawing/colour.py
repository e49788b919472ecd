"""Colours of drawn scenes, as (n, 3) in [0, 1], and pictures of them, (n, 3, h, w)."""

from __future__ import annotations

import torch
from torch import Tensor

PALETTE = (
    (0.93, 0.92, 0.89), (0.13, 0.13, 0.15), (0.16, 0.22, 0.38), (0.55, 0.12, 0.16),
    (0.80, 0.36, 0.38), (0.94, 0.72, 0.70), (0.86, 0.66, 0.28), (0.93, 0.84, 0.56),
    (0.34, 0.42, 0.26), (0.56, 0.68, 0.58), (0.24, 0.50, 0.52), (0.56, 0.74, 0.84),
    (0.36, 0.42, 0.66), (0.58, 0.48, 0.66), (0.46, 0.32, 0.24), (0.74, 0.62, 0.50),
    (0.60, 0.60, 0.62), (0.82, 0.48, 0.26), (0.86, 0.83, 0.76), (0.30, 0.31, 0.34),
    (0.72, 0.20, 0.36), (0.98, 0.97, 0.95), (0.20, 0.34, 0.28), (0.70, 0.78, 0.72),
)  # fmt: skip


def palette(pick: Tensor, light: Tensor) -> Tensor:
    """Colours (n, 3) from two numbers in [0, 1): an entry of the palette, and its lightness."""
    table = torch.tensor(PALETTE, device=pick.device)
    return (
        table[(pick * len(PALETTE)).long().clamp(max=len(PALETTE) - 1)]
        * (0.85 + 0.3 * light[:, None])
    ).clamp(0.03, 1)


def plane(colour: Tensor) -> Tensor:
    """Colours (n, 3) as (n, 3, 1, 1), to meet pixels; what is (n, 3, h, w) already stays so."""
    return colour[:, :, None, None] if colour.ndim == 2 else colour


def times(colour: Tensor, light: Tensor) -> Tensor:
    """Colour (n, 3) or (n, 3, h, w) under light (n, h, w)."""
    return plane(colour) * light[:, None]


def over(under: Tensor, colour: Tensor, alpha: Tensor) -> Tensor:
    """Lay `colour` (n, 3) or (n, 3, h, w) over `under`; the opacity `alpha` is (n, h, w)."""
    return torch.lerp(under, plane(colour).expand_as(under), alpha[:, None])


def brightness(colour: Tensor) -> Tensor:
    """Luma of colours (..., 3)."""
    return colour @ torch.tensor([0.299, 0.587, 0.114], device=colour.device)


def apart(colour: Tensor, other: Tensor, least: float = 0.28) -> Tensor:
    """`colour` (n, 3), moved to white or black where its luma is near that of `other`."""
    gap = brightness(colour) - brightness(other)
    target = (brightness(other) < 0.5).float()[:, None].expand_as(colour)
    strength = ((least - gap.abs()) / least).clamp(0, 1)[:, None] * 0.8
    return torch.lerp(colour, target, strength)
