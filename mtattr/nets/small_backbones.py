"""Small relatives of three published backbones: the same blocks, for images of 16 to 96 px."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def conv_norm(
    inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution without bias, batch norm, ReLU; it divides the sides of a map by `stride`."""
    return nn.Sequential(
        nn.Conv2d(
            inputs, outputs, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False
        ),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class InceptionBlock(nn.Module):
    """Paths of 1x1, 3x3, two 3x3 and pooling, concatenated (Szegedy et al. 2016, Fig. 5)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        width = outputs // 4
        self.point = conv_norm(inputs, width, 1)
        self.three = nn.Sequential(conv_norm(inputs, width, 1), conv_norm(width, width))
        self.five = nn.Sequential(
            conv_norm(inputs, width, 1), conv_norm(width, width), conv_norm(width, width)
        )
        self.pool = nn.Sequential(
            nn.AvgPool2d(3, stride=1, padding=1), conv_norm(inputs, outputs - 3 * width, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, inputs, H, W)` to `(B, outputs, H, W)`."""
        return torch.cat([self.point(x), self.three(x), self.five(x), self.pool(x)], dim=1)


class InceptionResidualBlock(nn.Module):
    """Parallel paths merged by a 1x1 convolution, scaled by 0.2 and added to the input.

    Source: Szegedy et al. 2017, Sec. 3.3.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        width = outputs // 4
        self.enter = conv_norm(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.point = conv_norm(outputs, width, 1)
        self.three = nn.Sequential(conv_norm(outputs, width, 1), conv_norm(width, width))
        self.five = nn.Sequential(
            conv_norm(outputs, width, 1), conv_norm(width, width), conv_norm(width, width)
        )
        self.merge = nn.Conv2d(3 * width, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, inputs, H, W)` to `(B, outputs, H, W)`."""
        x = self.enter(x)
        paths = torch.cat([self.point(x), self.three(x), self.five(x)], dim=1)
        return torch.relu(x + 0.2 * self.merge(paths))


class SeparableBlock(nn.Module):
    """Two depthwise separable convolutions with a shortcut (Chollet 2017, Fig. 5)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.shortcut = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        )
        self.body = nn.Sequential(
            *self._separable(inputs, outputs),
            nn.ReLU(inplace=True),
            *self._separable(outputs, outputs),
        )

    @staticmethod
    def _separable(inputs: int, outputs: int) -> list[nn.Module]:
        depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        return [depthwise, nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]

    def forward(self, x: Tensor) -> Tensor:
        """`(B, inputs, H, W)` to `(B, outputs, H, W)`."""
        return torch.relu(self.body(x) + self.shortcut(x))


BLOCKS = {
    "small_inception": InceptionBlock,
    "small_inception_resnet": InceptionResidualBlock,
    "small_xception": SeparableBlock,
}


class SmallBackbone(nn.Module):
    """A stem and three stages of one kind of block; each stage but the first halves the map.

    `forward` maps `(B, 3, H, W)` to `(B, widths[-1], h, w)`, for three stages with
    h = H / (4 * stem_stride).
    """

    def __init__(
        self, block: type[nn.Module], *, widths: Sequence[int] = (32, 64, 128), stem_stride: int = 2
    ) -> None:
        super().__init__()
        self.num_features = widths[-1]
        self.stem = conv_norm(3, widths[0], 3, stride=stem_stride)
        stages, inputs = [], widths[0]
        for position, width in enumerate(widths):
            pool = nn.Identity() if position == 0 else nn.MaxPool2d(2)
            stages.append(nn.Sequential(pool, block(inputs, width)))
            inputs = width
        self.stages = nn.Sequential(*stages)

    def forward(self, x: Tensor) -> Tensor:
        """The last stage's feature map."""
        return self.stages(self.stem(x))
