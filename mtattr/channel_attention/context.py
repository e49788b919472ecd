"""Context module: dilated convolutions that begin as the identity (Yu and Koltun 2016)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mtattr.errors import number_of_at_least, whole_number

#: Dilations of the seven 3x3 convolutions; a 1x1 follows. Receptive field 3, 5, 9, 17, 33, 65, 67.
DILATIONS = (1, 1, 2, 4, 8, 16, 1)


def fitting_dilations(side: int, dilations: Sequence[int] = DILATIONS) -> tuple[int, ...]:
    """Dilations, those of at least `side` lowered to the largest power of two below it.

    On a map of `side` positions all taps but the centre of a 3x3 convolution with dilation >= side
    read padding alone.
    """
    side = whole_number("side of the map", side)
    largest = 1
    while 2 * largest < side:
        largest *= 2
    return tuple(d if d < side else largest for d in dilations)


class ContextModule(nn.Module):
    """A 3x3 convolution with ReLU per dilation and a linear 1x1 convolution, all of C channels.

    Args:
        noise: of `identity_`, which sets the initial weights; with 0, features of at least 0 pass
            unchanged.

    Source: "basic" context network of Yu and Koltun 2016, Table 1 and Eq. 4; C is the number of
    classes there.
    """

    def __init__(
        self, channels: int = 128, dilations: Sequence[int] = DILATIONS, *, noise: float = 0.01
    ) -> None:
        super().__init__()
        channels = whole_number("channels", channels)
        layers: list[nn.Module] = []
        for dilation in dilations:
            dilation = whole_number("dilation", dilation)
            layers += [
                nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation),
                nn.ReLU(inplace=True),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, channels, 1))
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                identity_(layer, noise=noise)

    def forward(self, features: Tensor) -> Tensor:
        """Features `(B, C, h, w)` in context, of the same size."""
        return self.layers(features)


@torch.no_grad()
def identity_(conv: nn.Conv2d, *, noise: float = 0.01) -> None:
    """Set a C-to-C convolution to the identity plus normal noise of that deviation, in place.

    Source: Yu and Koltun 2016, Eq. 4; noise as in their released code.
    """
    noise = number_of_at_least("noise", noise)
    nn.init.normal_(conv.weight, std=noise) if noise else nn.init.zeros_(conv.weight)
    channels, middle = torch.arange(conv.out_channels), conv.kernel_size[0] // 2
    conv.weight[channels, channels, middle, middle] = 1.0
    nn.init.zeros_(conv.bias)
