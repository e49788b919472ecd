from collections import Counter

import pytest
import timm
import torch
from mtattr.attention_branch import AttentionBranchNet, BaselineNet, ClassActivationNet, MultitaskAttentionBranchNet
from mtattr.attention_branch.backbones import DEPTHS, PAPER_BACKBONES, SMALL_BACKBONES, SMALL_WIDTHS, build_parts, matching_factor
from mtattr.errors import InputError
from mtattr.evaluation import count_parameters
from safetensors.torch import save_file
from torch import nn

from cases import each
from reference import residual_sizes

K = 6
#: Small relatives whose last stage is made of plain residual blocks.
RESIDUAL = ["resnet20", "resnet32", "resnet44", "resnet56", "resnet110", "resnext", "resnet101", "resnet152"]
PHOTOGRAPHS = ["resnet101", "resnet152", "seresnet152"]


def small(name, **how):
    torch.manual_seed(0)
    return build_parts(name, K, small=True, **how)


def on_meta(name, outputs, **how):
    with torch.device("meta"):
        return build_parts(name, outputs, **how)


@each("name", SMALL_BACKBONES)
@each("make", [BaselineNet, lambda parts: AttentionBranchNet(parts, K), lambda parts: ClassActivationNet(parts, K)])
def test_every_small_relative_trains_on_digits(name, make):
    net = make(small(name))
    output = net(torch.rand(3, 3, 32, 32))
    assert output.logits.shape == (3, K)
    output.logits.square().sum().backward()
    moved = [value.grad.abs().max() > 0 for value in net.parameters() if value.grad is not None]
    assert sum(moved) > 0.8 * len(moved)


@each("name", RESIDUAL)
def test_residual_relatives_can_have_a_map_for_each_attribute(name):
    net = MultitaskAttentionBranchNet(K, small(name))
    output = net(torch.rand(2, 3, 32, 32))
    assert output.maps.shape[:2] == output.logits.shape == (2, K)


@each("name", [name for name in SMALL_BACKBONES if name not in RESIDUAL])
def test_others_can_not(name):
    with pytest.raises(InputError):
        MultitaskAttentionBranchNet(K, small(name))


