"""Attention mechanism: a map multiplies every channel (Fukui et al. 2019, Sec. 3.2)."""

from __future__ import annotations

from torch import Tensor

from mtattr.errors import InputError


def apply_attention(features: Tensor, maps: Tensor, residual: bool = True) -> Tensor:
    """Attended features g' = (1 + M) g, or M g without `residual`.

    Args:
        features: g `(B, C, h, w)`.
        maps: M `(B, 1, h, w)`, any range. A NaN makes that position NaN and no other.

    Source: Eq. 2, Eq. 1 and, for the map of one task, Eq. 4.
    """
    # Maps of another size would be broadcast without a word.
    if features.ndim != 4 or maps.shape != (len(features), 1, *features.shape[2:]):
        raise InputError(
            "expected features (B, C, h, w) and maps (B, 1, h, w), "
            f"got {tuple(features.shape)} and {tuple(maps.shape)}"
        )
    # The released order: multiply, then add, so that no 1 + M is rounded first.
    return maps * features + features if residual else maps * features
