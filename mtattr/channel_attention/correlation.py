"""Correlations of channels and attributes (Kimura and Tanaka 2019, Fig. 4, Tables 1 and 2)."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from mtattr.errors import InputError


def feature_correlation(means: Tensor) -> Tensor:
    """Pearson correlation of every two channels over attributes, float64 `(C, C)`.

    Source: Kimura and Tanaka 2019, Fig. 4 and Table 1. They do not say over what; Fig. 1 shows
    mean masks.

    Args:
        means: mean masks `(K, C)`; with rows `(N * K, C)` it is over images and attributes. A
            channel with the same mean mask for all gives NaN and a warning.
    """
    return _correlation(means, "channel", "attributes")


def attribute_correlation(means: Tensor) -> Tensor:
    """Pearson correlation of every two attributes over channels, float64 `(K, K)` (Table 2).

    Args:
        means: mean masks `(K, C)`. An attribute with a constant mask gives NaN and a warning.
    """
    return _correlation(means.T if means.ndim == 2 else means, "attribute", "channels")


def _correlation(means: Tensor, what: str, over: str) -> Tensor:
    if means.ndim != 2 or means.isnan().any():
        got = f"{means.ndim} dimensions and {int(means.isnan().sum())} NaN"
        raise InputError(f"expected mean masks (K, C) without NaN, got {got}")
    if len(means) < 2:
        raise InputError(f"a correlation over {over} needs at least two of them, got {len(means)}")
    values = means.double()
    centred = values - values.mean(0)
    length = centred.square().sum(0).sqrt()
    # Sums of float32 leave the last digits of equal numbers unequal.
    constant = length <= 1e-6 * len(values) ** 0.5 * values.abs().amax(0)
    if constant.any():
        named = [*map(str, constant.nonzero().flatten().tolist())]
        which = ", ".join(named if len(named) <= 8 else [*named[:8], "..."])
        warnings.warn(
            f"no correlation (NaN) for {what} {which}: the mean mask is the same for all {over}",
            stacklevel=3,
        )
    unit = (centred / length).masked_fill(constant, torch.nan)
    return (unit.T @ unit).clamp(-1, 1)


def neighbours(correlation: Tensor, index: int, count: int = 5) -> list[tuple[int, float]]:
    """Pairs (index, correlation) of the `count` others that correlate most, highest first, no NaN.

    Args:
        correlation: `(C, C)` or `(K, K)`; the others are those of row `index`.
    """
    row = correlation[index].clone()
    row[index] = torch.nan
    order = row.nan_to_num(-torch.inf).argsort(descending=True, stable=True)
    return [(int(i), row[i].item()) for i in order[:count] if not row[i].isnan()]
