"""Intervals and tests over seeds and over images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from mtattr.errors import InputError

#: Cluster draws held at once by the bootstrap: bounds its memory to some tens of megabytes.
_DRAWS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Interval:
    """Mean and confidence interval of `n` seeds, pairs or identities; NaN where n is too small."""

    mean: float
    low: float
    high: float
    n: int

    def excludes(self, value: float = 0.0) -> bool:
        """Whether `value` lies outside; False when there is no interval."""
        return value < self.low or value > self.high


@dataclass(frozen=True)
class WelchResult:
    """Welch's t statistic, its degrees of freedom and the two-sided p-value."""

    statistic: float
    df: float
    p: float


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"level must lie between 0 and 1, got {level}")


def _vector(values: ArrayLike, name: str) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise InputError(f"{name} must be one-dimensional, got shape {array.shape}")
    return array


def _paired(a: ArrayLike, b: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Differences a - b and which of them are finite."""
    a, b = _vector(a, "a"), _vector(b, "b")
    if a.shape != b.shape:
        raise InputError(f"paired samples must have the same length, got {len(a)} and {len(b)}")
    finite = np.isfinite(a) & np.isfinite(b)
    return np.subtract(a, b, out=np.full_like(a, np.nan), where=finite), finite


def t_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Mean of independent runs `(n,)` with Student's t interval.

    NaN and infinite values are left out, and `n` counts the rest. One value has a mean and no
    interval; equal values have an interval of width 0.
    """
    _check_level(level)
    values = _vector(values, "values")
    values = values[np.isfinite(values)]
    n = len(values)
    mean = float(values.mean()) if n else math.nan
    if n < 2:
        return Interval(mean, math.nan, math.nan, n)
    half = float(stdtrit(n - 1, (1 + level) / 2) * values.std(ddof=1) / math.sqrt(n))
    return Interval(mean, mean - half, mean + half, n)


def paired_interval(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> Interval:
    """t interval of the mean difference a - b of runs `(n,)` paired by seed.

    A pair with a NaN or infinite side is left out; see `t_interval`.
    """
    return t_interval(_paired(a, b)[0], level)


def welch_test(a: ArrayLike, b: ArrayLike) -> WelchResult:
    """Welch's two-sided t-test that two groups of runs, `(n,)` and `(m,)`, have the same mean.

    NaN and infinite values are left out. All fields are NaN where a group has fewer than two values
    or both are constant. Source: Maeda et al. 2020, Section 4 (five trials per method).
    """
    a, b = (v[np.isfinite(v)] for v in (_vector(a, "a"), _vector(b, "b")))
    if min(len(a), len(b)) < 2 or (np.ptp(a) == 0 and np.ptp(b) == 0):
        return WelchResult(math.nan, math.nan, math.nan)
    from scipy import stats  # takes longer to import than everything else here

    result = stats.ttest_ind(a, b, equal_var=False)
    return WelchResult(float(result.statistic), float(result.df), float(result.pvalue))


def clustered_bootstrap(
    a: ArrayLike,
    b: ArrayLike,
    identities: ArrayLike | None,
    *,
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Mean difference a - b over images, with a percentile interval that resamples identities.

    An identity is drawn with all its images: they resemble each other, so resampling single images
    would give too narrow an interval. `n` counts identities; fewer than two give no interval.

    Args:
        a: scores `(N,)` of one method; pairs that are not finite are left out.
        b: scores `(N,)` of the other method on the same images.
        identities: `(N,)`, one value per identity; None makes each image its own.
    """
    _check_level(level)
    difference, finite = _paired(a, b)
    owner = np.arange(len(difference)) if identities is None else np.asarray(identities)
    if owner.shape != difference.shape:
        raise InputError(f"identities must have shape {difference.shape}, got {owner.shape}")
    difference = difference[finite]
    _, cluster = np.unique(owner[finite], return_inverse=True)
    sizes = np.bincount(cluster)
    totals = np.bincount(cluster, weights=difference)
    n = len(sizes)
    mean = float(difference.mean()) if n else math.nan
    if n < 2:
        return Interval(mean, math.nan, math.nan, n)
    generator = np.random.default_rng(seed)
    means = []
    for start in range(0, resamples, step := max(1, _DRAWS_AT_ONCE // n)):
        drawn = generator.integers(n, size=(min(step, resamples - start), n))
        means.append(totals[drawn].sum(1) / sizes[drawn].sum(1))
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(low), float(high), n)


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Holm's adjusted p-values, which bound the chance of any false positive among `(m,)` tests.

    NaN stands for a test that was not made: it stays NaN and does not count.
    """
    p = _vector(p_values, "p_values")
    tested = np.flatnonzero(~np.isnan(p))
    if np.any((p[tested] < 0) | (p[tested] > 1)):
        raise InputError("p_values must lie in [0, 1]")
    order = tested[np.argsort(p[tested], kind="stable")]
    adjusted = np.full_like(p, np.nan)
    adjusted[order] = np.minimum(
        np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1.0
    )
    return adjusted
