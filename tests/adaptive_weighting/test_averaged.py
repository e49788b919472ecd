import torch
from mtattr.adaptive_weighting import AveragedTrend, ValidationLossTrend


def noise(iterations: int, tasks: int = 5) -> torch.Tensor:
    return torch.rand(iterations, tasks, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 0.5


def test_weights_are_the_mean_of_the_trends_weights_so_far():
    averaged, trend, given = AveragedTrend(5, interval=3), ValidationLossTrend(5, interval=3), []
    for i, losses in enumerate(noise(60), start=1):
        averaged.observe(losses)
        trend.observe(losses)
        if i % 3 == 0:
            given.append(trend.weights.clone())
            torch.testing.assert_close(averaged.weights, torch.stack(given).mean(0), atol=1e-12, rtol=0)
    assert averaged.weights.std() < trend.weights.std()
    assert torch.equal(averaged.change, trend.change)


def test_a_state_carries_the_mean_on():
    whole, first, second = (AveragedTrend(5, interval=3) for _ in range(3))
    for i, losses in enumerate(noise(40)):
        whole.observe(losses)
        (first if i < 20 else second).observe(losses)
        if i == 19:
            second.load_state_dict(first.state_dict())
    assert torch.equal(whole.weights, second.weights)
