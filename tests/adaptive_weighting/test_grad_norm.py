import copy
import subprocess
import sys

import pytest
import torch
from mtattr.adaptive_weighting import GradNorm
from safetensors.torch import load, save
from torch import nn

from cases import assert_refused
from reference import grad_norm_step

SCALES = torch.tensor([1.0, 10.0, 0.1, 3.0], dtype=torch.float64)


class Tiny(nn.Module):
    """A shared map and four heads whose losses differ in scale."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.shared = nn.Conv2d(2, 3, 3).double()
        self.head = nn.Linear(3, 4).double()
        for value in self.parameters():
            value.data = torch.randn(value.shape, generator=generator, dtype=torch.float64) / 2
        self.x = torch.randn(6, 2, 5, 5, generator=generator, dtype=torch.float64)
        self.y = torch.randn(6, 4, generator=generator, dtype=torch.float64)

    def forward(self, rows=slice(None)):
        features = self.shared(self.x[rows]).relu()
        return ((self.head(features.mean(dim=(2, 3))) - self.y[rows]).square() * SCALES).mean(dim=0), features


def train(net, weighting, steps, learning_rate=0.02):
    """Weights before every step and after the last; the network learns by the weighting's objective."""
    seen = [weighting.weights.tolist()]
    for _ in range(steps):
        losses, features = net()
        gradients = torch.autograd.grad(weighting(losses, features), list(net.parameters()))
        with torch.no_grad():
            for value, gradient in zip(net.parameters(), gradients, strict=True):
                value -= learning_rate * gradient
        seen.append(weighting.weights.tolist())
    return seen


@pytest.mark.parametrize(("alpha", "learning_rate"), [(1.5, 0.025), (0.0, 0.1), (0.12, 1.0), (3.0, 0.3)])
def test_equals_the_paper_by_automatic_differentiation(alpha, learning_rate):
    net, weighting = Tiny(), GradNorm(4, alpha=alpha, learning_rate=learning_rate)
    slow, weights = copy.deepcopy(net), torch.ones(4, dtype=torch.float64, requires_grad=True)
    adam, first, expected = torch.optim.Adam([weights], lr=learning_rate), None, [weights.tolist()]
    for _ in range(25):
        losses, features = slow()
        first = first or losses.tolist()
        objective = (losses * weights.detach().clone()).sum()
        grad_norm_step(weights, adam, losses, first, features, alpha=alpha)
        expected.append(weights.tolist())
        gradients = torch.autograd.grad(objective, list(slow.parameters()))
        with torch.no_grad():
            for value, gradient in zip(slow.parameters(), gradients, strict=True):
                value -= 0.02 * gradient
    got = torch.tensor(train(net, weighting, 25), dtype=torch.float64)
    torch.testing.assert_close(got, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-9)
    assert (got[-1] - 1).abs().min() > 0.01


def test_it_balances_the_gradients():
    weighting, net = GradNorm(4, alpha=0.0, learning_rate=0.01), Tiny()
    train(net, weighting, 800, learning_rate=0.0)
    losses, features = net()
    norms = torch.stack([torch.autograd.grad(loss, features, retain_graph=True)[0].norm() for loss in losses])
    weighted = weighting.weights * norms
    assert norms.max() / norms.min() > 20
    assert weighted.max() / weighted.min() < 1.2


def test_weights_stay_positive_and_average_one():
    weights = torch.tensor(train(Tiny(), GradNorm(4, learning_rate=0.9), 40), dtype=torch.float64)
    torch.testing.assert_close(weights.mean(dim=1), torch.ones(41, dtype=torch.float64))
    assert weights.min() > 0
    assert weights.min() < 0.01


def test_the_scale_of_the_losses_does_not_matter():
    weights = []
    for factor in (1.0, 100.0):
        net, weighting = Tiny(), GradNorm(4)
        for rows in (slice(3), slice(3, 6), slice(1, 5)):
            losses, features = net(rows)
            weighting(losses * factor, features)
        weights.append(weighting.weights)
    torch.testing.assert_close(*weights, rtol=0, atol=1e-5)
    assert (weights[0] - 1).abs().min() > 0.001


def test_the_objective_has_the_weights_from_before_the_update():
    net, weighting = Tiny(), GradNorm(4, learning_rate=0.5)
    train(net, weighting, 2)
    before = weighting.weights.clone()
    losses, features = net()
    (gradient,) = torch.autograd.grad(weighting(losses, features), losses)
    torch.testing.assert_close(gradient, before)
    assert not torch.allclose(weighting.weights, before)


