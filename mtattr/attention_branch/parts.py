"""A classifier cut in three: extractor, last stage, top (Fukui et al. 2019, Fig. 2)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn

from mtattr.errors import InputError
from mtattr.nets import normalise


@dataclass(frozen=True)
class Parts:
    """Modules from which baseline, class activation mapping and attention branch are built.

    Args:
        extractor: images `(B, 3, H, W)` in [0, 1] to g `(B, channels, h, w)`.
        attention: last stage with stride 1 and weights of its own, g to
            `(B, attention_channels, h, w)`.
        perception: last stage of the classifier: g to `(B, D, h', w')`.
        top: `(B, D, h', w')` to logits.
        perception_channels: D if the top is one linear layer, else None.
        stride: pixels of the image per position of the last map. No side may be smaller.
    """

    extractor: nn.Module
    attention: nn.Module
    perception: nn.Module
    top: nn.Module
    channels: int
    attention_channels: int
    perception_channels: int | None
    stride: int

    @classmethod
    def pooled(
        cls, num_outputs: int, *stages: nn.Module, channels: int, outputs: int, stride: int
    ) -> Parts:
        """Extractor, attention and perception stage, with `pooled_linear` as top."""
        top = pooled_linear(outputs, num_outputs)
        return cls(*stages, top, channels, outputs, outputs, stride)


def pooled_linear(channels: int, num_outputs: int) -> nn.Sequential:
    """Global average pooling and one linear layer: `(B, channels, h, w)` to `(B, num_outputs)`."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_outputs))


def check_images(images: Tensor, stride: int, *, training: bool) -> None:
    """Raise `InputError` unless images are floats `(B, 3, H, W)`, large enough for `stride`.

    In training more than one value per channel must reach each batch norm.
    """
    normalise.check_images(images, stride=stride)
    height, width = images.shape[2:]
    if training and len(images) * math.ceil(height / stride) * math.ceil(width / stride) < 2:
        raise InputError(
            f"one image of {height} x {width} px leaves one value per channel, "
            "but batch norm needs two in training"
        )
