"""Correlations between binary labels."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.errors import InputError


def phi_coefficients(labels: Tensor) -> Tensor:
    """Phi, the Pearson correlation of two binary variables, of every pair of columns, over the rows that know both.

    labels `(N, A)`: 0 or 1, NaN = unknown. Returns float64 `(A, A)` in [-1, 1]; NaN where one of the two columns is
    constant or no row knows both. Raises `InputError` for any other value.
    """
    known = ~labels.isnan()
    if labels.ndim != 2 or not ((labels == 0) | (labels == 1) | ~known).all():
        raise InputError(f"phi_coefficients: expected labels (N, A) of 0, 1 and NaN, got shape {tuple(labels.shape)}")
    k, x = known.double(), labels.nan_to_num(0).double()
    both, joint = k.T @ k, x.T @ x
    # Counts over the rows that know both: n_10 + n_11 of the first, n_01 + n_11 of the second.
    first, second = x.T @ k, k.T @ x
    spread = (first * (both - first) * second * (both - second)).sqrt()
    return torch.where(spread > 0, (both * joint - first * second) / spread, torch.nan)
