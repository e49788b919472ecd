import math

import pytest
from mtattr.evaluation.statistics import Interval
from mtattr.evidence import interval_words, measures, paired_difference, runs_by_seed, values_by_seed

ASKED = {"variant": "PM", "dataset": "digits", "backbone": "a"}
MINE = {"spec__settings": {"backbone": "a"}, "spec__dataset": "digits"}


def test_runs_come_in_order_of_seed_and_of_the_asked_network_alone(make_runs):
    runs = make_runs("PM", [0.1, 0.2, 0.3], **MINE)
    others = (
        make_runs("PM", [0.9], spec__settings={"backbone": "b"}, spec__dataset="digits")
        + make_runs("PM", [0.7], spec__settings={"backbone": "a", "epochs": 3}, spec__dataset="digits")
        + make_runs("PM", [0.6], spec__settings={"backbone": "a"}, spec__dataset="celeba-twin")
        + make_runs("CM", [0.8], **MINE)
    )
    assert list(runs_by_seed([*others, *reversed(runs)], **ASKED).items()) == list(enumerate(runs))
    assert runs_by_seed([], **ASKED) == {}


def test_of_two_records_of_a_seed_the_later_one_counts(make_runs):
    runs = make_runs("PM", [0.1, 0.2], **MINE) + make_runs("PM", [0.5], **MINE)
    assert values_by_seed(runs, "class_accuracy", **ASKED) == [0.5, 0.2]


def test_measures_are_test_metrics_or_costs_and_nan_where_absent(make_runs):
    runs = runs_by_seed(make_runs("PM", [0.1, math.nan], **MINE), **ASKED)
    found = measures(runs, "class_accuracy", "last")
    assert found[0] == 0.1
    assert math.isnan(found[1])
    assert measures(runs, "cost.train_seconds") == {0: 2.0, 1: 2.0}
    assert all(math.isnan(value) for value in measures(runs, "no such metric").values())


def test_only_seeds_that_both_have_make_a_pair():
    gap = paired_difference({3: 0.5, 0: 0.3, 1: 0.2, 7: 9.0}, {0: 0.1, 1: 0.1, 3: 0.2, 5: -9.0})
    assert gap.mean == pytest.approx((0.2 + 0.1 + 0.3) / 3)
    assert gap.n == 3
    assert gap.low < gap.mean < gap.high


def test_without_common_seeds_there_is_no_difference():
    assert paired_difference({0: 1.0}, {1: 1.0}).n == 0
    assert paired_difference({}, {}).n == 0


def test_words_without_a_measurement():
    for nothing in ({}, [], [math.nan], {0: math.nan, 4: math.inf}, Interval(math.nan, math.nan, math.nan, 0)):
        assert interval_words(nothing) == "not run yet", nothing


def test_words_are_the_same_for_seeds_values_and_intervals():
    values = {0: 0.1, 1: math.nan, 2: 0.2, 3: 0.3}
    words = interval_words(values, signed=True)
    assert (
        words
        == interval_words(values.values(), signed=True)
        == interval_words(paired_difference(values, dict.fromkeys(values, 0.0)), signed=True)
    )
    assert words.startswith("+0.200 [")
    assert interval_words([0.25, 0.25]) == "0.250"
