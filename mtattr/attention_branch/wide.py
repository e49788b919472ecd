"""Wide residual and densely connected networks for CIFAR, cut in parts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtattr.attention_branch.parts import Parts
from mtattr.errors import whole_number
from mtattr.nets.normalise import CIFAR_MEAN, CIFAR_STD, Normalise


class PreActivationBlock(nn.Module):
    """Two 3x3 convolutions after batch norm and ReLU, dropout between; the sum is not activated."""

    def __init__(self, inputs: int, outputs: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)])
        first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.convs, self.dropout = nn.ModuleList([first, second]), nn.Dropout(dropout)
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, inputs, H, W)` to `(B, outputs, H / stride, W / stride)`."""
        active = F.relu(self.norms[0](x))
        inner = self.convs[1](self.dropout(F.relu(self.norms[1](self.convs[0](active)))))
        return inner + (x if self.shortcut is None else self.shortcut(active))


def wide_resnet(
    num_classes: int,
    *,
    depth: int = 28,
    widen: int = 10,
    dropout: float = 0.3,
    base: int = 16,
    mean: Sequence[float] = CIFAR_MEAN,
    std: Sequence[float] = CIFAR_STD,
) -> Parts:
    """WRN of (depth - 4) / 6 blocks per stage; widths `widen` times `base`, 2 `base` and 4 `base`.

    The paper's text has widen 4, its numbers are those of 10.
    Source: Zagoruyko and Komodakis 2016; released code.
    """
    whole_number("depth", depth, 10)
    whole_number("widen", widen)

    def stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
        made = [PreActivationBlock(inputs, outputs, stride, dropout)]
        for _ in range((depth - 4) // 6 - 1):
            made.append(PreActivationBlock(outputs, outputs, 1, dropout))
        return nn.Sequential(*made)

    first, second, third = (base * widen * factor for factor in (1, 2, 4))
    stem = Normalise(mean, std), nn.Conv2d(3, base, 3, padding=1, bias=False)
    extractor = nn.Sequential(*stem, stage(base, first, 1), stage(first, second, 2))
    attention = stage(second, third, 1)
    last = stage(second, third, 2), nn.BatchNorm2d(third), nn.ReLU(inplace=True)
    sizes = {"channels": second, "outputs": third, "stride": 4}
    return Parts.pooled(num_classes, extractor, attention, nn.Sequential(*last), **sizes)


class DenseLayer(nn.Module):
    """BN, ReLU, 1x1 to 4 `growth` channels, BN, ReLU, 3x3 to `growth`, appended to the input."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.new = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.ReLU(),
            nn.Conv2d(inputs, 4 * growth, 1, bias=False),
            nn.BatchNorm2d(4 * growth),
            nn.ReLU(inplace=True),
            nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, inputs, H, W)` to `(B, inputs + growth, H, W)`."""
        return torch.cat([x, self.new(x)], dim=1)


def densenet(
    num_classes: int,
    *,
    depth: int = 100,
    growth: int = 12,
    mean: Sequence[float] = CIFAR_MEAN,
    std: Sequence[float] = CIFAR_STD,
) -> Parts:
    """DenseNet-BC with (depth - 4) / 6 layers per block and compression 1/2.

    The attention stage is a dense block at the resolution of the last one, which has no stride.
    Source: Huang et al. 2017; released code.
    """
    whole_number("depth", depth, 10)
    layers = (depth - 4) // 6

    def block(inputs: int) -> nn.Sequential:
        return nn.Sequential(*(DenseLayer(inputs + i * growth, growth) for i in range(layers)))

    channels = 2 * growth
    trunk = [Normalise(mean, std), nn.Conv2d(3, channels, 3, padding=1, bias=False)]
    for _ in range(2):
        wide = channels + layers * growth
        trunk += [
            block(channels),
            nn.Sequential(
                nn.BatchNorm2d(wide),
                nn.ReLU(inplace=True),
                nn.Conv2d(wide, wide // 2, 1, bias=False),
                # Odd sides round up, as with strided convolutions; the paper's are even.
                nn.AvgPool2d(2, ceil_mode=True),
            ),
        ]
        channels = wide // 2
    outputs = channels + layers * growth
    attention = block(channels)
    last = nn.Sequential(block(channels), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
    sizes = {"channels": channels, "outputs": outputs, "stride": 4}
    return Parts.pooled(num_classes, nn.Sequential(*trunk), attention, last, **sizes)
