"""Front end of the extractor: dilated VGG-16, or its first three blocks."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models.vgg import make_layers

from mtattr.errors import InputError, whole_number
from mtattr.nets import Normalise, load_weights
from mtattr.nets.normalise import IMAGENET_MEAN, IMAGENET_STD, check_images
from mtattr.nets.vgg import VGG16_BLOCKS

#: Blocks of VGG-16 that are kept.
FRONT_ENDS = {"vgg16": 5, "light": 3}
#: Pixels of the image for one of the map.
STRIDES = {"vgg16": 8, "light": 4}


class FrontEnd(nn.Module):
    """Convolutions of VGG-16 and a 1x1 convolution to `channels` features of at least 0.

    Args:
        name: "vgg16", with three pools, stride 8 and a fifth block of dilation 2 (Yu and Koltun
            2016, without fully connected layers), or "light", the first three blocks, stride 4.
        width: factor of the channels inside, above 0 and at most 16.
        batch_norm: after each 3x3 convolution, for training from random weights.
        weights: safetensors file in torchvision's naming of VGG-16 (with batch norm, of vgg16_bn),
            its classifier ignored; images are then normalised as for ImageNet.
    """

    def __init__(
        self,
        name: str = "vgg16",
        channels: int = 128,
        *,
        width: float = 1.0,
        batch_norm: bool = False,
        weights: str | Path | None = None,
    ) -> None:
        super().__init__()
        if name not in FRONT_ENDS:
            raise InputError(f"front end {name!r} is unknown; there are {', '.join(FRONT_ENDS)}")
        if not 0 < width <= 16:
            raise InputError(f"width must be a number above 0 and at most 16, got {width!r}")
        if weights is not None and width != 1:
            raise InputError(f"weights of VGG-16 fit width 1, got width {width}")
        self.stride = STRIDES[name]
        self.normalise = (
            nn.Identity() if weights is None else Normalise(IMAGENET_MEAN, IMAGENET_STD)
        )
        self.features = _dilated(_vgg(FRONT_ENDS[name], width, batch_norm))
        inside = max(1, round(width * VGG16_BLOCKS[FRONT_ENDS[name] - 1][-1]))
        self.adapter = nn.Conv2d(inside, whole_number("channels", channels), 1)
        _kaiming_(self)
        if weights is not None:
            load_weights(self, weights, name, ignored=("adapter.",))

    def forward(self, images: Tensor) -> Tensor:
        """Features `(B, channels, H/stride, W/stride)` of images `(B, 3, H, W)` in [0, 1]."""
        check_images(images, stride=self.stride)
        # Channels last in memory, here and in all that follows: a fifth faster in bfloat16.
        images = self.normalise(images).contiguous(memory_format=torch.channels_last)
        return self.adapter(self.features(images)).relu()


def _vgg(blocks: int, width: float, batch_norm: bool) -> nn.Sequential:
    layers: list[int | str] = []
    for block in VGG16_BLOCKS[:blocks]:
        layers += [max(1, round(width * channels)) for channels in block] + ["M"]
    return make_layers(layers, batch_norm=batch_norm)


def _dilated(features: nn.Sequential) -> nn.Sequential:
    # Without the last pool; instead of the fourth, what follows is dilated. Names of layers stay.
    pools = [i for i, layer in enumerate(features) if isinstance(layer, nn.MaxPool2d)]
    for i in pools[3:4]:
        features[i] = nn.Identity()
        for layer in features[i:]:
            if isinstance(layer, nn.Conv2d):
                layer.dilation = layer.padding = (2, 2)
    return features[: pools[-1]]


def _kaiming_(net: nn.Module) -> None:
    # He et al. 2015: keeps the size of activations; with torch's default they fade over 13 layers.
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
