"""The reconstructor: the image from the features, to make these better (Kimura and Tanaka 2019, Sec. 3.4)."""

from __future__ import annotations

from torch import Tensor, nn

from mtattr.errors import InputError, whole_number

UPSAMPLINGS = ("nearest", "transposed")


class Reconstructor(nn.Module):
    """Features `(B, C, h, w)` to images `(B, 3, s h, s w)` in (0, 1), s the stride of the extractor.

    Every doubling is a nearest-neighbour enlargement and a 3x3 convolution, or a transposed 4x4 convolution, with ReLU; widths C/2, C/4,
    C/8; then a 3x3 convolution to colours and a sigmoid. Raises `InputError` for a stride that is no power of two or an unknown upsampling.
    """

    def __init__(
        self, channels: int = 128, stride: int = 8, *, upsampling: str = "nearest"
    ) -> None:
        super().__init__()
        if upsampling not in UPSAMPLINGS:
            raise InputError(
                f"upsampling {upsampling!r} is unknown; there are {', '.join(UPSAMPLINGS)}"
            )
        if (
            not isinstance(stride, int)
            or isinstance(stride, bool)
            or stride < 1
            or stride & (stride - 1)
        ):
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
        """The images that the features tell."""
        return self.layers(features).sigmoid()
