import copy

import pytest
import timm
import torch
from mtattr.attention_branch import ResidualBlock, TaskStage
from mtattr.attention_branch.residual import residual_stage
from mtattr.attention_branch.task_norm import STATISTICS
from mtattr.errors import InputError
from torch import nn

from cases import each
from reference import task_passes

T = 3
ALL = slice(0, T)
#: Inputs, width, blocks and options of stages whose first block has a shortcut with weights, or none.
STAGES = {
    "basic": (4, 3, 2, {"stride": 2}),
    "basic, kept": (3, 3, 2, {"stride": 1}),
    "bottleneck": (4, 2, 2, {"stride": 2, "expansion": 4}),
    "bottleneck, kept": (8, 2, 2, {"stride": 1, "expansion": 4}),
}


def plain_stage(name):
    inputs, width, blocks, options = STAGES[name]
    torch.manual_seed(0)
    stage = residual_stage(inputs, width, blocks, **options)
    with torch.no_grad():
        for module in stage.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                for value in (module.bias, module.running_mean):
                    value.normal_(std=0.3)
                module.running_var.uniform_(0.5, 1.5)
    return stage


def inputs_of(name, *, batch=3, tasks=T, size=(7, 6)):
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(batch, STAGES[name][0], *size, generator=generator, dtype=torch.float64)
    return features, torch.randn(batch, tasks, *size, generator=generator, dtype=torch.float64)


def passed(stage, features, gates, tasks=ALL, *, shared, **how):
    """The passes of a task stage, with shared work or without."""
    return stage(features, tasks, gates=gates, **how) if shared else stage(gates.unsqueeze(2) * features.unsqueeze(1), tasks, **how)


def textbook(stage, features, gates, statistics, training):
    """The oracle's answer, with the very weights of a task stage."""

    def pair(conv, norm):
        return (conv.weight, conv.stride[0], conv.padding[0]), (norm.weight, norm.bias, norm.running_mean, norm.running_var)

    blocks = []
    for block in stage.blocks:
        layers = [pair(conv, norm) for conv, norm in zip(block.convs, block.norms, strict=True)]
        blocks.append((layers, None if block.shortcut is None else pair(block.shortcut, block.shortcut_norm)))
    return task_passes(blocks, features, gates, statistics=statistics, training=training)


def running_of(stage):
    norms = [norm for block in stage.blocks for norm in (*block.norms, *([block.shortcut_norm] if block.shortcut else []))]
    return [value for norm in norms for value in (norm.running_mean, norm.running_var)]


@each("training", [True, False])
@each("statistics", STATISTICS)
@each("shared", [True, False])
@each("name", STAGES)
def test_equals_a_plain_stage_passed_for_one_task_after_the_other(name, shared, statistics, training):
    stage = TaskStage(plain_stage(name), T, statistics).double().train(training)
    oracle = copy.deepcopy(stage)
    found, given = [], [inputs_of(name), inputs_of(name)]
    for way, tensors in zip(("ours", "textbook"), given, strict=True):
        leaves = [tensor.requires_grad_() for tensor in tensors]
        if way == "ours":
            made, running = passed(stage, *leaves, shared=shared), running_of(stage)
        else:
            made, running = textbook(oracle, *leaves, statistics, training)
        pull = torch.randn(made.shape, generator=torch.Generator().manual_seed(2), dtype=made.dtype)
        of = dict((stage if way == "ours" else oracle).named_parameters())
        found.append([made, *running, *torch.autograd.grad((made * pull).sum(), [*leaves, *of.values()])])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    assert found[0][0].std() > 0.1


@each("training", [True, False])
@each("shared", [True, False])
@each("name", STAGES)
def test_takes_weights_and_statistics_of_the_plain_stage_over(name, shared, training):
    plain = plain_stage(name)
    stage = TaskStage(copy.deepcopy(plain), T).double().train(training)
    plain.double().train(training)
    features, gates = inputs_of(name)
    found = passed(stage, features, gates, shared=shared)
    for t in range(T):
        expected = copy.deepcopy(plain)(gates[:, t : t + 1] * features)
        torch.testing.assert_close(found[:, t], expected, rtol=0, atol=1e-10)


