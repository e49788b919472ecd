import pytest
import torch
from mtattr.adaptive_weighting import ShuffledTrend, ValidationLossTrend
from safetensors.torch import load, save

from cases import assert_refused


def noise(iterations, tasks, seed=0):
    return torch.rand(iterations, tasks, generator=torch.Generator().manual_seed(seed))


def weights_over(losses, weighting, cuts=()):
    seen = []
    for done, row in enumerate(losses):
        if done in cuts:
            fresh = type(weighting)(weighting.num_tasks, weighting.interval, seed=weighting.seed)
            fresh.load_state_dict(load(save(weighting.state_dict())))
            weighting = fresh
        weighting.observe(row)
        seen.append(weighting.weights.clone())
    return torch.stack(seen)


def test_the_spread_is_that_of_the_trend_at_every_moment_but_not_the_order():
    losses, interval = noise(120, 8), 4
    losses[:, 3] = torch.nan
    shuffled = weights_over(losses, ShuffledTrend(8, interval))
    trend = weights_over(losses, ValidationLossTrend(8, interval))
    assert torch.equal(shuffled.sort(dim=1).values, trend.sort(dim=1).values)
    updates = slice(2 * interval - 1, None, interval)
    assert (shuffled[updates] != trend[updates]).any(dim=1).all()


def test_the_order_is_new_at_every_update_and_never_in_between():
    losses, interval = noise(40, 8), 5
    trend, shuffled = weights_over(losses, ValidationLossTrend(8, interval)), weights_over(losses, ShuffledTrend(8, interval))
    ends = range(2 * interval - 1, 40, interval)
    for end in ends:
        assert (shuffled[end : end + interval] == shuffled[end]).all()
    orders = {tuple((trend[end][:, None] == shuffled[end]).int().argmax(dim=0).tolist()) for end in ends}
    assert len(orders) == len(ends)


def test_every_task_gets_the_highest_weight_equally_often():
    weighting, losses = ShuffledTrend(3, 1), noise(3001, 3) * torch.tensor([100.0, 1.0, 1.0])
    highest = [0, 0, 0]
    for row in losses:
        weighting.observe(row)
        highest[int(weighting.weights.argmax())] += 1
    assert min(highest) > 900


@pytest.mark.parametrize("cuts", [(1,), (7,), (5, 10, 23), (9, 11)])
def test_a_resumed_run_draws_the_same_orders(cuts):
    losses = noise(60, 6)
    assert torch.equal(weights_over(losses, ShuffledTrend(6, 5, seed=3), cuts), weights_over(losses, ShuffledTrend(6, 5, seed=3)))


def test_the_seed_decides_and_nothing_else():
    losses = noise(60, 6)
    torch.manual_seed(1)
    first = weights_over(losses, ShuffledTrend(6, 5, seed=1))
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert torch.equal(first, weights_over(losses, ShuffledTrend(6, 5, seed=1)))
    assert torch.equal(state, torch.get_rng_state())
    assert not torch.equal(first, weights_over(losses, ShuffledTrend(6, 5, seed=2)))


def test_the_change_stays_with_its_task():
    losses = noise(60, 6)
    shuffled, trend = ShuffledTrend(6, 5), ValidationLossTrend(6, 5)
    weights_over(losses, shuffled), weights_over(losses, trend)
    assert torch.equal(shuffled.trace()["change"], trend.change)


def test_a_bad_seed_is_refused():
    for seed in (-1, 0.5, "0", True):
        assert_refused("seed", ShuffledTrend, 3, seed=seed)