@each("name", SMALL_BACKBONES)
@each("size", [(32, 32), (44, 64)])
def test_attention_keeps_the_resolution_that_the_last_stage_halves(name, size):
    parts = small(name)
    with torch.no_grad():
        g = parts.extractor(torch.rand(1, 3, *size))
        attention, last = parts.attention(g), parts.perception(g)
    assert g.shape[1] == parts.channels
    assert attention.shape[1:] == (parts.attention_channels, *g.shape[2:])
    kept = name == "densenet"  # its last block has no stride
    assert all(
        here == side if kept else 2 * here in (side - 1, side, side + 1) for side, here in zip(g.shape[2:], last.shape[2:], strict=True)
    )
    assert parts.perception_channels in (None, last.shape[1])
    assert all(side // parts.stride <= here <= -(-side // parts.stride) for side, here in zip(size, last.shape[2:], strict=True))


@each("name", [name for name in SMALL_BACKBONES if name in PAPER_BACKBONES])
def test_a_relative_has_the_kinds_of_block_of_the_paper_and_fewer_of_them(name):
    ours, theirs = small(name), on_meta(name, K, small=False)

    def kinds(parts):
        kernels = Counter()
        for module in parts.perception.modules():
            if isinstance(module, nn.Conv2d):
                kernels[module.kernel_size, module.groups > 1] += 1
        return kernels

    assert kinds(ours).keys() == kinds(theirs).keys()
    small_size, paper_size = (count_parameters(BaselineNet(parts)) for parts in (ours, theirs))
    assert small_size < 0.2 * paper_size


@each("depth", DEPTHS)
def test_small_residual_networks_have_the_blocks_of_their_depth(depth):
    # Bottlenecks from 44 on, as in the released code.
    base, branch = residual_sizes(SMALL_WIDTHS, DEPTHS[depth], 1 if depth < 44 else 4, K)
    assert count_parameters(BaselineNet(small(f"resnet{depth}"))) == base
    assert count_parameters(AttentionBranchNet(small(f"resnet{depth}"), K)) == base + branch


@each("kind", [(20, 32), (44, 56, 110)])
def test_deeper_ones_of_a_kind_have_more_blocks(kind):
    blocks = [DEPTHS[depth] for depth in kind]
    assert blocks == sorted(set(blocks))


def test_small_networks_of_photographs_have_bottlenecks_with_and_without_squeeze():
    for name, blocks in (("resnet101", 1), ("resnet152", 2)):
        assert count_parameters(BaselineNet(small(name))) == residual_sizes(SMALL_WIDTHS, blocks, 4, K)[0]
    squeezed = count_parameters(BaselineNet(small("seresnet152"))) - count_parameters(BaselineNet(small("resnet152")))
    # Two blocks a stage, each through a sixteenth of its outputs.
    assert squeezed == 2 * sum(2 * c * (c // 16) + c + c // 16 for c in (4 * width for width in SMALL_WIDTHS))


@each("name", SMALL_BACKBONES)
def test_drawn_images_have_mean_and_deviation_of_their_own(name):
    normalise = small(name).extractor[0]
    assert normalise(torch.full((1, 3, 1, 1), 0.75)).flatten().tolist() == [1.0] * 3


@each("name", ["resnet20", "wrn", "densenet", "resnext"])
def test_the_papers_networks_of_small_images_have_the_statistics_of_cifar(name):
    normalise = build_parts(name, K, small=False, factor=0.5).extractor[0]
    torch.testing.assert_close(normalise(torch.full((1, 3, 1, 1), 0.4914)).flatten()[0], torch.tensor(0.0))


@each("name", ["vgg16", "resnet101"])
def test_the_papers_networks_of_photographs_have_the_statistics_of_imagenet(name):
    normalise = build_parts(name, K, small=False, factor=0.25).extractor[0]
    expected = [(0.5 - mean) / std for mean, std in zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)]
    torch.testing.assert_close(normalise(torch.full((1, 3, 1, 1), 0.5)).flatten(), torch.tensor(expected))


@each("name", PHOTOGRAPHS)
@each("stem_stride", [1, 2, 3])
def test_the_stem_of_photographs_can_have_a_stride(name, stem_stride):
    parts = small(name, stem_stride=stem_stride)
    assert parts.stride == 4 * stem_stride
    assert parts.extractor(torch.rand(1, 3, 48, 48)).shape[2:] == (48 // stem_stride // 2,) * 2


@each(
    ("name", "expected"),
    [
        ("resnet20", 278_324),
        ("resnet32", 472_756),
        ("resnet44", 707_188),
        ("resnet56", 892_660),
        ("resnet110", 1_727_284),
        ("wrn", 36_536_884),
        ("densenet", 800_032),
        ("resnext", 34_518_948),
    ],
)
def test_the_papers_networks_of_small_images_have_their_size(name, expected):
    assert count_parameters(BaselineNet(on_meta(name, 100, small=False))) == expected


@each(
    ("name", "expected"),
    [("vgg16", 138_365_992), ("resnet18", 11_689_512), ("resnet50", 25_557_032), ("resnet152", 60_192_808), ("seresnet152", 66_821_848)],
)
def test_the_papers_networks_of_photographs_have_their_size(name, expected):
    assert count_parameters(BaselineNet(on_meta(name, 1000, small=False))) == expected


AT_PAPER_SCALE = ["resnet20", "vgg16"]


@each(("name", "is_small"), [*((name, True) for name in SMALL_BACKBONES), *((name, False) for name in AT_PAPER_SCALE)])
def test_the_matched_baseline_is_as_large_as_the_network_with_attention(name, is_small):
    factor = matching_factor(name, K, small=is_small)
    goal = count_parameters(AttentionBranchNet(on_meta(name, K, small=is_small), K))
    baseline, matched = (count_parameters(BaselineNet(on_meta(name, K, small=is_small, factor=f))) for f in (1.0, factor))
    assert baseline < goal
    assert matched == pytest.approx(goal, rel=0.08)
    assert factor * 64 == round(factor * 64)
    # One step of 1/64 up or down is no nearer.
    for other in (factor - 1 / 64, factor + 1 / 64) if is_small else ():
        assert abs(count_parameters(BaselineNet(on_meta(name, K, small=True, factor=other))) - goal) >= abs(matched - goal)


@each("name", ["resnet20", "resnet110", "resnet101", "resnet152", "seresnet152", "vgg16"])
def test_narrow_networks_are_matched_by_narrow_ones(name):
    factor = matching_factor(name, K, small=True, factor=0.5, stem_stride=2)
    assert 0.5 < factor < 1
    goal = count_parameters(AttentionBranchNet(small(name, factor=0.5), K))
    assert count_parameters(BaselineNet(small(name, factor=factor))) == pytest.approx(goal, rel=0.08)


def test_matching_counts_the_outputs():
    few, many = (matching_factor("resnet110", outputs, small=True) for outputs in (2, 200))
    goal = count_parameters(AttentionBranchNet(on_meta("resnet110", 200, small=True), 200))
    assert few != many
    assert count_parameters(BaselineNet(on_meta("resnet110", 200, small=True, factor=many))) == pytest.approx(goal, rel=0.08)


@each(("name", "is_small"), [("resnet20", True), ("vgg16", True), ("resnet101", True), ("resnet101", False)])
def test_a_factor_widens_all_that_matters(name, is_small):
    sizes = [count_parameters(BaselineNet(on_meta(name, K, small=is_small, factor=factor))) for factor in (1.0, 1.5, 2.0)]
    assert sizes == sorted(sizes)
    assert 2 < sizes[2] / sizes[0] < 4.2


@each("name", ["resnet20", "resnet110", "wrn", "densenet", "resnext"])
def test_weights_are_for_photographs_alone(name):
    with pytest.raises(InputError, match="weights exist for networks of photographs only"):
        build_parts(name, K, small=False, weights="any.safetensors")


@each("name", ["resnet101", "resnet20"])
def test_small_networks_take_no_weights(name):
    with pytest.raises(InputError, match=f"weights need scale paper; {name} is small here"):
        build_parts(name, K, small=True, weights="any.safetensors")


def test_weights_reach_the_papers_network(tmp_path):
    torch.manual_seed(1)
    given = timm.create_model("resnet18", num_classes=2)
    save_file(given.state_dict(), tmp_path / "resnet18.safetensors")
    for path in (tmp_path / "resnet18.safetensors", str(tmp_path / "resnet18.safetensors")):
        parts = build_parts("resnet18", K, small=False, weights=path)
        assert torch.equal(parts.perception[0].conv1.weight, given.layer4[0].conv1.weight)
        assert torch.equal(parts.attention[0].conv1.weight, given.layer4[0].conv1.weight)
    with pytest.raises(InputError, match=r"vgg16_bn are missing"):
        build_parts("vgg16", K, small=False, factor=0.05, weights=tmp_path / "resnet18.safetensors")


@each("is_small", [True, False])
def test_unknown_names_are_refused_with_a_list(is_small):
    with pytest.raises(InputError, match="backbone 'vgg99' is unknown; there are resnet20, resnet32"):
        build_parts("vgg99", K, small=is_small)


def test_not_every_network_has_a_small_relative():
    with pytest.raises(InputError, match="backbone 'resnet18' is unknown"):
        build_parts("resnet18", K, small=True)
    assert set(SMALL_BACKBONES) < set(PAPER_BACKBONES)


def test_every_relative_can_be_narrow():
    for name in SMALL_BACKBONES:
        assert BaselineNet(small(name, factor=0.5)).eval()(torch.rand(1, 3, 32, 32)).logits.shape == (1, K)


def test_what_can_not_be_widened_is_refused_by_one_line():
    with pytest.raises(InputError):
        matching_factor("resnet18", K, small=False)
