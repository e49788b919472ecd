import copy

import pytest
import torch
from mtattr.errors import InputError
from mtattr.nets import (
    FrozenBatchNorm2d,
    GlobalBatchNorm2d,
    batch_statistics,
    build_backbone,
    freeze_batch_norm,
    global_batch_norm,
    use_global_batch_norm,
)
from torch import nn

from cases import each


def test_without_processes_it_is_batch_norm():
    plain, ours = nn.BatchNorm2d(5).double(), GlobalBatchNorm2d(5).double()
    x = torch.randn(4, 5, 3, 3, dtype=torch.float64)
    assert torch.equal(plain(x), ours(x))
    assert torch.equal(plain.running_var, ours.running_var)


def test_conversion_keeps_weights_and_names():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    use_global_batch_norm(net)
    assert type(net[1]) is GlobalBatchNorm2d
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())


def fill_statistics(net):
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return net


@each("name", ["small_resnet", "small_inception", "resnet50", "inception_v3"])
def test_frozen_statistics_equal_evaluation_and_outlive_training_bitwise(name):
    torch.manual_seed(0)
    usual = build_backbone(name)
    with torch.no_grad():
        usual(torch.rand(4, 3, 80, 80))
    frozen = freeze_batch_norm(copy.deepcopy(usual)).train()
    assert not any(type(module) is nn.BatchNorm2d for module in frozen.modules())
    images = torch.rand(2, 3, 80, 80)
    with torch.no_grad():
        assert torch.equal(frozen(images), usual.eval()(images))
    before = {key: value.clone() for key, value in frozen.state_dict().items()}
    assert before.keys() == usual.state_dict().keys()
    sgd = torch.optim.SGD(frozen.parameters(), lr=1e-3, momentum=0.9)
    for _ in range(2):
        sgd.zero_grad()
        frozen.train()(images).mean().backward()
        sgd.step()
    after = frozen.state_dict()
    statistics = [key for key in before if key.endswith(("running_mean", "running_var", "num_batches_tracked"))]
    assert statistics
    assert all(torch.equal(before[key], after[key]) for key in statistics)
    scales = [name for name, parameter in frozen.named_parameters() if parameter.ndim == 1]
    assert scales
    assert any(not torch.equal(before[name], after[name]) for name in scales)


@each("kind", [nn.BatchNorm2d, GlobalBatchNorm2d])
def test_freezing_is_final_and_the_rest_still_trains(kind):
    net = freeze_batch_norm(freeze_batch_norm(nn.Sequential(nn.Dropout(), fill_statistics(nn.Sequential(kind(3))))))
    norm = use_global_batch_norm(net).train()[1][0]
    assert type(norm) is FrozenBatchNorm2d
    assert net[0].training
    x = torch.randn(4, 3, 5, 5)
    by_hand = (x - norm.running_mean[:, None, None]) / (norm.running_var[:, None, None] + norm.eps).sqrt()
    torch.testing.assert_close(norm(x), by_hand)


def test_a_frozen_layer_made_directly_is_frozen_at_once():
    layer = FrozenBatchNorm2d(3)
    layer(torch.randn(4, 3, 2, 2))
    assert layer.num_batches_tracked == 0


def test_a_batch_norm_without_statistics_cannot_be_frozen():
    with pytest.raises(InputError, match="'1' keeps no running statistics"):
        freeze_batch_norm(nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3, track_running_stats=False)))


class StatisticsForEachTask(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.register_buffer("running_mean", torch.zeros(2, 3))


@each("last", [StatisticsForEachTask(), nn.BatchNorm2d(3, track_running_stats=False)])
def test_what_cannot_be_frozen_whole_stays_as_it_was(last):
    net = nn.Sequential(nn.BatchNorm2d(3), last)
    with pytest.raises(InputError, match="'1'"):
        freeze_batch_norm(net)
    assert type(net[0]) is nn.BatchNorm2d
    assert net[0].training


def test_frozen_layers_of_other_libraries_may_stand_beside():
    torchvision = pytest.importorskip("torchvision")
    net = freeze_batch_norm(
        nn.Sequential(nn.BatchNorm2d(3), torchvision.ops.FrozenBatchNorm2d(3), nn.InstanceNorm2d(3, track_running_stats=True))
    )
    assert isinstance(net[0], FrozenBatchNorm2d)


def test_batch_statistics_normalise_by_the_batch_and_leave_no_trace():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Conv2d(4, 4, 1), FrozenBatchNorm2d(4))
    net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    modes = [module.training for module in net.modules()]
    x = torch.randn(6, 3, 2, 2)
    with batch_statistics(net), torch.no_grad():
        inner = net[1](net[0](x))
        assert torch.equal(net[2](inner), inner), "dropout must be off"
        frozen = net[4](x.repeat(1, 2, 1, 1)[:, :4])
    assert inner.mean((0, 2, 3)).abs().max() < 1e-5
    torch.testing.assert_close(frozen, copy.deepcopy(net[4]).eval()(x.repeat(1, 2, 1, 1)[:, :4]))
    assert [module.training for module in net.modules()] == modes
    assert net[1].track_running_stats
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_batch_statistics_are_put_back_after_an_error():
    net = nn.Sequential(nn.BatchNorm2d(2)).train()
    with pytest.raises(RuntimeError), batch_statistics(net):
        net(torch.zeros(3, 5, 2, 2))
    assert net.training
    assert net[0].training
    assert net[0].track_running_stats


