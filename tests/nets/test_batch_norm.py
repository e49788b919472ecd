import copy

import pytest
import torch
from torch import nn

from mtattr.errors import InputError
from mtattr.nets import (
    FrozenBatchNorm2d,
    GlobalBatchNorm2d,
    batch_statistics,
    build_backbone,
    freeze_batch_norm,
    use_global_batch_norm,
)


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


@pytest.mark.parametrize("name", ["small_resnet", "small_inception", "resnet50", "inception_v3"])
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


@pytest.mark.parametrize("kind", [nn.BatchNorm2d, GlobalBatchNorm2d])
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
