import math
import sys

import pytest
import torch
from mtattr.errors import InputError
from mtattr.evaluation.cost import count_flops, count_parameters, latency, peak_memory_mb, seconds_in_turn
from torch import nn


@pytest.fixture
def net():
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 8 * 6, 5)).train()


def test_parameters_by_hand(net):
    assert count_parameters(net) == (3 * 4 * 9 + 4) + (4 + 4) + (192 * 5 + 5)
    net[0].requires_grad_(False)
    assert count_parameters(net, trainable_only=True) == 8 + 965


def test_a_shared_parameter_counts_once():
    layer = nn.Linear(3, 3)
    assert count_parameters(nn.Sequential(layer, layer)) == 12


def test_flops_are_two_per_multiply_add_and_grow_with_the_batch(net):
    one = 2 * (8 * 6 * 4 * 3 * 9) + 2 * 192 * 5
    assert count_flops(net, torch.rand(1, 3, 8, 6)) == one
    assert count_flops(net, torch.rand(3, 3, 8, 6)) == 3 * one


@pytest.mark.parametrize("measure", [count_flops, lambda net, example: latency(net, example, 3)])
def test_measuring_changes_nothing(net, measure):
    net[1].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    measure(net, torch.rand(2, 3, 8, 6))
    assert [m.training for m in net] == [True, False, True, True]
    assert all(value.equal(before[name]) for name, value in net.state_dict().items())


def test_latency_runs_eval_passes_without_gradients():
    seen = []

    class Spy(nn.Module):
        def forward(self, x):
            seen.append((self.training, torch.is_grad_enabled()))
            return x

    assert latency(Spy(), torch.zeros(1), repeats=5) >= 0
    assert seen == [(False, False)] * 7
    with pytest.raises(InputError, match="repeats"):
        latency(Spy(), torch.zeros(1), repeats=0)


def test_forms_take_turns_and_the_first_turn_does_not_count(monkeypatch):
    """With a clock that only the forms move: a slow first call of each, then 1, 2 and 9 seconds, against 4 seconds always."""
    now, calls = [0.0], []
    monkeypatch.setattr("mtattr.evaluation.cost.time.perf_counter", lambda: now[0])
    durations = {"one": iter([100.0, 1.0, 9.0, 2.0]), "other": iter([100.0, 4.0, 4.0, 4.0])}

    def form(name):
        calls.append(name)
        now[0] += next(durations[name])

    forms = {name: lambda name=name: form(name) for name in durations}
    assert seconds_in_turn(forms, repeats=3) == {"one": 2.0, "other": 4.0}
    assert calls == ["one", "other"] * 4
    with pytest.raises(InputError, match="repeats"):
        seconds_in_turn(forms, repeats=0)


def test_peak_memory_covers_what_was_held():
    held = torch.ones(30_000_000)
    assert peak_memory_mb() > held.numel() * 4 / 1e6


def test_without_the_module_resource_memory_is_unknown(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    assert math.isnan(peak_memory_mb())
