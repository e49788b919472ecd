"""Network inputs: a check of image batches, and normalisation by a training set's statistics."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mtattr.errors import InputError

#: Input statistics of CIFAR for images in [0, 1].
CIFAR_MEAN, CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
#: Input statistics of ImageNet, those of public VGG-16 and ResNet weights.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Normalise(nn.Module):
    """Images `(B, 3, H, W)` in [0, 1] minus a mean, divided by a deviation, per colour.

    Args:
        mean, std: one value per colour, kept as buffers.
        persistent: whether the buffers are stored with the weights.
    """

    def __init__(
        self,
        mean: Sequence[float] = CIFAR_MEAN,
        std: Sequence[float] = CIFAR_STD,
        *,
        persistent: bool = False,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=persistent)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=persistent)

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images."""
        return (images - self.mean) / self.std


def check_images(images: Tensor, size: tuple[int, int] | None = None, *, stride: int = 1) -> None:
    """Raise `InputError` for images that a network would broadcast or misread.

    Args:
        images: must be floats `(B, 3, H, W)`; bytes are not in [0, 1].
        size: (H, W) that they must have; any without.
        stride: smallest side in pixels.
    """
    height, width = size or ("H", "W")
    fits = images.ndim == 4 and images.shape[1] == 3 and images.is_floating_point()
    if not fits or (size is not None and tuple(images.shape[2:]) != tuple(size)):
        raise InputError(
            f"images must be floats (B, 3, {height}, {width}) in [0, 1],"
            f" got {images.dtype} {tuple(images.shape)}"
        )
    height, width = images.shape[2:]
    if min(height, width) < stride:
        raise InputError(
            f"images of {height} x {width} px are smaller than the network's stride of {stride} px"
        )
