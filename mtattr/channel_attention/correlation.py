"""Correlations of channels and of attributes, from the mean masks (Kimura and Tanaka 2019, Fig. 4, Tables 1 and 2)."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from mtattr.errors import InputError


def feature_correlation(means: Tensor) -> Tensor:
    """Pearson correlation of every two channels over the attributes, float64 `(C, C)`, from mean masks `(K, C)`.

    A channel whose mean mask is the same for all attributes has none: its row and column are NaN, and a warning names it. With per-image
    means as rows, `(N * K, C)`, it is over images and attributes. Raises `InputError` for another shape, NaN or fewer than two rows.
    Source: Kimura and Tanaka 2019, Fig. 4 and Table 1, which do not say over what; the masks' means are what Fig. 1 shows.
    """
    return _correlation(means, "channel", "attributes")


def attribute_correlation(means: Tensor) -> Tensor:
    """Pearson correlation of every two attributes over the channels, float64 `(K, K)`, from mean masks `(K, C)`.

    An attribute with a constant mask has none: NaN, and a warning names it. Errors and source as of `feature_correlation` (Table 2).
    """
    if means.ndim != 2:
        raise InputError(f"expected mean masks (K, C), got shape {tuple(means.shape)}")
    return _correlation(means.T, "attribute", "channels")


def _correlation(means: Tensor, what: str, over: str) -> Tensor:
    if means.ndim != 2 or means.isnan().any():
        raise InputError(
            f"expected mean masks (K, C) without NaN, got shape {tuple(means.shape)} with {int(means.isnan().sum())} NaN"
        )
    if len(means) < 2:
        raise InputError(f"a correlation over {over} needs at least two of them, got {len(means)}")
    values = means.double()
    centred = values - values.mean(0)
    length = centred.square().sum(0).sqrt()
    # Sums of float32 leave the last digits of equal numbers unequal.
    constant = length <= 1e-6 * len(values) ** 0.5 * values.abs().amax(0)
    if constant.any():
        which = ", ".join(map(str, constant.nonzero().flatten().tolist()[:8])) + ", ..." * (
            int(constant.sum()) > 8
        )
        warnings.warn(
            f"no correlation (NaN) for {what} {which}: the mean mask is the same for all {over}",
            stacklevel=3,
        )
    unit = (centred / length).masked_fill(constant, torch.nan)
    return (unit.T @ unit).clamp(-1, 1)


def neighbours(correlation: Tensor, index: int, count: int = 5) -> list[tuple[int, float]]:
    """The `count` others that correlate most with `index`, as (index, correlation), highest first; NaN is left out.

    Raises `InputError` for a matrix that is not square or an index that it does not have.
    """
    if (
        correlation.ndim != 2
        or correlation.shape[0] != correlation.shape[1]
        or not 0 <= index < len(correlation)
    ):
        raise InputError(
            f"expected a square matrix with an index in it, got shape {tuple(correlation.shape)} and {index}"
        )
    row = correlation[index].clone()
    row[index] = torch.nan
    order = row.nan_to_num(-torch.inf).argsort(descending=True, stable=True)
    return [(int(i), row[i].item()) for i in order[:count] if not row[i].isnan()]
