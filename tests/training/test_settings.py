import math

import pytest
import torch
from mtattr.training import FitSettings
from mtattr.training.optimizer import build_optimizer
from torch import nn

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
    {"warm_up": 1.0},
    {"warm_up": -0.1},
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


def test_one_cycle_is_that_of_torch_and_warms_up_for_a_share_of_the_steps():
    for warm_up in (0.0, 0.2, 0.5):
        settings = FitSettings(epochs=1, learning_rate=0.5, schedule="one_cycle", warm_up=warm_up)
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))])
        oracle = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=40, pct_start=warm_up or 0.3, cycle_momentum=False)
        expected = []
        for _ in range(40):
            expected.append(oracle.get_last_lr()[0])
            optimizer.step()
            oracle.step() if len(expected) < 40 else None
        assert [settings.rate_at(k, 40) for k in range(40)] == pytest.approx(expected)


def test_warm_up_rises_along_a_line_and_joins_the_schedule():
    for schedule in ("constant", "cosine"):
        settings = FitSettings(epochs=1, learning_rate=1.0, schedule=schedule, warm_up=0.25)
        rates = [settings.rate_at(k, 40) for k in range(40)]
        assert rates[:10] == pytest.approx([(k + 1) / 11 for k in range(10)])
        assert rates[10] == max(rates) == 1.0
    assert rates[39] < 0.01


def test_weight_decay_of_adamw_does_not_pass_through_the_moving_averages():
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 2.0)
    settings = FitSettings(epochs=1, optimizer="adamw", learning_rate=0.1, weight_decay=0.5)
    net.weight.grad = torch.zeros(1, 1)
    build_optimizer(settings, net, nn.Identity()).step()
    assert net.weight.item() == pytest.approx(2.0 * (1 - 0.1 * 0.5))
