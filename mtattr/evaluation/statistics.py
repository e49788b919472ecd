"""Estimates over seeds with their intervals and tests; correction for many tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import nctdtr, nctdtrinc, stdtr, stdtrit

from mtattr.errors import InputError


@dataclass(frozen=True)
class Interval:
    """Mean and confidence interval of `n` seeds or pairs; NaN where n is too small."""

    mean: float
    low: float
    high: float
    n: int

    def excludes(self, value: float = 0.0) -> bool:
        """Whether `value` lies outside; False when there is no interval."""
        return value < self.low or value > self.high


@dataclass(frozen=True)
class Estimate:
    """A mean or a difference of means over `n` seeds, with what its t tests need.

    Args:
        error: standard error; NaN where n is too small.
        df: degrees of freedom of the standard error.
    """

    mean: float
    error: float
    df: float
    n: int

    def interval(self, level: float = 0.95) -> Interval:
        """Student's t interval; of width 0 where the standard error is 0."""
        _check_level(level)
        half = float(stdtrit(self.df, (1 + level) / 2)) * self.error if self.error else 0.0
        return Interval(self.mean, self.mean - half, self.mean + half, self.n)

    def p_differs(self, null: float = 0.0) -> float:
        """Two-sided p-value of the hypothesis that the true mean is `null`."""
        return 2 * self._tail(abs(self.mean - null))

    def p_within(self, half: float, centre: float = 0.0) -> float:
        """p-value of two one-sided tests: small if the mean is within `half` of `centre`.

        It is below .05 exactly if the 90 % interval lies inside.
        """
        return self._tail(half - abs(self.mean - centre))

    def power(self, effect: float, alpha: float = 0.05) -> float:
        """Chance that the 1 - alpha interval excludes 0 on the side of a true mean `effect`."""
        if not self.error > 0:
            return math.nan
        critical = stdtrit(self.df, 1 - alpha / 2)
        return float(1 - nctdtr(self.df, abs(effect) / self.error, critical))

    def detectable(self, power: float = 0.8, alpha: float = 0.05) -> float:
        """Smallest true mean that would be seen with this power."""
        if not self.error > 0:
            return math.nan
        critical = stdtrit(self.df, 1 - alpha / 2)
        return float(nctdtrinc(self.df, 1 - power, critical)) * self.error

    def _tail(self, distance: float) -> float:
        """P(T > distance / error)."""
        if self.error == 0:
            return 0.0 if distance > 0 else 0.5 if distance == 0 else 1.0
        return float(stdtr(self.df, -distance / self.error))


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


def _paired_differences(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Differences a - b, NaN where a side is not finite."""
    a, b = _vector(a, "a"), _vector(b, "b")
    if a.shape != b.shape:
        raise InputError(f"paired samples must have the same length, got {len(a)} and {len(b)}")
    finite = np.isfinite(a) & np.isfinite(b)
    return np.subtract(a, b, out=np.full_like(a, np.nan), where=finite)


def mean_estimate(values: ArrayLike) -> Estimate:
    """Mean of independent runs `(n,)`.

    NaN and infinite values are left out, and `n` counts the rest. One value has no standard error.
    """
    values = _vector(values, "values")
    values = values[np.isfinite(values)]
    n = len(values)
    mean = float(values.mean()) if n else math.nan
    if n < 2:
        return Estimate(mean, math.nan, math.nan, n)
    return Estimate(mean, float(values.std(ddof=1)) / math.sqrt(n), n - 1, n)


def paired_estimate(a: ArrayLike, b: ArrayLike) -> Estimate:
    """Mean difference a - b of runs `(n,)` paired by seed.

    A pair with a NaN or infinite side is left out.
    """
    return mean_estimate(_paired_differences(a, b))


def t_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Mean of independent runs `(n,)` with Student's t interval; see `mean_estimate`."""
    return mean_estimate(values).interval(level)


def paired_interval(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> Interval:
    """t interval of the mean difference a - b of runs `(n,)`; see `paired_estimate`."""
    return paired_estimate(a, b).interval(level)


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


def welch_estimate(a: ArrayLike, b: ArrayLike) -> Estimate:
    """Difference of the means of two groups `(n,)` and `(m,)` as `welch_test` sees it.

    `n` is the size of the smaller group. Constant groups have a standard error of 0.
    """
    a, b = (v[np.isfinite(v)] for v in (_vector(a, "a"), _vector(b, "b")))
    n = min(len(a), len(b))
    mean = float(a.mean() - b.mean()) if n else math.nan
    if n < 2:
        return Estimate(mean, math.nan, math.nan, n)
    df = welch_test(a, b).df
    error = math.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return Estimate(mean, 0.0 if math.isnan(df) else error, df, n)


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