def test_the_gradients_of_the_loop_are_those_of_fixed_weights():
    net, weighting = Tiny(), GradNorm(4)
    losses, features = net()
    expected = torch.autograd.grad(losses.sum(), list(net.parameters()), retain_graph=True)
    weighting(losses, features).backward()
    for value, gradient in zip(net.parameters(), expected, strict=True):
        torch.testing.assert_close(value.grad, gradient)
    assert not list(weighting.parameters())


@pytest.mark.parametrize("how", ["evaluation", "no gradient"])
def test_weights_move_only_in_training(how):
    net, weighting = Tiny(), GradNorm(4)
    train(net, weighting, 3)
    before = copy.deepcopy(weighting.state_dict())
    weighting.train(how != "evaluation")
    with torch.set_grad_enabled(how != "no gradient"):
        objective = weighting(net()[0])
    torch.testing.assert_close(objective, (net()[0] * weighting.weights).sum())
    assert all(torch.equal(value, weighting.state_dict()[name]) for name, value in before.items())


@pytest.mark.parametrize("step", [1, 6])
def test_a_resumed_run_has_the_same_weights(step):
    net, weighting = Tiny(), GradNorm(4)
    expected = train(copy.deepcopy(net), copy.deepcopy(weighting), 12)
    train(net, weighting, step)
    fresh = GradNorm(4)
    fresh.load_state_dict(load(save(weighting.state_dict())))
    assert train(net, fresh, 12 - step)[-1] == expected[-1]


def test_a_task_without_a_known_label_neither_moves_nor_matters():
    net, weighting, others = Tiny(), GradNorm(4, learning_rate=0.2), GradNorm(3, learning_rate=0.2)
    known = [0, 1, 3]
    losses, features = net()
    weighting(losses * torch.tensor([1, 1, 0, 1]), features)
    assert weighting.initial.isnan().tolist() == [False, False, True, False]
    losses, features = net()
    others(losses[known], features)
    torch.testing.assert_close(weighting.weights[known] / weighting.weights[known].mean(), others.weights)
    losses, features = net()
    weighting(losses * 2, features)
    assert weighting.steps.tolist() == [2, 2, 1, 2]
    torch.testing.assert_close(weighting.initial, losses.detach() * torch.tensor([1, 1, 2, 1]))


@pytest.mark.parametrize("factor", [0.0, float("nan")])
def test_a_batch_without_any_loss_leaves_the_weights(factor):
    net, weighting = Tiny(), GradNorm(4)
    train(net, weighting, 2)
    before = weighting.weights.clone()
    losses, features = net()
    weighting(losses * factor, features)
    torch.testing.assert_close(weighting.weights, before)


@pytest.mark.slow
def test_two_processes_have_the_weights_of_one(tmp_path):
    one = GradNorm(4, learning_rate=0.2)
    train(Tiny(), one, 8, learning_rate=0.0)
    code = (
        "import sys, torch, torch.distributed as dist; sys.path[:0] = sys.argv[3:]\n"
        "from test_grad_norm import Tiny, GradNorm\n"
        "rank, store = int(sys.argv[1]), sys.argv[2]\n"
        "dist.init_process_group('gloo', init_method='file://' + store, rank=rank, world_size=2)\n"
        "net, weighting = Tiny(), GradNorm(4, learning_rate=0.2)\n"
        "for _ in range(8): weighting(*net(slice(3 * rank, 3 * rank + 3)))\n"
        "torch.save(weighting.weights, store + f'.{rank}')\n"
        "dist.barrier(); dist.destroy_process_group()\n"
    )
    paths = [str(tmp_path / "store"), __file__.rsplit("/", 1)[0], __file__.rsplit("/", 2)[0]]
    processes = [subprocess.Popen([sys.executable, "-c", code, str(rank), *paths]) for rank in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    for rank in range(2):
        torch.testing.assert_close(torch.load(f"{paths[0]}.{rank}", weights_only=True), one.weights)


def test_bad_arguments_are_refused():
    losses, features = Tiny()()
    assert_refused("shared features", GradNorm(4), losses, None)
    assert_refused("shared features", GradNorm(4), losses, features.detach())
    assert_refused("very features", GradNorm(4), losses, features.float())
    assert_refused("3 tasks", GradNorm(3), losses, features)
    for name, value in (("num_tasks", 0), ("alpha", -1.0), ("alpha", "x"), ("learning_rate", -0.1), ("learning_rate", float("nan"))):
        assert_refused(name, GradNorm, **({"num_tasks": 4} | {name: value}))
