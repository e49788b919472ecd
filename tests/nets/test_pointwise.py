import copy

import torch
from mtattr.nets.pointwise import StridedPointwiseConv2d, use_strided_pointwise
from torch import nn

from cases import each


def gradients(net, images, upstream):
    images = images.clone(memory_format=torch.preserve_format).requires_grad_()
    output = net(images)
    output.backward(upstream.to(output.dtype))
    return [output.detach(), images.grad, *(value.grad for value in net.parameters())]


@each(("stride", "groups", "bias"), [(2, 1, False), (3, 1, True), ((1, 2), 1, False), ((2, 1), 1, True), (2, 2, True)])
@each("side", [7, 8])
def test_it_is_the_same_function_with_the_same_gradients(stride, groups, bias, side):
    torch.manual_seed(0)
    plain = nn.Conv2d(4, 8, 1, stride, groups=groups, bias=bias).double()
    images = torch.randn(3, 4, side, side, dtype=torch.float64)
    upstream = torch.randn_like(plain(images))
    safe = use_strided_pointwise(nn.Sequential(copy.deepcopy(plain)))
    assert type(safe[0]) is StridedPointwiseConv2d
    for ours, theirs in zip(gradients(safe, images, upstream), gradients(plain, images, upstream), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@each("channels", [1, 4, 6, 8, 12, 15])
def test_gradients_in_the_layout_of_training_are_those_of_float64(channels):
    torch.manual_seed(0)
    net = use_strided_pointwise(nn.Sequential(nn.Conv2d(channels, 16, 1, 2, bias=False))).to(memory_format=torch.channels_last)
    exact = copy.deepcopy(net).double()
    images = torch.randn(32, channels, 24, 24).contiguous(memory_format=torch.channels_last)
    upstream = torch.randn(32, 16, 12, 12)
    for ours, theirs in zip(gradients(net, images, upstream), gradients(exact, images.double(), upstream), strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-4, atol=1e-4)


def test_state_and_all_other_layers_stay():
    wide, kernel, unit, padded = nn.Conv2d(16, 4, 1, 2), nn.Conv2d(4, 4, 3, 2), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1, 2, padding=1)
    net = nn.Sequential(nn.Conv2d(4, 4, 1, 2), wide, kernel, unit, padded)
    before = copy.deepcopy(net.state_dict())
    assert use_strided_pointwise(net) is net
    assert [type(layer) is nn.Conv2d for layer in net] == [False, True, True, True, True]
    assert before.keys() == net.state_dict().keys()
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