@each("shared", [True, False])
def test_eq_4_by_hand(shared):
    # One 1x1 convolution that doubles, hardly a norm (mean 0, variance 1), and the input as shortcut: 3 M g, if above 0.
    block = ResidualBlock(1, [(1, 1, 1, 1)])
    with torch.no_grad():
        block.convs[0].weight.fill_(2)
    stage = TaskStage(nn.Sequential(block), 2).eval()
    features = torch.tensor([[[[1.0, -2.0], [3.0, 4.0]]]])
    gates = torch.tensor([[[[0.5, 0.0], [1.0, -1.0]], [[-1.0, -1.0], [0.0, 2.0]]]])
    found = passed(stage, features, gates, slice(0, 2), shared=shared)
    expected = torch.tensor([[[[[1.5, 0.0], [9.0, 0.0]]], [[[0.0, 6.0], [0.0, 24.0]]]]])
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=0)


@each("statistics", ["task", "sequential"])
@each("shared", [True, False])
@each("name", ["basic", "bottleneck"])
def test_some_tasks_at_a_time_equal_all_at_once(name, shared, statistics):
    whole = TaskStage(plain_stage(name), T, statistics).double()
    parts = copy.deepcopy(whole)
    features, gates = inputs_of(name)
    expected = passed(whole, features, gates, shared=shared)
    pieces = [slice(0, 2), slice(2, 3)]
    found = torch.cat([passed(parts, features, gates[:, tasks], tasks, shared=shared) for tasks in pieces], 1)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    for one, other in zip(running_of(parts), running_of(whole), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


@each("statistics", STATISTICS)
@each("shared", [True, False])
@each("name", STAGES)
def test_without_learning_no_running_statistic_of_any_layer_moves(name, shared, statistics):
    stage = TaskStage(plain_stage(name), T, statistics).double()
    before = [value.clone() for value in running_of(stage)]
    moved = copy.deepcopy(stage)
    expected = passed(moved, *inputs_of(name), shared=shared)
    assert torch.equal(passed(stage, *inputs_of(name), shared=shared, learn=False), expected)
    assert all(torch.equal(a, b) for a, b in zip(running_of(stage), before, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(running_of(moved), before, strict=True))


@each("shared", [True, False])
@each("name", STAGES)
def test_inputs_are_left_alone_in_any_layout(name, shared):
    stage, given = TaskStage(plain_stage(name), T).double().eval(), inputs_of(name)
    expected = passed(stage, *(tensor.clone() for tensor in given), shared=shared)
    odd = [tensor.contiguous(memory_format=torch.channels_last) for tensor in given]
    before = [tensor.clone() for tensor in odd]
    stage.to(memory_format=torch.channels_last)
    torch.testing.assert_close(passed(stage, *odd, shared=shared), expected, rtol=0, atol=1e-12)
    assert all(torch.equal(a, b) for a, b in zip(odd, before, strict=True))


def test_tasks_share_all_weights():
    plain = plain_stage("basic")
    count = sum(value.numel() for value in plain.parameters())
    for tasks in (1, 5):
        assert sum(value.numel() for value in TaskStage(plain, tasks).parameters()) == count


@each("name", ["resnet18", "resnet50"])
@each("shared", [True, False])
def test_takes_timms_blocks(name, shared):
    torch.manual_seed(0)
    # Their last stage, two blocks of it are enough.
    theirs = timm.create_model(name, num_classes=0, layers=(1, 1, 1, 2), channels=(1, 1, 1, 2), base_width=64).layer4
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    channels = theirs[0].conv1.in_channels
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(2, channels, 5, 6, generator=generator, dtype=torch.float64)
    gates = torch.randn(2, T, 5, 6, generator=generator, dtype=torch.float64)
    stage = TaskStage(copy.deepcopy(theirs), T).double()
    theirs.double()
    for training in (True, False):
        found = passed(stage.train(training), features, gates, shared=shared, learn=False)
        for t in range(T):
            expected = copy.deepcopy(theirs).train(training)(gates[:, t : t + 1] * features)
            torch.testing.assert_close(found[:, t], expected, rtol=0, atol=1e-10)
    assert found.std() > 0.1


@each(
    ("make", "message"),
    [
        (lambda: nn.Sequential(nn.Conv2d(3, 3, 1)), "expected residual blocks without squeeze and excitation, got Conv2d"),
        (lambda: residual_stage(4, 4, 1, stride=1, expansion=4, squeeze=True), "without squeeze and excitation, got ResidualBlock"),
        (lambda: timm.create_model("seresnet18", num_classes=0).layer1, "without squeeze and excitation, got BasicBlock"),
    ],
)
def test_other_kinds_of_stage_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        TaskStage(make(), T)
