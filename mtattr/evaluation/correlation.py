"""Correlations: between binary labels, and between two orders of the same tasks."""

from __future__ import annotations

import torch
from scipy import stats
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


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Spearman's rank correlation in [-1, 1] of two values per task `(T,)`, ties sharing their mean rank.

    Tasks where either is NaN are left out; NaN if fewer than three remain or if all their values are equal.
    """
    if a.shape != b.shape or a.ndim != 1:
        raise InputError(f"rank_correlation: expected two vectors of one length, got shapes {tuple(a.shape)} and {tuple(b.shape)}")
    a, b = a.double(), b.double()
    known = ~(a.isnan() | b.isnan())
    a, b = a[known], b[known]
    if len(a) < 3 or (a == a[0]).all() or (b == b[0]).all():
        return float("nan")
    return float(stats.spearmanr(a.cpu().numpy(), b.cpu().numpy()).statistic)
