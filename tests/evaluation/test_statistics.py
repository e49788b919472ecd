import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mtattr.errors import InputError
from mtattr.evaluation.statistics import Estimate, Interval, holm, mean_estimate, paired_interval, t_interval, welch_estimate, welch_test
from scipy import stats

from reference import holm as slow_holm


def test_t_interval_equals_scipy():
    values = [0.61, 0.64, 0.58, 0.66, 0.63]
    interval = t_interval(values, 0.9)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    assert interval.mean == pytest.approx(np.mean(values))
    assert interval.n == 5


def test_paired_interval_equals_scipy_and_drops_pairs_that_are_not_finite():
    a, b = [0.7, 0.8, 0.75, math.nan, 0.9, math.inf], [0.6, 0.65, 0.7, 0.5, 0.8, math.inf]
    interval = paired_interval(a, b)
    expected = stats.ttest_rel([0.7, 0.8, 0.75, 0.9], [0.6, 0.65, 0.7, 0.8]).confidence_interval()
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    assert interval.n == 4
    assert interval.excludes(0)
    assert not interval.excludes(interval.mean)


def test_the_interval_covers_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(3.0, 2.0, size=(2000, 5))
    covered = np.mean([not t_interval(row).excludes(3.0) for row in draws])
    assert covered == pytest.approx(0.95, abs=0.015)


def test_fewer_than_two_values_give_no_interval():
    for values, n in (([], 0), ([0.5], 1), ([0.5, math.nan], 1), ([math.inf, math.nan], 0)):
        interval = t_interval(values)
        assert interval.n == n, values
        assert math.isnan(interval.low), values
        assert math.isnan(interval.high), values
        assert not interval.excludes(0), values
        assert interval.mean == pytest.approx(0.5 if n else math.nan, nan_ok=True), values


def test_equal_values_give_a_width_of_zero():
    assert t_interval([2.0, 2.0, 2.0]) == Interval(2.0, 2.0, 2.0, 3)


def test_welch_by_its_formula():
    a, b = np.array([0.71, 0.74, 0.70, 0.73, 0.75]), np.array([0.66, 0.72, 0.64, 0.69])
    u, v = a.var(ddof=1) / 5, b.var(ddof=1) / 4
    statistic = (a.mean() - b.mean()) / math.sqrt(u + v)
    df = (u + v) ** 2 / (u**2 / 4 + v**2 / 3)
    result = welch_test(a, [*b, math.nan])
    assert (result.statistic, result.df) == pytest.approx((statistic, df))
    assert result.p == pytest.approx(2 * stats.t.sf(abs(statistic), df))


def test_welch_needs_spread():
    assert math.isnan(welch_test([1.0], [1.0, 2.0]).p)
    assert math.isnan(welch_test([1.0, 1.0], [2.0, 2.0]).p)


SAMPLES = [[0.61, 0.64, 0.58, 0.66, 0.63], [-0.002, 0.001, 0.0005, -0.001, 0.0012, 0.0], [3.0, 4.0]]


def test_estimates_test_as_scipy_does():
    for values in SAMPLES:
        estimate = mean_estimate(values)
        for null in (-0.5, 0.0, 0.6):
            assert estimate.p_differs(null) == pytest.approx(stats.ttest_1samp(values, null).pvalue, rel=1e-9), (values, null)


def test_two_one_sided_tests_equal_scipys():
    for values in SAMPLES:
        for half in (0.001, 0.005, 0.7, 5.0):
            above = stats.ttest_1samp(values, -half, alternative="greater").pvalue
            below = stats.ttest_1samp(values, half, alternative="less").pvalue
            found = mean_estimate(values).p_within(half)
            assert found == pytest.approx(max(above, below), rel=1e-9), (values, half)
            interval = mean_estimate(values).interval(0.9)
            assert (found < 0.05) == (interval.low > -half and interval.high < half), (values, half)


def test_an_estimate_without_spread_is_certain():
    estimate = mean_estimate([0.25] * 5)
    assert (estimate.p_differs(0.25), estimate.p_differs(0.0)) == (1.0, 0.0)
    assert (estimate.p_within(0.1, 0.2), estimate.p_within(0.01, 0.2)) == (0.0, 1.0)
    assert math.isnan(estimate.power(0.1))
    assert math.isnan(estimate.detectable())


def test_power_equals_the_share_of_drawn_samples_that_see_the_effect():
    rng = np.random.default_rng(6)
    n, effect = 5, 0.8
    estimate = Estimate(0.0, 1 / math.sqrt(n), n - 1, n)
    samples = rng.normal(effect, 1.0, (40_000, n))
    # The error is estimated anew in each sample, as in an experiment.
    t = samples.mean(1) / (samples.std(1, ddof=1) / math.sqrt(n))
    seen = np.mean(t > stats.t.isf(0.025, n - 1))
    assert estimate.power(effect) == pytest.approx(seen, abs=0.01)
    assert estimate.power(-effect) == estimate.power(effect)


def test_the_detectable_effect_has_the_power_that_was_asked():
    estimate = Estimate(0.3, 0.02, 24, 5)
    assert estimate.power(estimate.detectable(0.8)) == pytest.approx(0.8, abs=1e-6)
    assert estimate.power(estimate.detectable(0.3)) == pytest.approx(0.3, abs=1e-6)
    assert estimate.power(0.0) == pytest.approx(0.025, abs=1e-6)


def test_welch_estimate_has_the_interval_of_scipy():
    a, b = [0.71, 0.74, 0.70, 0.73, 0.75], [0.66, 0.72, 0.64, 0.69]
    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    interval = welch_estimate(a, [*b, math.nan]).interval(0.9)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    assert welch_estimate(a, b).p_differs() == pytest.approx(welch_test(a, b).p)
    assert welch_estimate([2.0, 2.0], [1.0, 1.0]).interval() == Interval(1.0, 1.0, 1.0, 2)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_holm_equals_the_loop_and_never_lowers_a_p_value(p_values):
    adjusted = holm(p_values)
    np.testing.assert_allclose(adjusted, slow_holm(p_values))
    assert (adjusted >= np.array(p_values)).all()
    assert (adjusted <= 1).all()


def test_holm_by_hand_and_with_tests_that_were_not_made():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, math.nan]), [0.03, 0.06, 0.06, math.nan])
    assert holm([]).shape == (0,)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="5 and 4"):
        paired_interval(np.zeros(5), np.zeros(4))
    with pytest.raises(InputError, match="level"):
        t_interval([1.0, 2.0], 95)
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        holm([1.2])
    with pytest.raises(InputError, match="one-dimensional"):
        t_interval(np.zeros((2, 2)))
