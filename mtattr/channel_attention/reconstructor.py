"""Reconstructor of the image from its features (Kimura and Tanaka 2019, Sec. 3.4)."""

from __future__ import annotations

from torch import Tensor, nn

from mtattr.errors import InputError, whole_number

UPSAMPLINGS = ("nearest", "transposed")


class Reconstructor(nn.Module):
    """Doublings of the map, each with half the channels and ReLU, and a 3x3 convolution to colours.

    Args:
        stride: of the extractor, a power of two.
        upsampling: "nearest", enlargement and a 3x3 convolution, or "transposed", a 4x4 one.
    """

    def __init__(
        self, channels: int = 128, stride: int = 8, *, upsampling: str = "nearest"
    ) -> None:
        super().__init__()
        if upsampling not in UPSAMPLINGS:
            raise InputError(
                f"upsampling {upsampling!r} is unknown; there are {', '.join(UPSAMPLINGS)}"
            )
        if whole_number("stride", stride) & (stride - 1):
            raise InputError(f"stride must be a power of two, got {stride!r}")
        channels, layers = whole_number("channels", channels), []
        for _ in range(stride.bit_length() - 1):
            narrow = max(1, channels // 2)
            if upsampling == "nearest":
                layers += [nn.Upsample(scale_factor=2), nn.Conv2d(channels, narrow, 3, padding=1)]
            else:
                layers += [nn.ConvTranspose2d(channels, narrow, 4, stride=2, padding=1)]
            layers.append(nn.ReLU(inplace=True))
            channels = narrow
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, 3, 3, padding=1))

    def forward(self, features: Tensor) -> Tensor:
        """Images `(B, 3, stride h, stride w)` in (0, 1) from features `(B, C, h, w)`."""
        return self.layers(features).sigmoid()
