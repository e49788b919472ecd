"""Spread of scores around variant and seed, pooled over the variants of a block."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc

from mtattr.errors import InputError


@dataclass(frozen=True)
class Residual:
    """Standard deviation of the residuals, its degrees of freedom, and whether it may be pooled.

    Args:
        p_equal: p-value of the hypothesis that all variants have the same residual variance.
    """

    sd: float
    df: int
    variants: int
    p_equal: float


def pooled_residual(scores: ArrayLike) -> Residual:
    """Residual of the model score = variant + seed + residual.

    The seed is an effect of its own because runs of one seed share drawn data and order. A
    difference of two variants over n seeds has the standard error sd * sqrt(2 / n).

    Args:
        scores: `(V, S)`, finite, one row per variant and one column per seed; both at least 2.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 2 or min(scores.shape) < 2 or not np.isfinite(scores).all():
        raise InputError(
            "scores must be finite numbers of two variants and two seeds or more, got shape "
            f"{scores.shape}"
        )
    variant, seed = scores.mean(1, keepdims=True), scores.mean(0, keepdims=True)
    residuals = scores - variant - seed + scores.mean()
    df = (scores.shape[0] - 1) * (scores.shape[1] - 1)
    # What rounding leaves of equal differences is no spread.
    tiny = 1e-12 * np.abs(scores).max()
    residuals[np.abs(residuals) <= tiny] = 0.0
    sd = math.sqrt(float((residuals**2).sum()) / df)
    return Residual(sd, df, len(scores), equal_variances(residuals))


def equal_variances(groups: ArrayLike) -> float:
    """p-value of Levene's test that groups have one variance; NaN without spread.

    An analysis of variance of the distances from each group's mean. Distances from the median, as
    Brown and Forsythe take them, would see nothing here: with five seeds one of them is always 0,
    and equal variances are refused once in a thousand times instead of once in twenty.

    Args:
        groups: `(G, n)`, one row per group.
    """
    groups = np.asarray(groups, dtype=np.float64)
    g, n = groups.shape
    distances = np.abs(groups - groups.mean(1, keepdims=True))
    means = distances.mean(1)
    between = n * float(((means - means.mean()) ** 2).sum()) / (g - 1)
    within = float(((distances - means[:, None]) ** 2).sum()) / (g * (n - 1))
    if within == 0:
        return math.nan if between == 0 else 0.0
    return float(fdtrc(g - 1, g * (n - 1), between / within))
