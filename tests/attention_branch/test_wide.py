import pytest
import torch
from mtattr.attention_branch import AttentionBranchNet, BaselineNet, densenet, wide_resnet
from mtattr.attention_branch.wide import DenseLayer, PreActivationBlock
from mtattr.errors import InputError
from torch import nn
from torch.nn.functional import conv2d

from cases import each
from reference import batch_norm


def random(*size, seed=1):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_hand(x, norm):
    return batch_norm(x, norm.weight, norm.bias)[0]


def shifted(module):
    torch.manual_seed(0)
    with torch.no_grad():
        for name, value in module.named_parameters():
            if value.ndim == 1:
                value.copy_(torch.randn(len(value)) / 3 + (name.endswith("weight")))
    return module.double()


def sizes_of(parts, size):
    with torch.device("meta"):
        g = parts.extractor(torch.empty(2, 3, *size))
        return [tuple(x.shape[1:]) for x in (g, parts.attention(g), parts.perception(g))]


@each(("inputs", "outputs", "stride"), [(4, 4, 1), (4, 6, 1), (4, 4, 2), (4, 6, 2)])
def test_a_block_activates_before_each_convolution_and_not_after_the_sum(inputs, outputs, stride):
    torch.manual_seed(0)
    block, x = shifted(PreActivationBlock(inputs, outputs, stride, 0.0)), random(3, inputs, 6, 5)
    active = by_hand(x, block.norms[0]).clamp(min=0)
    inner = by_hand(conv2d(active, block.convs[0].weight, stride=stride, padding=1), block.norms[1]).clamp(min=0)
    inner = conv2d(inner, block.convs[1].weight, padding=1)
    same = inputs == outputs and stride == 1
    # The shortcut reads the activated input where it has weights, else the input itself.
    direct = x if same else conv2d(active, block.shortcut.weight, stride=stride)
    found = block(x)
    torch.testing.assert_close(found, inner + direct, rtol=0, atol=1e-12)
    assert found.min() < 0
    assert (block.shortcut is None) is same


def test_dropout_lies_between_the_convolutions():
    block, x = shifted(PreActivationBlock(3, 3, 1, 1.0)), random(2, 3, 4, 4)
    torch.testing.assert_close(block.train()(x), x, rtol=0, atol=0)
    with torch.no_grad():
        seen = []
        (dropout,) = [module for module in block.modules() if isinstance(module, nn.Dropout)]
        dropout.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        block(x)
        first = conv2d(by_hand(x, block.norms[0]).clamp(min=0), block.convs[0].weight, padding=1)
        torch.testing.assert_close(seen, [by_hand(first, block.norms[1]).clamp(min=0)])
    without = shifted(PreActivationBlock(3, 3, 1, 0.0))
    without.load_state_dict(block.state_dict())
    torch.testing.assert_close(block.eval()(x), without.eval()(x), rtol=0, atol=0)
    assert (block(x) - x).abs().max() > 0.1


def test_wide_resnet_as_published():
    with torch.device("meta"):
        parts = wide_resnet(100)
        narrow = wide_resnet(100, widen=4)
    assert sizes_of(parts, (32, 32)) == [(320, 16, 16), (640, 16, 16), (640, 8, 8)]
    assert sizes_of(narrow, (32, 32)) == [(128, 16, 16), (256, 16, 16), (256, 8, 8)]
    assert (parts.channels, parts.attention_channels, parts.perception_channels, parts.stride) == (320, 640, 640, 4)
    path = [*parts.extractor.modules(), *parts.perception.modules()]
    kernels = [module.kernel_size[0] for module in path if isinstance(module, nn.Conv2d)]
    # The name counts the shortcuts of the three stages.
    assert (kernels.count(3), kernels.count(1)) == (25, 3)
    assert {module.p for module in path if isinstance(module, nn.Dropout)} == {0.3}
    assert {module.p for module in parts.attention.modules() if isinstance(module, nn.Dropout)} == {0.3}


def test_the_perception_stage_of_a_wide_resnet_ends_activated_and_the_attention_stage_does_not():
    torch.manual_seed(0)
    parts, images = wide_resnet(5, depth=10, widen=1, base=4), torch.rand(2, 3, 8, 8)
    g = parts.extractor(images)
    assert parts.perception(g).min() == 0
    assert parts.attention(g).min() < 0


