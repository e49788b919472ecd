import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mtattr.errors import InputError
from mtattr.evaluation.statistics import Interval, clustered_bootstrap, holm, paired_interval, t_interval, welch_test
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


def test_bootstrap_of_single_images_equals_scipy():
    rng = np.random.default_rng(1)
    a, b = rng.normal(0.1, 1, 80), rng.normal(0, 1, 80)
    ours = clustered_bootstrap(a, b, None)
    theirs = stats.bootstrap((a - b,), np.mean, method="percentile", rng=np.random.default_rng(2)).confidence_interval
    assert ours.mean == pytest.approx((a - b).mean())
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)
    assert ours.n == 80


def test_bootstrap_equals_the_exact_distribution_of_two_identities():
    # Identity 0 has one image with difference 1, identity 1 three with difference 0: the means are 1, 1/4 (twice) and 0.
    interval = clustered_bootstrap([1.0, 0, 0, 0], np.zeros(4), [7, 3, 3, 3], level=0.4)
    assert interval == Interval(0.25, 0.25, 0.25, 2)
    interval = clustered_bootstrap([1.0, 0, 0, 0], np.zeros(4), [7, 3, 3, 3], level=0.9)
    assert (interval.low, interval.high) == (0.0, 1.0)


def test_repeating_images_of_an_identity_adds_no_certainty():
    rng = np.random.default_rng(3)
    difference = rng.normal(size=40)
    single = clustered_bootstrap(difference, np.zeros(40), np.arange(40))
    repeated = clustered_bootstrap(np.repeat(difference, 25), np.zeros(1000), np.repeat(np.arange(40), 25))
    naive = clustered_bootstrap(np.repeat(difference, 25), np.zeros(1000), None)
    assert (repeated.low, repeated.high) == pytest.approx((single.low, single.high))
    assert naive.high - naive.low < 0.3 * (repeated.high - repeated.low)


def test_bootstrap_covers_when_images_of_one_identity_resemble_each_other():
    rng = np.random.default_rng(4)
    owners = np.repeat(np.arange(50), 8)
    covered = []
    for trial in range(150):
        difference = rng.normal(size=50)[owners] + 0.3 * rng.normal(size=400)
        covered.append(not clustered_bootstrap(difference, np.zeros(400), owners, resamples=500, seed=trial).excludes(0))
    assert np.mean(covered) == pytest.approx(0.94, abs=0.05)


def test_bootstrap_repeats_and_does_not_depend_on_names_of_identities():
    rng = np.random.default_rng(5)
    a, b, owners = rng.random(60), rng.random(60), rng.integers(9, size=60)
    first = clustered_bootstrap(a, b, owners, seed=3)
    assert clustered_bootstrap(a, b, owners * 10 - 5, seed=3) == first
    assert clustered_bootstrap(a, b, owners, seed=4) != first


def test_bootstrap_leaves_out_pairs_that_are_not_finite():
    interval = clustered_bootstrap([1.0, 2.0, math.nan, 3.0], [0.0, math.inf, 0.0, 0.0], [0, 1, 2, 3])
    assert (interval.mean, interval.n) == (2.0, 2)
    alone = clustered_bootstrap([1.0, 1.0], [0.0, 0.0], [4, 4])
    assert (alone.mean, alone.n) == (1.0, 1)
    assert math.isnan(alone.low)


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
    with pytest.raises(InputError, match="identities"):
        clustered_bootstrap(np.zeros(3), np.zeros(3), np.zeros(2))
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        holm([1.2])
    with pytest.raises(InputError, match="one-dimensional"):
        t_interval(np.zeros((2, 2)))
