import copy

import pytest
import torch
from mtattr.adaptive_weighting.loss import square_error
from mtattr.adaptive_weighting.network import SeparateNets, StackedSeparateNets, stack
from mtattr.errors import InputError
from mtattr.nets import MultiTaskNet, build_backbone
from mtattr.tasks import Task, TaskSet

TASKS = TaskSet([Task("hat"), Task("colour", "categorical", tuple("rgb")), Task("bag")])
WIDTHS = (4, 6, 8)


def separate(seed=0, tasks=TASKS, **options):
    torch.manual_seed(seed)
    return SeparateNets(tasks, lambda: build_backbone("small_resnet", widths=WIDTHS), **options).double()


def batches(count, seed=1):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        images = torch.rand(6, 3, 16, 16, generator=generator, dtype=torch.float64)
        labels = (torch.rand(6, 3, generator=generator, dtype=torch.float64) * torch.tensor([2, 3, 2])).floor()
        yield images, torch.where(torch.rand(6, 3, generator=generator) < 0.1, torch.nan, labels)


def train(net, steps, tasks=TASKS, columns=slice(None)):
    sgd = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    for images, labels in batches(steps):
        sgd.zero_grad()
        square_error(net(images).logits, labels[:, columns], tasks).sum().backward()
        sgd.step()
    return net


def assert_same(stacked, loop):
    """Weights, statistics and gradients of the stacked networks are those of the loop."""
    expected = stack(loop)
    for key, value in expected.state_dict().items():
        torch.testing.assert_close(stacked.state_dict()[key], value, rtol=0, atol=1e-10, msg=lambda text, key=key: f"{key}: {text}")
    trunks = [dict(net.backbone.trunk.named_parameters()) for net in loop.nets]
    for name, parameter in stacked.backbone.trunk.named_parameters():
        by_loop = torch.cat([trunk[name].grad for trunk in trunks])
        torch.testing.assert_close(parameter.grad, by_loop, rtol=0, atol=1e-10)
    for name in ("weight", "bias"):
        by_loop = torch.cat([getattr(net.head, name).grad for net in loop.nets])
        torch.testing.assert_close(getattr(stacked, name).grad, by_loop, rtol=0, atol=1e-10)


@pytest.mark.parametrize("training", [True, False])
def test_stacked_outputs_are_those_of_the_loop(training):
    loop = train(separate(), 2).train(training)
    stacked = stack(loop)
    (images, _), _ = batches(2, seed=5)
    torch.testing.assert_close(stacked(images).logits, loop(images).logits, rtol=0, atol=1e-10)
    assert stacked.training is training
    assert stacked(images).logits.shape == (6, TASKS.num_units)


def test_stacked_networks_learn_what_the_loop_learns():
    loop = separate()
    stacked = stack(loop)
    start = copy.deepcopy(stacked.state_dict())
    train(loop, 6), train(stacked, 6)
    assert_same(stacked, loop)
    moved = [key for key, value in stacked.state_dict().items() if not torch.equal(value, start[key])]
    assert set(start) - set(moved) == {"backbone.mean", "backbone.std"}


def test_trained_together_each_network_learns_what_it_learns_alone():
    together = train(separate(), 4)
    for t, task in enumerate(TASKS):
        alone = train(copy.deepcopy(separate().nets[t]), 4, TaskSet([task]), [t])
        for key, value in alone.state_dict().items():
            torch.testing.assert_close(together.nets[t].state_dict()[key], value, rtol=0, atol=1e-12)


def test_a_task_is_answered_by_its_own_network_alone():
    (images, _), _ = batches(2)
    net = StackedSeparateNets(TASKS, widths=WIDTHS).double().eval()
    before = net(images).logits
    with torch.no_grad():
        net.backbone.trunk.stem[0].weight[4:8].mul_(-1)
        net.backbone.trunk.stages[2][0].conv2.weight[8:16].mul_(2)
    changed = (net(images).logits != before).any(0)
    assert changed.tolist() == [False, True, True, True, False]


def test_heads_start_like_single_ones():
    torch.manual_seed(0)
    many = TaskSet.binary(f"a{k}" for k in range(60))
    net = StackedSeparateNets(many, widths=(2, 2, 16))
    for values in (net.weight, net.bias):
        assert 0.23 < values.abs().max() <= 0.25


def test_stacking_draws_no_random_numbers_and_copies():
    loop = separate()
    state = torch.get_rng_state()
    stacked = stack(loop)
    assert torch.equal(torch.get_rng_state(), state)
    before = stacked.weight.clone()
    with torch.no_grad():
        loop.nets[0].head.weight.zero_()
    assert torch.equal(stacked.weight, before)


def test_dropout_changes_training_alone():
    (images, _), _ = batches(2)
    for net in (separate(dropout=0.5), stack(separate(dropout=0.5))):
        assert not torch.equal(net(images).logits, net(images).logits)
        net.eval()
        assert torch.equal(net(images).logits, net(images).logits)


def test_only_small_residual_networks_of_one_kind_can_be_stacked():
    with pytest.raises(InputError, match="small_resnet"):
        stack(SeparateNets(TASKS, lambda: build_backbone("small_xception")))
    odd = separate()
    odd.nets[1].backbone.mean += 0.1
    with pytest.raises(InputError, match="normalise"):
        stack(odd)
    odd = separate()
    odd.nets[1] = MultiTaskNet(build_backbone("small_resnet", widths=(4, 6, 10)), 3)
    with pytest.raises(InputError, match="one shape"):
        stack(odd)
