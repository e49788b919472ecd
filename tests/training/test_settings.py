import math

import pytest
from mtattr.training import FitSettings

from cases import assert_refused

BAD = [
    {"epochs": "3"},
    {"epochs": 2.5},
    {"batch_size": 0},
    {"learning_rate": math.nan},
    {"shift": -1},
    {"optimizer": "lion"},
    {"schedule": "sudden"},
    {"momentum": 1.0},
    {"milestones": (0.5,)},
    {"milestones": (0.5, 1.5), "schedule": "step"},
    *({"clip_norm": value} for value in (0, -1, math.inf, "20", True)),
]


def test_settings_out_of_range_are_named():
    for changes in BAD:
        assert_refused(next(iter(changes)), FitSettings, **{"epochs": 1} | changes)
    assert_refused("milestones", FitSettings, epochs=1, schedule="step")


def test_the_rate_falls_at_its_milestones_along_a_cosine_or_not_at_all():
    step = FitSettings(epochs=1, learning_rate=1.0, schedule="step", milestones=(0.5, 0.75))
    assert [step.rate_at(k, 8) for k in range(8)] == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])
    cosine = FitSettings(epochs=1, learning_rate=2.0, schedule="cosine")
    assert [cosine.rate_at(k, 4) for k in range(4)] == pytest.approx([1 + math.cos(math.pi * k / 4) for k in range(4)])
    assert {FitSettings(epochs=1, learning_rate=0.5).rate_at(k, 4) for k in range(4)} == {0.5}