@each("dropout", [0.0, 0.4])
def test_dropout_of_a_wide_resnet_can_be_chosen(dropout):
    parts = wide_resnet(5, depth=10, widen=1, base=4, dropout=dropout)
    assert {module.p for module in parts.extractor.modules() if isinstance(module, nn.Dropout)} == {dropout}


def test_a_dense_layer_appends_to_its_input():
    layer, x = shifted(DenseLayer(5, 3)), random(2, 5, 6, 6)
    norms = [module for module in layer.modules() if isinstance(module, nn.BatchNorm2d)]
    convs = [module for module in layer.modules() if isinstance(module, nn.Conv2d)]
    before = x.clone()
    found = layer(x)
    inner = conv2d(by_hand(x, norms[0]).clamp(min=0), convs[0].weight)
    inner = conv2d(by_hand(inner, norms[1]).clamp(min=0), convs[1].weight, padding=1)
    assert convs[0].weight.shape == (12, 5, 1, 1)
    assert torch.equal(found[:, :5], before)
    torch.testing.assert_close(found[:, 5:], inner, rtol=0, atol=1e-12)


def test_densenet_as_published():
    with torch.device("meta"):
        parts = densenet(100)
    # 24 + 16 * 12 halved, and once more: 150.
    assert sizes_of(parts, (32, 32)) == [(150, 8, 8), (342, 8, 8), (342, 8, 8)]
    assert (parts.channels, parts.attention_channels, parts.perception_channels, parts.stride) == (150, 342, 342, 4)
    path = [*parts.extractor.modules(), *parts.perception.modules()]
    assert sum(isinstance(module, nn.Conv2d) for module in path) + 1 == 100
    pools = [module for module in path if isinstance(module, nn.AvgPool2d)]
    assert len(pools) == 2


def test_a_transition_averages_what_it_has_activated_and_mixed():
    torch.manual_seed(0)
    parts = densenet(5, depth=10, growth=2)
    transition = shifted(parts.extractor[3])
    x = random(2, 6, 4, 4)
    (norm,) = [module for module in transition.modules() if isinstance(module, nn.BatchNorm2d)]
    (conv,) = [module for module in transition.modules() if isinstance(module, nn.Conv2d)]
    mixed = conv2d(by_hand(x, norm).clamp(min=0), conv.weight)
    expected = sum(mixed[:, :, y::2, x::2] for y in (0, 1) for x in (0, 1)) / 4
    torch.testing.assert_close(transition(x.clone()), expected, rtol=0, atol=1e-12)


@each("make", [wide_resnet, densenet])
def test_small_ones_run_and_depths_without_a_block_are_refused(make):
    torch.manual_seed(0)
    small = {"depth": 16, "widen": 1, "base": 4} if make is wide_resnet else {"depth": 16, "growth": 2}
    for net in (BaselineNet(make(5, **small)), AttentionBranchNet(make(5, **small), 5)):
        assert net(torch.rand(3, 3, 16, 12)).logits.shape == (3, 5)
    with pytest.raises(InputError, match="depth must be a whole number of at least 10"):
        make(5, depth=9)


@each("make", [wide_resnet, densenet])
@each("side", [5, 6, 7])
def test_one_small_image_is_enough_to_train_where_two_values_reach_each_batch_norm(make, side):
    torch.manual_seed(0)
    small = {"depth": 10, "widen": 1, "base": 4} if make is wide_resnet else {"depth": 10, "growth": 2}
    for net in (BaselineNet(make(5, **small)), AttentionBranchNet(make(5, **small), 5)):
        net.train()(torch.rand(1, 3, side, side)).logits.sum().backward()
        assert all(p.grad.isfinite().all() for p in net.parameters() if p.grad is not None)


@each("widen", [0, 1.5, True])
def test_how_much_wider_is_a_whole_number(widen):
    with pytest.raises(InputError, match="widen must be"):
        wide_resnet(5, widen=widen)


@each("make", [wide_resnet, densenet])
def test_statistics_of_the_images_can_be_chosen(make):
    normalise = make(5, depth=10, mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 4.0)).extractor[0]
    torch.testing.assert_close(normalise(torch.ones(1, 3, 1, 1)).flatten(), torch.tensor([0.9, 0.4, 0.175]))
