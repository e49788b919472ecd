import torch
from torch import nn

from mtattr.nets import GlobalBatchNorm2d, use_global_batch_norm


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
