import math

import pytest
from mtattr.training.learned import learned

SCORES = {"mean_accuracy": 0.86, "true_mean_accuracy": 0.88}
FLOORS = {"mean_accuracy": 0.82, "true_mean_accuracy": 0.8}
BY_TASK = {
    "accuracy": [0.9, 0.7],
    "floor": [0.9, 0.5],
    "true_accuracy": [0.96, 0.804, 0.9, math.nan],
    "true_floor": [0.9, 0.8, 0.9, math.nan],
}


def test_the_drawn_truth_counts_where_there_is_one():
    found = learned("mean_accuracy", SCORES, FLOORS, BY_TASK)
    assert found["metric"] == "true_mean_accuracy"
    assert found["ceiling"] == 1.0
    assert found["share"] == pytest.approx(0.4)
    assert (found["tasks"], found["tasks_above_floor"]) == (4, 1)


def test_without_a_drawn_truth_the_labels_count():
    scores, floors = {"mean_accuracy": 0.86}, {"mean_accuracy": 0.82}
    by_task = {name: BY_TASK[name] for name in ("accuracy", "floor")}
    found = learned("mean_accuracy", scores, floors, by_task)
    assert found["share"] == pytest.approx(0.04 / 0.18)
    assert found["tasks_above_floor"] == 1
    assert learned("mean_accuracy", scores, floors, {})["tasks_above_floor"] is None


def test_a_metric_without_floor_or_room_has_no_share():
    assert math.isnan(learned("loss", {"loss": 0.3}, {}, {})["share"])
    assert math.isnan(learned("accuracy", {"accuracy": 1.0}, {"accuracy": 1.0}, {})["share"])
