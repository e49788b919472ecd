import pytest
import torch
from mtattr.errors import InputError
from mtattr.nets import SmallResNet, stack_networks
from mtattr.nets.small_resnet import BasicBlock
from torch import nn

from cases import each

SHAPE = {"widths": (4, 6, 8), "blocks": (1, 2, 1)}


def trained(seed, **shape):
    """A network in float64 whose batch norms have seen a batch and whose scales are not 1."""
    torch.manual_seed(seed)
    net = SmallResNet(**{**SHAPE, **shape}).double()
    net(torch.rand(4, 3, 16, 16, dtype=torch.float64))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net


def test_a_block_by_hand():
    torch.manual_seed(0)
    block, x = BasicBlock(3, 5, stride=2).double().eval(), torch.randn(2, 3, 8, 8, dtype=torch.float64)
    scale = (1 + 1e-5) ** -0.5
    inner = torch.relu(nn.functional.conv2d(x, block.conv1.weight, stride=2, padding=1) * scale)
    body = nn.functional.conv2d(inner, block.conv2.weight, padding=1) * scale
    straight = torch.einsum("oi,bihw->bohw", block.shortcut[0].weight[:, :, 0, 0], x[:, :, ::2, ::2]) * scale
    torch.testing.assert_close(block(x), torch.relu(body + straight))
    same = BasicBlock(3, 3)
    assert not list(same.shortcut.parameters())


@each("training", [True, False])
def test_stacked_networks_compute_what_each_does(training):
    nets = [trained(seed).train(training) for seed in range(3)]
    stacked = stack_networks(nets)
    images = torch.rand(4, 3, 16, 16, dtype=torch.float64)
    together = stacked(images)
    assert together.shape[1] == stacked.num_features == 24
    torch.testing.assert_close(together, torch.cat([net(images) for net in nets], dim=1), rtol=0, atol=1e-12)
    for t, net in enumerate(nets):
        alone = stacked.copy(t)
        assert alone.training is training
        for key, value in net.state_dict().items():
            torch.testing.assert_close(alone.state_dict()[key], value, rtol=0, atol=1e-12)


def test_stacking_and_copying_share_no_memory_and_draw_no_random_numbers():
    nets = [trained(seed) for seed in range(2)]
    state = torch.get_rng_state()
    stacked = stack_networks(nets)
    alone = stacked.copy(1)
    assert torch.equal(torch.get_rng_state(), state)
    before = {key: value.clone() for key, value in stacked.state_dict().items()}
    with torch.no_grad():
        for tensor in [*nets[0].state_dict().values(), *alone.state_dict().values()]:
            tensor.zero_()
    assert all(torch.equal(value, before[key]) for key, value in stacked.state_dict().items())
    assert all(parameter.requires_grad for parameter in [*stacked.parameters(), *alone.parameters()])


def test_each_copy_starts_like_a_single_network():
    torch.manual_seed(0)
    stacked, single = SmallResNet(copies=12), SmallResNet()
    for (name, many), one in zip(stacked.named_parameters(), single.parameters(), strict=True):
        assert many.shape == (12 * one.shape[0], *one.shape[1:]), name
        if one.ndim == 1:
            assert torch.equal(many, one.repeat(12))
            continue
        # Uniform on +-1 / sqrt(inputs of one unit): its bound, and the spread of each copy.
        bound = one[0].numel() ** -0.5
        assert 0.98 * bound < many.abs().max() <= bound, name
        spread = torch.stack([part.std() for part in many.detach().chunk(12)])
        torch.testing.assert_close(spread, torch.full((12,), bound / 3**0.5), rtol=0.12, atol=0)


def test_networks_of_another_shape_cannot_be_stacked_nor_a_missing_one_copied():
    with pytest.raises(InputError, match="one shape"):
        stack_networks([trained(0), trained(0, widths=(4, 6, 10))])
    with pytest.raises(InputError, match="one shape"):
        stack_networks([])
    for t in (-1, 1):
        with pytest.raises(InputError, match="0 to 0"):
            trained(0).copy(t)


@each("shape", [{"widths": ()}, {"widths": (4, 8)}, {"blocks": (1, 0, 1)}, {"copies": 0}, {"stem_stride": 0}])
def test_sizes_that_are_not_positive_are_refused(shape):
    with pytest.raises(InputError, match="positive"):
        SmallResNet(**shape)
