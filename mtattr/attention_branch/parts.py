"""A classifier cut in three, as the attention branch needs it: extractor, last stage, top (Fukui et al. 2019, Fig. 2)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn

from mtattr.errors import InputError
from mtattr.nets import normalise


@dataclass(frozen=True)
class Parts:
    """The pieces that baseline, class activation mapping and attention branch are put together from.

    extractor: images `(B, 3, H, W)` in [0, 1] to g `(B, channels, h, w)`. attention: g to `(B, attention_channels, h, w)`, the last
    stage with stride 1 and weights of its own. perception: g to `(B, D, h', w')`, the last stage as the classifier has it.
    top: that to logits, with `perception_channels` = D the inputs of its linear layer, or None where there are several. stride:
    pixels of the image for one of the last map; no side of an image may be smaller.
    """

    extractor: nn.Module
    attention: nn.Module
    perception: nn.Module
    top: nn.Module
    channels: int
    attention_channels: int
    perception_channels: int | None
    stride: int


def pooled_linear(channels: int, num_outputs: int) -> nn.Sequential:
    """Global average pooling of any size and one linear layer: `(B, channels, h, w)` to `(B, num_outputs)`."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_outputs))


def check_images(images: Tensor, stride: int, *, training: bool) -> None:
    """Raise `InputError` for images that the network can not take.

    They must be floats `(B, 3, H, W)`, no side below `stride`, and in training more than one value must reach each batch norm.
    """
    normalise.check_images(images, stride=stride)
    height, width = images.shape[2:]
    if training and len(images) * math.ceil(height / stride) * math.ceil(width / stride) < 2:
        raise InputError(
            f"one image of {height} x {width} px leaves one value a channel, and batch norm needs two in training"
        )
