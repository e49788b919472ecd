import pytest
import torch
from mtattr.adaptive_weighting import DynamicWeightAverage
from safetensors.torch import load, save

from cases import assert_refused
from reference import dynamic_weight_average

NAN = float("nan")


def noise(iterations, tasks):
    return 0.1 + torch.rand(iterations, tasks, generator=torch.Generator().manual_seed(0))


def after(rows, interval, temperature=2.0):
    weighting = DynamicWeightAverage(len(rows[0]), interval, temperature)
    for row in rows:
        weighting.observe(torch.as_tensor(row))
    return weighting


@pytest.mark.parametrize(("interval", "temperature"), [(1, 2.0), (5, 0.5), (20, 10.0)])
def test_equals_the_textbook_form_also_when_saved_and_loaded(interval, temperature):
    losses = noise(300, 5)
    expected = torch.tensor(dynamic_weight_average(losses.tolist(), interval, temperature), dtype=torch.float64)
    weighting, got = DynamicWeightAverage(5, interval, temperature), []
    for done, row in enumerate(losses):
        if done in (3, interval, 2 * interval, 133):
            fresh = DynamicWeightAverage(5, interval, temperature)
            fresh.load_state_dict(load(save(weighting.state_dict())))
            weighting = fresh
        weighting.observe(row)
        got.append(weighting.weights.clone())
    torch.testing.assert_close(torch.stack(got), expected, rtol=0, atol=1e-12)
    assert (torch.stack(got)[: 2 * interval - 1] == 1).all()
    torch.testing.assert_close(weighting.weights.mean().item(), 1.0)


def test_the_task_that_falls_slowest_weighs_most():
    weights = after([[1.0, 1.0, 1.0], [0.9, 0.5, 1.1]], interval=1).weights
    assert weights.argsort().tolist() == [1, 0, 2]


def test_a_high_temperature_makes_weights_equal():
    rows = [[1.0, 1.0], [0.1, 2.0]]
    spreads = [after(rows, interval=1, temperature=t).weights.std().item() for t in (0.5, 2.0, 50.0)]
    assert spreads[0] > spreads[1] > spreads[2]
    assert spreads[2] < 0.05


@pytest.mark.parametrize("earlier", [NAN, float("inf"), 0.0])
def test_a_task_whose_ratio_is_not_known_keeps_weight_one(earlier):
    got = after([[1.0, earlier, 2.0], [0.5, 1.0, 1.9]], interval=1).weights
    assert got[1] == 1
    torch.testing.assert_close(got[[0, 2]], after([[1.0, 2.0], [0.5, 1.9]], interval=1).weights)


def test_without_any_label_all_weights_stay_one():
    assert after([[NAN, NAN]] * 6, interval=2).weights.tolist() == [1.0, 1.0]


def test_the_objective_is_the_weighted_sum():
    weighting, losses = after(noise(20, 3), interval=2), torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    weighting(losses).backward()
    torch.testing.assert_close(losses.grad, weighting.trace()["weight"].float())


def test_a_bad_temperature_is_refused():
    for temperature in (0, -1.0, float("inf"), NAN, "2", True):
        assert_refused("temperature", DynamicWeightAverage, 3, 5, temperature)