def layer_for(x):
    """Running mean and variance, weight and bias of as many channels, none of them 0 or 1."""
    torch.manual_seed(0)
    channels = x.shape[1]
    return [torch.randn(channels).to(x), torch.rand(channels).to(x) + 0.5, torch.randn(channels).to(x), torch.randn(channels).to(x)]


@each("given", [(True, True), (True, False), (False, True), (False, False)])
def test_without_processes_the_function_is_that_of_torch(given):
    x = torch.randn(4, 3, 5, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    mean, variance, weight, bias = layer_for(x)
    running, affine = (mean, variance) if given[0] else (None, None), (weight, bias) if given[1] else (None, None)
    before = [value.clone() if value is not None else None for value in running]
    found = global_batch_norm(x, *running, *affine, momentum=0.3, eps=0.01)
    expected = nn.functional.batch_norm(x, *before, *affine, True, 0.3, 0.01)
    assert torch.equal(found, expected)
    if given[0]:
        assert all(torch.equal(a, b) for a, b in zip(running, before, strict=True))


@pytest.fixture
def of_another_process(monkeypatch):
    """Make this process one of two: gives a function that says which images the other one has."""

    def join(other):
        means = []

        def all_reduce(total):
            if not means:
                total = total + other.sum((0, 2, 3))
                means.append(total / (2 * other.numel() // other.shape[1]))
                return total
            return total + (other - means.pop()[:, None, None]).square().sum((0, 2, 3))

        monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
        monkeypatch.setattr("torch.distributed.get_world_size", lambda: 2)
        monkeypatch.setattr("torch.distributed.nn.functional.all_reduce", all_reduce)

    return join


@each("given", [(True, True), (True, False), (False, True), (False, False)])
def test_of_two_processes_each_normalises_by_the_images_of_both(given, of_another_process):
    x, other = torch.randn(2, 3, 3, 5, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    other = 2 * other + 1
    mean, variance, weight, bias = layer_for(x)
    running, affine = (mean, variance) if given[0] else (None, None), (weight, bias) if given[1] else (None, None)
    before = [value.clone() if value is not None else None for value in running]
    expected = nn.functional.batch_norm(torch.cat([x, other]), *before, *affine, True, 0.3, 0.01)[: len(x)]
    of_another_process(other)
    torch.testing.assert_close(global_batch_norm(x, *running, *affine, momentum=0.3, eps=0.01), expected, rtol=0, atol=1e-12)
    if given[0]:
        for value, wanted in zip(running, before, strict=True):
            torch.testing.assert_close(value, wanted, rtol=0, atol=1e-12)


def test_a_layer_of_two_processes_counts_its_batches_and_without_statistics_keeps_none(of_another_process):
    x = torch.randn(3, 2, 4, 4)
    of_another_process(x.clone())
    counting, keeping_none = GlobalBatchNorm2d(2), GlobalBatchNorm2d(2, track_running_stats=False)
    torch.testing.assert_close(counting(x), keeping_none(x))
    assert counting.num_batches_tracked == 1
    # Twice the same images: 48 values a channel in each process, 96 in both.
    torch.testing.assert_close(counting.running_var, 0.9 + 0.1 * x.var((0, 2, 3), correction=0) * 96 / 95)
    assert keeping_none.running_mean is None


@each("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_of_two_processes_is_summed_in_single(dtype, of_another_process):
    x, other = torch.randn(2, 8, 2, 16, 16, generator=torch.Generator().manual_seed(1)).to(dtype)
    mean, variance = torch.zeros(2), torch.ones(2)
    of_another_process(other.float())
    found = global_batch_norm(x, mean, variance, None, None, momentum=1.0, eps=1e-5)
    both = torch.cat([x, other]).float()
    assert found.dtype == dtype
    torch.testing.assert_close(mean, both.mean((0, 2, 3)))
    torch.testing.assert_close(variance, both.var((0, 2, 3)))
