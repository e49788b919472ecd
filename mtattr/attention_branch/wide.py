"""Wide residual and densely connected networks for CIFAR, cut in parts (Zagoruyko and Komodakis 2016; Huang et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtattr.attention_branch.parts import Parts, pooled_linear
from mtattr.errors import whole_number
from mtattr.nets.normalise import CIFAR_MEAN, CIFAR_STD, Normalise


class PreActivationBlock(nn.Module):
    """Batch norm and ReLU before each of two 3x3 convolutions, dropout between them; the sum is not activated."""

    def __init__(self, inputs: int, outputs: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)])
        self.convs = nn.ModuleList(
            [
                nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
                nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            ]
        )
        self.dropout = nn.Dropout(dropout)
        self.shortcut = (
            nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            if stride != 1 or inputs != outputs
            else None
        )

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
    """WRN of (depth - 4) / 6 blocks a stage, `widen` times as wide as `base`, 2 `base` and 4 `base` channels.

    The paper's text has widen 4, its numbers are those of 10. Source: Zagoruyko and Komodakis 2016; released code.
    """
    whole_number("depth", depth, 10)
    whole_number("widen", widen)

    def stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
        blocks = (depth - 4) // 6
        return nn.Sequential(
            *(
                PreActivationBlock(outputs if i else inputs, outputs, 1 if i else stride, dropout)
                for i in range(blocks)
            )
        )

    first, second, third = (base * widen * factor for factor in (1, 2, 4))
    return Parts(
        extractor=nn.Sequential(
            Normalise(mean, std),
            nn.Conv2d(3, base, 3, padding=1, bias=False),
            stage(base, first, 1),
            stage(first, second, 2),
        ),
        attention=stage(second, third, 1),
        perception=nn.Sequential(
            stage(second, third, 2), nn.BatchNorm2d(third), nn.ReLU(inplace=True)
        ),
        top=pooled_linear(third, num_classes),
        channels=second,
        attention_channels=third,
        perception_channels=third,
        stride=4,
    )


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
    """DenseNet-BC with (depth - 4) / 6 layers a block and compression 1/2.

    The attention branch is a dense block at the resolution of the last one, which has no stride to remove.
    Source: Huang et al. 2017; released code.
    """
    whole_number("depth", depth, 10)
    layers = (depth - 4) // 6

    def block(inputs: int) -> nn.Sequential:
        return nn.Sequential(*(DenseLayer(inputs + i * growth, growth) for i in range(layers)))

    def transition(inputs: int) -> nn.Sequential:
        # Odd sides round up, as with strided convolutions; even ones, all of the paper's, know no difference.
        pool = nn.AvgPool2d(2, ceil_mode=True)
        return nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(inputs, inputs // 2, 1, bias=False),
            pool,
        )

    channels, trunk = (
        2 * growth,
        [Normalise(mean, std), nn.Conv2d(3, 2 * growth, 3, padding=1, bias=False)],
    )
    for _ in range(2):
        trunk += [block(channels), transition(channels + layers * growth)]
        channels = (channels + layers * growth) // 2
    outputs = channels + layers * growth
    return Parts(
        extractor=nn.Sequential(*trunk),
        attention=block(channels),
        perception=nn.Sequential(block(channels), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)),
        top=pooled_linear(outputs, num_classes),
        channels=channels,
        attention_channels=outputs,
        perception_channels=outputs,
        stride=4,
    )
