import pytest
import torch
from mtattr.attention_branch import AttentionBranchNet, BaselineNet, ResidualBlock, cifar_resnet, residual_parts, resnext
from mtattr.attention_branch.residual import residual_stage
from mtattr.errors import InputError
from mtattr.evaluation import count_parameters
from torch import nn

from cases import each
from reference import residual_sizes, task_passes

BASIC, BOTTLENECK = {}, {"expansion": 4}


def alive(net, seed=0):
    """Norms as training leaves them: no scale 1, no shift or mean 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.copy_(1 + 0.3 * torch.randn(module.num_features, generator=generator))
                module.bias.copy_(0.3 * torch.randn(module.num_features, generator=generator))
                module.running_mean.copy_(0.3 * torch.randn(module.num_features, generator=generator))
                module.running_var.copy_(0.5 + torch.rand(module.num_features, generator=generator))
    return net


def random(*size, dtype=torch.float64, seed=1):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def plain(block):
    def pair(conv, norm):
        of_conv = conv.weight, conv.stride[0], conv.padding[0]
        return of_conv, (norm.weight, norm.bias, norm.running_mean, norm.running_var)

    layers = [pair(conv, norm) for conv, norm in zip(block.convs, block.norms, strict=True)]
    return layers, None if block.shortcut is None else pair(*block.shortcut)


def sizes_of(parts, size):
    """Sides of g, of the attention stage's map and of the last one."""
    with torch.device("meta"):
        g = parts.extractor(torch.empty(2, 3, *size))
        return [tuple(x.shape[1:]) for x in (g, parts.attention(g), parts.perception(g))]


@each("training", [True, False])
@each("stride", [1, 2])
@each("kind", [BASIC, BOTTLENECK])
@each("inputs", [3, 12])
def test_a_stage_is_the_textbook_one(training, stride, kind, inputs):
    torch.manual_seed(0)
    stage = alive(residual_stage(inputs, 3, 2, stride=stride, **kind)).double().train(training)
    x = random(4, inputs, 7, 6)
    gates, how = torch.ones(4, 1, 7, 6).double(), {"statistics": "sequential", "training": training}
    expected, after = task_passes([plain(block) for block in stage], x, gates, **how)
    before = x.clone()
    torch.testing.assert_close(stage(x), expected[:, 0], rtol=0, atol=1e-12)
    assert torch.equal(x, before)
    norms = [norm for block in stage for norm in (*block.norms, *([block.shortcut[1]] if block.shortcut else []))]
    running = [value for norm in norms for value in (norm.running_mean, norm.running_var)]
    for found, wanted in zip(running, after, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)


def test_only_the_first_block_has_a_stride_and_a_bottleneck_has_it_on_the_3x3():
    stage = residual_stage(4, 2, 3, stride=2, expansion=4)
    assert [[conv.stride[0] for conv in block.convs] for block in stage] == [[1, 2, 1], [1, 1, 1], [1, 1, 1]]
    assert [[conv.kernel_size[0] for conv in block.convs] for block in stage] == [[1, 3, 1]] * 3
    assert [[conv.stride[0] for conv in block.convs] for block in residual_stage(4, 2, 2, stride=2)] == [[2, 1], [1, 1]]
    assert [block.shortcut is None for block in stage] == [False, True, True]
    # Another number of channels needs a shortcut without a stride, too; the same number and no stride need none.
    assert residual_stage(2, 2, 1, stride=1)[0].shortcut is None
    assert residual_stage(2, 4, 1, stride=1)[0].shortcut is not None
    assert residual_stage(4, 4, 1, stride=2)[0].shortcut is not None


def test_no_convolution_has_a_bias():
    assert not any(name.endswith("bias") and value.ndim > 1 for name, value in residual_stage(3, 2, 2, stride=2).named_parameters())
    convs = [module for module in cifar_resnet(20, 5).extractor.modules() if isinstance(module, nn.Conv2d)]
    assert len(convs) > 10
    assert all(conv.bias is None for conv in convs)


def test_a_squeeze_stands_before_the_sum():
    torch.manual_seed(0)

    class Half(nn.Module):
        def forward(self, x):
            return x / 2

    sizes = [(3, 3, 1, 1), (3, 3, 1, 1)]
    block, x = ResidualBlock(3, sizes, Half()).double().eval(), random(2, 3, 5, 5)
    without = ResidualBlock(3, sizes).double().eval()
    without.load_state_dict(block.state_dict())
    # Where the sum is above 0, the block adds half of what the other adds.
    full, half = without(x), block(x)
    both = (full > 0) & (half > 0)
    assert both.any()
    torch.testing.assert_close((half - x)[both], (full - x)[both] / 2)


def test_squeeze_and_excitation_by_16_scales_channels_by_a_sigmoid():
    torch.manual_seed(0)
    (block,) = residual_stage(64, 16, 1, stride=1, expansion=4, squeeze=True)
    squeeze = block.squeeze.double()
    assert sorted(value.numel() for value in squeeze.parameters()) == [4, 64, 4 * 64, 4 * 64]
    x = random(2, 64, 3, 3)
    scale = squeeze(x) / x
    assert ((scale > 0) & (scale < 1)).all()
    torch.testing.assert_close(scale, scale[:, :, :1, :1].expand_as(scale))


