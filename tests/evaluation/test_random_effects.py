import math

import numpy as np
import pytest
from mtattr.evaluation.random_effects import random_effects
from scipy import stats

from cases import assert_refused

# Thirteen trials of a vaccine against tuberculosis (Colditz et al. 1994): ill and well, with and without it.
TRIALS = np.array([
    (4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619), (33, 5036, 47, 5761), (180, 1361, 372, 1079),
    (8, 2537, 10, 619), (505, 87886, 499, 87892), (29, 7470, 45, 7232), (17, 1699, 65, 1600), (186, 50448, 141, 27197), (5, 2493, 3, 2338),
    (27, 16886, 29, 17825),
], dtype=float)  # fmt: skip


def log_risk_ratios():
    a, b, c, d = TRIALS.T
    return np.log(a / (a + b)) - np.log(c / (c + d)), np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))


def test_a_published_example():
    """Expected: statsmodels, `combine_effects(method_re="iterated")`; tau^2 as in metafor's `method="PM"`."""
    found = random_effects(*log_risk_ratios())
    interval = found.pooled.interval()
    assert found.tau**2 == pytest.approx(0.3180684522, abs=1e-9)
    assert (found.pooled.mean, found.pooled.error) == pytest.approx((-0.7149681535, 0.1808921916), abs=1e-9)
    assert (interval.low, interval.high) == pytest.approx((-1.1090983812, -0.3208379353), abs=5e-8)
    assert found.i2 == pytest.approx(0.9211734685, abs=1e-9)
    assert (found.pooled.df, found.pooled.n) == (12, 13)


def test_without_a_spread_of_its_own_the_mean_is_weighted_by_precision():
    y, errors = np.array([0.10, 0.11, 0.09]), np.array([0.05, 0.10, 0.05])
    found = random_effects(y, errors)
    weights = 1 / errors**2
    assert (found.tau, found.i2) == (0.0, 0.0)
    assert found.pooled.mean == pytest.approx(np.average(y, weights=weights))
    spread = (weights * (y - found.pooled.mean) ** 2).sum() / (2 * weights.sum())
    assert found.pooled.error == pytest.approx(math.sqrt(spread))
    assert (found.prediction.low, found.prediction.high) == pytest.approx((found.pooled.interval().low, found.pooled.interval().high))


def test_with_equal_errors_it_is_the_t_interval_of_the_differences():
    y = [0.3, -0.1, 0.25, 0.6]
    found = random_effects(y, [0.01] * 4).pooled.interval()
    expected = stats.ttest_1samp(y, 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_the_spread_between_datasets_is_found_again():
    rng = np.random.default_rng(0)
    errors = rng.uniform(0.1, 0.5, 4000)
    found = random_effects(rng.normal(0.2, 0.3, 4000) + rng.normal(size=4000) * errors, errors)
    assert found.tau == pytest.approx(0.3, abs=0.02)
    assert found.pooled.mean == pytest.approx(0.2, abs=0.02)
    assert found.prediction.high - found.prediction.low == pytest.approx(2 * 1.96 * 0.3, rel=0.05)


def test_one_difference_has_no_interval():
    found = random_effects([0.2], [0.1])
    assert found.pooled.mean == 0.2
    assert math.isnan(found.pooled.interval().low)
    assert math.isnan(found.prediction.low)


def test_differences_without_an_error_are_refused():
    for y, errors in (([], []), ([0.1, 0.2], [0.1]), ([0.1, 0.2], [0.1, 0.0]), ([0.1, math.nan], [0.1, 0.1])):
        assert_refused("differences", random_effects, y, errors)
