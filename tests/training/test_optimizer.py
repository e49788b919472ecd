import pytest
import torch
from mtattr.training import FitSettings, FixedWeights
from mtattr.training.optimizer import build_optimizer
from torch import nn


def one_weight(settings: FitSettings, steps: int) -> list[float]:
    """A weight that starts at 1 under a constant gradient of 2."""
    net = nn.Linear(1, 1, bias=False)
    nn.init.ones_(net.weight)
    optimizer = build_optimizer(settings, net, FixedWeights(torch.ones(1)))
    values = []
    for _ in range(steps):
        net.weight.grad = torch.full((1, 1), 2.0)
        optimizer.step()
        values.append(net.weight.item())
    return values


def test_sgd_with_momentum_and_decay_by_hand():
    settings = FitSettings(epochs=1, optimizer="sgd", learning_rate=0.1, momentum=0.5, weight_decay=0.1)
    # Step 1: g = 2 + 0.1 = 2.1, w = 1 - 0.21. Step 2: g = 2.079, v = 1.05 + 2.079, w = 0.79 - 0.3129.
    assert one_weight(settings, 2) == pytest.approx([0.79, 0.4771])


def test_adam_moves_by_its_rate_at_first():
    assert one_weight(FitSettings(epochs=1, learning_rate=0.01), 1) == pytest.approx([0.99])


def test_parameters_of_a_weighting_are_trained_without_decay():
    class Learnt(nn.Module):
        def __init__(self):
            super().__init__()
            self.s = nn.Parameter(torch.ones(3))

    weighting = Learnt()
    optimizer = build_optimizer(FitSettings(epochs=1, optimizer="sgd", weight_decay=0.5), nn.Linear(1, 1), weighting)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.5, 0.0]
    assert optimizer.param_groups[1]["params"][0] is weighting.s
