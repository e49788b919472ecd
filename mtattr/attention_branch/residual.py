"""Residual networks of CIFAR, ResNeXt and small relatives of ImageNet's, cut in parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from mtattr.attention_branch.parts import Parts
from mtattr.errors import InputError, whole_number
from mtattr.nets.normalise import CIFAR_MEAN, CIFAR_STD, Normalise

#: From this depth on the released CIFAR networks have bottlenecks in place of basic blocks.
FIRST_BOTTLENECK_DEPTH = 44


class ResidualBlock(nn.Module):
    """Convolutions with batch norm and ReLU between them, plus a shortcut; then ReLU.

    The shortcut is a 1x1 convolution with batch norm where shape or stride changes, else the input.

    Args:
        sizes: (outputs, kernel, stride, groups) per convolution.
        squeeze: module on the last map before the sum, for example squeeze and excitation.

    Source: He et al. 2016, Fig. 5.
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
            how = {"stride": stride, "padding": kernel // 2, "groups": groups, "bias": False}
            convs.append(nn.Conv2d(channels, outputs, kernel, **how))
            norms.append(nn.BatchNorm2d(outputs))
            channels = outputs
        self.convs, self.norms, self.squeeze = nn.ModuleList(convs), nn.ModuleList(norms), squeeze
        stride, self.shortcut = math.prod(size[2] for size in sizes), None
        if stride != 1 or channels != inputs:
            conv = nn.Conv2d(inputs, channels, 1, stride, bias=False)
            self.shortcut = nn.ModuleList([conv, nn.BatchNorm2d(channels)])

    def forward(self, x: Tensor) -> Tensor:
        """`(B, inputs, H, W)` to `(B, outputs, H / stride, W / stride)`."""
        inner = x
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            inner = norm(conv(F.relu(inner, inplace=True) if i else inner))
        if self.squeeze is not None:
            inner = self.squeeze(inner)
        shortcut = x if self.shortcut is None else self.shortcut[1](self.shortcut[0](x))
        return F.relu(inner + shortcut)


def residual_stage(
    inputs: int,
    width: int,
    blocks: int,
    *,
    stride: int,
    expansion: int = 1,
    groups: int = 1,
    squeeze: bool = False,
) -> nn.Sequential:
    """`blocks` residual blocks, the first with `stride`: `inputs` to `expansion * width` channels.

    Args:
        expansion: 1 for two 3x3 convolutions (basic), else 1x1, 3x3 and 1x1 (bottleneck).
        groups: of a bottleneck's 3x3, which has `groups * width` channels and the stride.
        squeeze: squeeze and excitation by 16 (Hu et al. 2018).
    """
    made, outputs, middle = [], expansion * width, groups * width
    for i in range(blocks):
        here = stride if i == 0 else 1
        sizes = [(middle, 1, 1, 1), (middle, 3, here, groups), (outputs, 1, 1, 1)]
        if expansion == 1:
            sizes = [(width, 3, here, 1), (width, 3, 1, 1)]
        made.append(ResidualBlock(inputs, sizes, _squeeze(outputs) if squeeze else None))
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
    stem: int | None = None,
    stem_stride: int = 1,
    mean: Sequence[float] = CIFAR_MEAN,
    std: Sequence[float] = CIFAR_STD,
    **options: Any,
) -> Parts:
    """A 3x3 stem and three stages of `blocks` residual blocks; attention works on the last one.

    The first two stages are the extractor; g has half the stem's side.

    Args:
        widths: of the three stages, before `expansion`.
        stem: channels of the stem, as many as the first width by default.
        mean, std: input statistics of images in [0, 1].
        options: `groups` and `squeeze` of `residual_stage`.
    """
    first, second, third = widths
    stem, inputs = stem or first, second * expansion
    options |= {"expansion": expansion}
    extractor = nn.Sequential(
        Normalise(mean, std),
        nn.Conv2d(3, stem, 3, stem_stride, 1, bias=False),
        nn.BatchNorm2d(stem),
        nn.ReLU(inplace=True),
        residual_stage(stem, first, blocks, stride=1, **options),
        residual_stage(first * expansion, second, blocks, stride=2, **options),
    )
    attention = residual_stage(inputs, third, blocks, stride=1, **options)
    perception = residual_stage(inputs, third, blocks, stride=2, **options)
    sizes = {"channels": inputs, "outputs": third * expansion, "stride": 4 * stem_stride}
    return Parts.pooled(num_classes, extractor, attention, perception, **sizes)


def cifar_resnet(
    depth: int,
    num_classes: int,
    *,
    widths: Sequence[int] = (16, 32, 64),
    blocks: int | None = None,
    **images: Sequence[float],
) -> Parts:
    """The released CIFAR ResNet: (depth - 2) / 6 basic blocks per stage, bottlenecks from 44 on.

    With bottlenecks there are 9 n + 2 weight layers for a depth of 6 n + 2, so "110" has 164.

    Args:
        blocks: per stage, for smaller networks with the same kind of block.
        images: `mean` and `std` of `residual_parts`.

    Source: released code; depths of Table 1.
    """
    whole_number("depth", depth, 8)
    if (depth - 2) % 6:
        raise InputError(f"depth must be 6 n + 2, for example 20 or 110, got {depth}")
    kind = 1 if depth < FIRST_BOTTLENECK_DEPTH else 4
    blocks = blocks or (depth - 2) // 6
    return residual_parts(num_classes, widths=widths, blocks=blocks, expansion=kind, **images)


def resnext(
    num_classes: int,
    *,
    depth: int = 29,
    cardinality: int = 8,
    widths: Sequence[int] = (64, 256, 512, 1024),
    **images: Sequence[float],
) -> Parts:
    """ResNeXt of 9 n + 2 layers for CIFAR, 8 x 64d by default. The paper's "depth 28" is 29.

    Args:
        cardinality: groups of every 3x3, which has cardinality * output / 4 channels.
        widths: of the stem and of the outputs of the three stages.
        images: `mean` and `std` of `residual_parts`.

    Source: Xie et al. 2017; released code.
    """
    whole_number("depth", depth, 11)
    stem, *outputs = widths
    images |= {"widths": [width // 4 for width in outputs], "blocks": (depth - 2) // 9}
    return residual_parts(num_classes, expansion=4, stem=stem, groups=cardinality, **images)