@each(("depth", "classes"), [(20, 10), (32, 100), (44, 100), (56, 10), (110, 100)])
def test_published_depths_have_the_sizes_of_the_formula(depth, classes):
    expansion = 1 if depth in (20, 32) else 4
    with torch.device("meta"):
        parts = cifar_resnet(depth, classes)
        baseline, whole = BaselineNet(parts), AttentionBranchNet(parts, classes)
    base, branch = residual_sizes((16, 32, 64), (depth - 2) // 6, expansion, classes)
    assert (count_parameters(baseline), count_parameters(whole)) == (base, base + branch)


@each(("depth", "layers"), [(20, 20), (32, 32), (44, 65), (56, 83), (110, 164), (8, 8), (38, 38), (50, 74)])
def test_depths_from_44_on_have_bottlenecks_and_more_layers_than_their_name(depth, layers):
    with torch.device("meta"):
        parts = cifar_resnet(depth, 7)
    path = [parts.extractor, parts.perception, parts.top]
    kinds = (nn.Conv2d, nn.Linear)
    shortcuts = [module.shortcut for part in path for module in part.modules() if getattr(module, "shortcut", None) is not None]
    assert sum(isinstance(module, kinds) for part in path for module in part.modules()) - len(shortcuts) == layers


@each(
    ("options", "blocks", "expansion", "widths"),
    [
        ({"depth": 20, "blocks": 1}, 1, 1, (16, 32, 64)),
        ({"depth": 56, "blocks": 2, "widths": (3, 5, 7)}, 2, 4, (3, 5, 7)),
        ({"depth": 14, "widths": (4, 6, 8)}, 2, 1, (4, 6, 8)),
    ],
)
def test_blocks_and_widths_can_be_chosen(options, blocks, expansion, widths):
    net = BaselineNet(cifar_resnet(num_classes=6, **options))
    assert count_parameters(net) == residual_sizes(widths, blocks, expansion, 6)[0]
    assert net(torch.rand(2, 3, 16, 16)).logits.shape == (2, 6)


@each("depth", [21, 28, 100, 9])
def test_other_depths_are_refused(depth):
    with pytest.raises(InputError, match=rf"depth must be 6 n \+ 2, for example 20 or 110, got {depth}"):
        cifar_resnet(depth, 10)


@each("depth", [2, 7, -4, 20.0, True, "20"])
def test_depths_that_are_no_number_of_layers_are_refused(depth):
    with pytest.raises(InputError, match="depth must be a whole number of at least 8"):
        cifar_resnet(depth, 10)


@each(
    ("depth", "size", "expected"),
    [
        (20, (32, 32), [(32, 16, 16), (64, 16, 16), (64, 8, 8)]),
        (110, (32, 32), [(128, 16, 16), (256, 16, 16), (256, 8, 8)]),
        (20, (30, 41), [(32, 15, 21), (64, 15, 21), (64, 8, 11)]),
    ],
)
def test_the_attention_stage_keeps_the_resolution(depth, size, expected):
    with torch.device("meta"):
        parts = cifar_resnet(depth, 5)
    assert sizes_of(parts, size) == expected
    assert (parts.channels, parts.attention_channels, parts.perception_channels) == tuple(channels for channels, *_ in expected)
    assert parts.stride == 4


def test_a_strided_stem_halves_once_more():
    with torch.device("meta"):
        parts = residual_parts(5, widths=(4, 6, 8), blocks=1, expansion=4, stem_stride=2)
    assert sizes_of(parts, (48, 48)) == [(24, 12, 12), (32, 12, 12), (32, 6, 6)]
    assert parts.stride == 8


@each("make", [cifar_resnet, None])
def test_statistics_of_the_images_can_be_chosen(make):
    options = {"mean": (0.1, 0.2, 0.3), "std": (1.0, 2.0, 4.0)}
    parts = cifar_resnet(20, 5, **options) if make else resnext(5, depth=11, cardinality=2, widths=(8, 8, 8, 8), **options)
    normalise = parts.extractor[0]
    found = normalise(torch.ones(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(found, torch.tensor([0.9, 0.4, 0.175]))


def test_resnext_has_groups_and_blocks_of_the_paper():
    with torch.device("meta"):
        parts = resnext(10)
    assert sizes_of(parts, (32, 32)) == [(512, 16, 16), (1024, 16, 16), (1024, 8, 8)]
    assert (parts.channels, parts.attention_channels, parts.perception_channels, parts.stride) == (512, 1024, 1024, 4)
    convs = [module for module in parts.perception.modules() if isinstance(module, nn.Conv2d)]
    wide = [conv for conv in convs if conv.kernel_size == (3, 3)]
    # 8 x 64d of the first stage has become 8 x 256d here; three blocks.
    assert [(conv.in_channels, conv.out_channels, conv.groups) for conv in wide] == [(2048, 2048, 8)] * 3
    assert [conv.stride for conv in wide] == [(2, 2), (1, 1), (1, 1)]
    first = next(module for module in parts.extractor.modules() if isinstance(module, nn.Conv2d) and module.groups > 1)
    assert (first.in_channels, first.groups) == (512, 8)


def test_small_resnext_runs_and_a_depth_below_one_block_is_refused():
    net = AttentionBranchNet(resnext(4, depth=20, cardinality=2, widths=(8, 16, 16, 32)), 4)
    assert net(torch.rand(2, 3, 8, 8)).maps.shape == (2, 1, 4, 4)
    convs = [module for module in net.perception.modules() if isinstance(module, nn.Conv2d) and module.groups == 2]
    assert [(conv.in_channels, conv.out_channels) for conv in convs] == [(16, 16)] * 2
    with pytest.raises(InputError, match="depth must be a whole number of at least 11"):
        resnext(4, depth=2)
