"""Residual networks of CIFAR, ResNeXt and small ones like ImageNet's, cut in parts (He et al. 2016; Xie et al. 2017)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mtattr.attention_branch.parts import Parts, pooled_linear
from mtattr.errors import InputError, whole_number
from mtattr.nets.normalise import CIFAR_MEAN, CIFAR_STD, Normalise

#: From this depth on the released CIFAR networks have bottleneck blocks, but as many of them as the name says of basic ones.
FIRST_BOTTLENECK_DEPTH = 44


class ResidualBlock(nn.Module):
    """Convolutions with batch norm, ReLU between them, added to a shortcut; then ReLU (He et al. 2016, Fig. 5).

    sizes: (outputs, kernel, stride, groups) of each convolution. squeeze: a module on the last map before the sum, for example
    squeeze and excitation. The shortcut is a 1x1 convolution with batch norm where shape or stride changes, else the input.
    `forward` maps `(B, inputs, H, W)` to `(B, outputs, H / stride, W / stride)`.
    """

    def __init__(
        self,
        inputs: int,
        sizes: Sequence[tuple[int, int, int, int]],
        squeeze: nn.Module | None = None,
    ) -> None:
        super().__init__()
        convs, norms, channels = [], [], inputs
        for outputs, kernel, stride, groups in sizes:
            convs.append(
                nn.Conv2d(channels, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
            )
            norms.append(nn.BatchNorm2d(outputs))
            channels = outputs
        self.convs, self.norms, self.squeeze = nn.ModuleList(convs), nn.ModuleList(norms), squeeze
        stride = math.prod(size[2] for size in sizes)
        self.shortcut = None
        if stride != 1 or channels != inputs:
            self.shortcut = nn.ModuleList(
                [nn.Conv2d(inputs, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)]
            )

    def forward(self, x: Tensor) -> Tensor:
        """The block's feature map."""
        inner = x
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            inner = norm(conv(F.relu(inner, inplace=True) if i else inner))
        if self.squeeze is not None:
            inner = self.squeeze(inner)
        return F.relu(
            inner + (x if self.shortcut is None else self.shortcut[1](self.shortcut[0](x)))
        )


def residual_stage(
    inputs: int,
    width: int,
    blocks: int,
    *,
    stride: int,
    expansion: int = 1,
    groups: int = 1,
    inner: int | None = None,
    squeeze: bool = False,
) -> nn.Sequential:
    """`blocks` residual blocks, the first with `stride`: `inputs` to `expansion * width` channels.

    expansion 1: two 3x3 convolutions (basic); else 1x1, 3x3 with the stride and `groups`, 1x1 (bottleneck) with `inner` channels,
    `width` unless given. squeeze: squeeze and excitation by 16 (Hu et al. 2018).
    """
    made, outputs, middle = [], expansion * width, inner or width
    for i in range(blocks):
        here = stride if i == 0 else 1
        basic = [(width, 3, here, 1), (width, 3, 1, 1)]
        bottleneck = [(middle, 1, 1, 1), (middle, 3, here, groups), (outputs, 1, 1, 1)]
        made.append(
            ResidualBlock(
                inputs,
                basic if expansion == 1 else bottleneck,
                _squeeze(outputs) if squeeze else None,
            )
        )
        inputs = outputs
    return nn.Sequential(*made)


def _squeeze(channels: int) -> nn.Module:
    from timm.layers import SqueezeExcite

    return SqueezeExcite(channels, rd_ratio=1 / 16, rd_divisor=1)


def residual_parts(
    num_classes: int,
    *,
    widths: Sequence[int],
    blocks: int,
    expansion: int,
    stem_stride: int = 1,
    squeeze: bool = False,
    mean: Sequence[float] = CIFAR_MEAN,
    std: Sequence[float] = CIFAR_STD,
) -> Parts:
    """A 3x3 stem and three stages of `blocks` residual blocks; the last one is the stage that attention works on.

    widths: of the three stages, before `expansion`. The first two stages are the extractor; g has half the stem's side.
    """
    first, second, third = widths
    how = {"expansion": expansion, "squeeze": squeeze}
    stem = [
        Normalise(mean, std),
        nn.Conv2d(3, first, 3, stem_stride, 1, bias=False),
        nn.BatchNorm2d(first),
        nn.ReLU(inplace=True),
    ]
    inputs, outputs = second * expansion, third * expansion
    return Parts(
        extractor=nn.Sequential(
            *stem,
            residual_stage(first, first, blocks, stride=1, **how),
            residual_stage(first * expansion, second, blocks, stride=2, **how),
        ),
        attention=residual_stage(inputs, third, blocks, stride=1, **how),
        perception=residual_stage(inputs, third, blocks, stride=2, **how),
        top=pooled_linear(outputs, num_classes),
        channels=inputs,
        attention_channels=outputs,
        perception_channels=outputs,
        stride=4 * stem_stride,
    )


def cifar_resnet(
    depth: int,
    num_classes: int,
    *,
    widths: Sequence[int] = (16, 32, 64),
    blocks: int | None = None,
    mean: Sequence[float] = CIFAR_MEAN,
    std: Sequence[float] = CIFAR_STD,
) -> Parts:
    """The released CIFAR ResNet of a depth of 6 n + 2: n = (depth - 2) / 6 basic blocks a stage, bottleneck blocks from 44 on.

    With bottlenecks there are 9 n + 2 weight layers, so "110" has 164. blocks: n instead, for smaller networks of the
    same kind of block. Raises `InputError` for another depth. Source: released code; depths of Table 1.
    """
    whole_number("depth", depth, 8)
    if (depth - 2) % 6:
        raise InputError(f"depth must be 6 n + 2, for example 20 or 110, got {depth}")
    kind = 1 if depth < FIRST_BOTTLENECK_DEPTH else 4
    return residual_parts(
        num_classes,
        widths=widths,
        blocks=blocks or (depth - 2) // 6,
        expansion=kind,
        mean=mean,
        std=std,
    )


def resnext(
    num_classes: int,
    *,
    depth: int = 29,
    cardinality: int = 8,
    widths: Sequence[int] = (64, 256, 512, 1024),
    mean: Sequence[float] = CIFAR_MEAN,
    std: Sequence[float] = CIFAR_STD,
) -> Parts:
    """ResNeXt of 9 n + 2 layers for CIFAR, `cardinality` groups, the 3x3 twice as wide as the stage by default (8 x 64d).

    widths: of the stem and the outputs of the three stages; within a block there are cardinality * output / 4 channels.
    Source: Xie et al. 2017; released code. The paper's "depth 28" is 29.
    """
    whole_number("depth", depth, 11)
    stem, *outputs = widths
    blocks = (depth - 2) // 9

    def stage(inputs: int, width: int, stride: int) -> nn.Sequential:
        how = {"groups": cardinality, "inner": cardinality * width // 4}
        # The width of a bottleneck is a quarter of its outputs.
        return residual_stage(inputs, width // 4, blocks, stride=stride, expansion=4, **how)

    first, second, third = outputs
    return Parts(
        extractor=nn.Sequential(
            Normalise(mean, std),
            nn.Conv2d(3, stem, 3, padding=1, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(inplace=True),
            stage(stem, first, 1),
            stage(first, second, 2),
        ),
        attention=stage(second, third, 1),
        perception=stage(second, third, 2),
        top=pooled_linear(third, num_classes),
        channels=second,
        attention_channels=third,
        perception_channels=third,
        stride=4,
    )
