"""The attention mechanism: a map over positions multiplies every channel (Fukui et al. 2019, Eqs. 1, 2 and 4)."""

from __future__ import annotations

from torch import Tensor

from mtattr.errors import InputError


def apply_attention(features: Tensor, maps: Tensor, residual: bool = True) -> Tensor:
    """g' = (1 + M) g, or M g without `residual`.

    features: g `(B, C, h, w)`. maps: M `(B, 1, h, w)`, any range; a NaN makes that position NaN and no other. Returns
    `(B, C, h, w)`. Raises `InputError` unless maps have the size and number of the features and one channel: a map of
    another size would be broadcast or stretched in silence. Source: Eq. 2, Eq. 1 and, for the map of one task, Eq. 4.
    """
    if features.ndim != 4 or maps.shape != (len(features), 1, *features.shape[2:]):
        raise InputError(
            f"expected features (B, C, h, w) and maps (B, 1, h, w), got {tuple(features.shape)} and {tuple(maps.shape)}"
        )
    # The released order: multiply, then add, so that no 1 + M is rounded first.
    return maps * features + features if residual else maps * features
