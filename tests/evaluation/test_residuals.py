import math

import numpy as np
import pytest
from mtattr.evaluation.residuals import equal_variances, pooled_residual
from scipy import stats

from cases import assert_refused


def fitted(scores):
    """Residuals of score = variant + seed by least squares with dummy variables."""
    variants, seeds = scores.shape
    design = np.array(
        [[v == i for i in range(variants)] + [s == j for j in range(seeds)] for v in range(variants) for s in range(seeds)], float
    )
    return (scores.ravel() - design @ np.linalg.lstsq(design, scores.ravel(), rcond=None)[0]).reshape(scores.shape)


def test_the_residual_is_that_of_least_squares():
    rng = np.random.default_rng(0)
    for shape in ((3, 5), (9, 5), (2, 7)):
        scores = rng.normal(size=shape) + rng.normal(size=(1, shape[1])) * 5 + rng.normal(size=(shape[0], 1))
        left = fitted(scores)
        found = pooled_residual(scores)
        df = (shape[0] - 1) * (shape[1] - 1)
        assert (found.df, found.variants) == (df, shape[0])
        assert found.sd == pytest.approx(math.sqrt((left**2).sum() / df))
        assert found.p_equal == pytest.approx(stats.levene(*left, center="mean").pvalue)


def test_of_two_variants_the_residual_is_the_paired_spread():
    a, b = np.array([0.7, 0.8, 0.75, 0.9]), np.array([0.6, 0.65, 0.7, 0.8])
    assert pooled_residual([a, b]).sd * math.sqrt(2) == pytest.approx((a - b).std(ddof=1))


def test_easy_and_hard_seeds_do_not_widen_it():
    scores = np.random.default_rng(1).normal(size=(4, 6))
    shifted = scores + np.array([0, 10, -3, 5, 100, 2])
    assert pooled_residual(shifted).sd == pytest.approx(pooled_residual(scores).sd)


def test_variances_are_compared_as_by_levene():
    rng = np.random.default_rng(2)
    for n in (5, 6, 11):
        groups = rng.normal(size=(4, n)) * np.array([[1], [1], [2], [4]])
        assert equal_variances(groups) == pytest.approx(stats.levene(*groups, center="mean").pvalue)
    assert math.isnan(equal_variances(np.ones((3, 5))))


def test_a_variant_that_starts_in_some_seeds_only_is_noticed():
    calm = np.random.default_rng(3).normal(size=(3, 8)) * 0.01
    wild = np.array([[0.0, 0.9, 0.1, 0.8, 0.0, 0.7, 0.95, 0.1]])
    assert pooled_residual(np.vstack([calm, wild])).p_equal < 0.05


def test_equal_differences_leave_no_spread():
    scores = np.array([[0.1], [0.2], [0.4]]) + np.array([[0.3, 0.1, 0.7]])
    assert pooled_residual(scores).sd == 0.0


def test_scores_with_holes_are_refused():
    for scores in ([[1.0, math.nan], [1.0, 2.0]], [[1.0, 2.0]], [1.0, 2.0]):
        assert_refused("two variants and two seeds", pooled_residual, scores)
