"""Input normalisation by the statistics of a training set."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

#: Input statistics of CIFAR for images in [0, 1], and of ImageNet.
CIFAR_MEAN, CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Normalise(nn.Module):
    """Images `(B, 3, H, W)` in [0, 1] to mean 0 and deviation 1 by the statistics of the training set, kept as buffers."""

    def __init__(
        self, mean: Sequence[float] = CIFAR_MEAN, std: Sequence[float] = CIFAR_STD
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """The images, normalised."""
        return (images - self.mean) / self.std
