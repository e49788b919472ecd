"""Pooling of one difference over datasets and networks by a random-effects model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from mtattr.errors import InputError
from mtattr.evaluation.statistics import Estimate, Interval


@dataclass(frozen=True)
class RandomEffects:
    """A pooled difference and how much the true differences spread around it.

    Args:
        pooled: mean of the true differences, with Hartung and Knapp's standard error.
        tau: standard deviation of the true differences.
        i2: share of the observed spread that sampling does not explain, in [0, 1].
        prediction: where the true difference of one more dataset would lie.
    """

    pooled: Estimate
    tau: float
    i2: float
    prediction: Interval


def random_effects(differences: ArrayLike, errors: ArrayLike, level: float = 0.95) -> RandomEffects:
    """Mean of `(k,)` differences that may truly differ from each other.

    tau is Paule and Mandel's: with the weights 1 / (error^2 + tau^2), the weighted sum of squares
    is k - 1. The standard error is Hartung and Knapp's, with k - 1 degrees of freedom, which are
    those of the prediction interval too. One difference has no interval.

    Args:
        errors: `(k,)` standard errors above 0.
        level: coverage of the prediction interval.
    """
    y, errors = np.asarray(differences, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if y.ndim != 1 or y.shape != errors.shape or not len(y):
        raise InputError(
            f"expected as many differences as errors, at least one, got {y.shape} and "
            f"{errors.shape}"
        )
    if not (np.isfinite(y).all() and np.isfinite(errors).all() and (errors > 0).all()):
        raise InputError("differences must be finite, and their standard errors above 0")
    v, k = errors**2, len(y)
    if k == 1:
        nothing = Interval(float(y[0]), math.nan, math.nan, 1)
        return RandomEffects(Estimate(float(y[0]), math.nan, math.nan, 1), math.nan, 0.0, nothing)
    tau2 = _paule_mandel(y, v)
    mean, squares = _weighted(y, v + tau2)
    error = math.sqrt(squares / ((k - 1) * float((1 / (v + tau2)).sum())))
    q = _weighted(y, v)[1]
    half = float(stdtrit(k - 1, (1 + level) / 2)) * math.hypot(math.sqrt(tau2), error)
    return RandomEffects(
        pooled=Estimate(mean, error, k - 1, k),
        tau=math.sqrt(tau2),
        i2=max(0.0, 1 - (k - 1) / q) if q > 0 else 0.0,
        prediction=Interval(mean, mean - half, mean + half, k),
    )


def _weighted(y: np.ndarray, variances: np.ndarray) -> tuple[float, float]:
    """Weighted mean and weighted sum of squares around it."""
    weights = 1 / variances
    mean = float((weights * y).sum() / weights.sum())
    return mean, float((weights * (y - mean) ** 2).sum())


def _paule_mandel(y: np.ndarray, v: np.ndarray) -> float:
    """The variance tau^2 between the true differences; 0 where sampling explains the spread."""
    goal = len(y) - 1
    if _weighted(y, v)[1] <= goal:
        return 0.0
    # The sum of squares falls with tau^2, and at this bound it is below the goal.
    low, high = 0.0, float(((y - y.mean()) ** 2).sum()) / goal
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if _weighted(y, v + middle)[1] > goal else (low, middle)
    return (low + high) / 2
