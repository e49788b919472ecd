import math

import pytest
import torch
from mtattr.adaptive_weighting import UncertaintyWeighting
from mtattr.errors import InputError


def at(log_variance):
    weighting = UncertaintyWeighting(len(log_variance))
    with torch.no_grad():
        weighting.log_variance.copy_(torch.tensor(log_variance))
    return weighting


def test_the_objective_is_equation_7():
    s, losses = [0.0, 1.2, -0.7], [0.3, 2.0, 0.1]
    sigma = [math.exp(value / 2) for value in s]
    expected = sum(loss / (2 * noise**2) + math.log(noise) for loss, noise in zip(losses, sigma, strict=True))
    assert at(s)(torch.tensor(losses)).item() == pytest.approx(expected, rel=1e-6)


def test_it_is_the_likelihood_of_square_errors():
    generator = torch.Generator().manual_seed(0)
    outputs, labels = torch.randn(50, 3, generator=generator), torch.randn(50, 3, generator=generator)
    weighting = at([0.4, -0.3, 1.0])
    likelihood = torch.distributions.Normal(outputs, torch.exp(weighting.log_variance / 2)).log_prob(labels).mean(dim=0).sum()
    objective = weighting((outputs - labels).square().mean(dim=0))
    torch.testing.assert_close(objective, -likelihood - 1.5 * math.log(2 * math.pi))


def test_gradients_by_hand():
    weighting, losses = at([0.0, 1.0]), torch.tensor([0.5, 4.0], requires_grad=True)
    weighting(losses).backward()
    assert weighting.log_variance.grad.tolist() == pytest.approx([0.25, (1 - 4 * math.exp(-1)) / 2])
    assert losses.grad.tolist() == pytest.approx([0.5, math.exp(-1) / 2])
    assert losses.grad.tolist() == pytest.approx(weighting.weights.tolist())


def test_fixed_losses_lead_to_their_logarithms():
    weighting, losses = UncertaintyWeighting(3), torch.tensor([0.1, 1.0, 5.0])
    optimizer = torch.optim.SGD(weighting.parameters(), lr=0.5)
    for _ in range(400):
        optimizer.zero_grad()
        weighting(losses).backward()
        optimizer.step()
    torch.testing.assert_close(weighting.log_variance.detach(), losses.log(), rtol=0, atol=1e-5)
    torch.testing.assert_close(weighting.weights, 0.5 / losses, rtol=1e-4, atol=0)
    assert weighting.trace()["weight"].mean().item() == pytest.approx(1)


def test_all_tasks_weigh_the_same_at_first():
    weighting = UncertaintyWeighting(4)
    assert weighting.weights.tolist() == [0.5] * 4
    assert weighting.trace()["weight"].tolist() == [1.0] * 4
    assert not any(value.requires_grad for value in [weighting.weights, *weighting.trace().values()])


def test_its_state_is_its_parameters():
    weighting, fresh = at([0.1, 0.2]), UncertaintyWeighting(2)
    fresh.load_state_dict(weighting.state_dict())
    assert torch.equal(fresh.weights, weighting.weights)
    weighting.observe(torch.ones(2))
    assert torch.equal(fresh.weights, weighting.weights)


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="num_tasks"):
        UncertaintyWeighting(0)
    with pytest.raises(InputError, match="2 tasks"):
        UncertaintyWeighting(2)(torch.ones(3))
