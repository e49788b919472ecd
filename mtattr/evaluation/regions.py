"""Known regions of a twin's images, drawn once."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mtattr.data.cache import cached_images
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError


def known_regions(data: ImageData, images: int) -> Tensor:
    """Regions of the first `images` images of a twin: float32 `(images, T, H, W)` in [0, 1].

    They are drawn once and cached in 256 steps.
    """
    if data.region_of is None:
        raise InputError(f"{data.name} has no region masks; use its generated twin instead")
    shape = (images, len(data.tasks), *data.images.shape[-2:])

    def fill(out: np.ndarray) -> None:
        for i in range(images):
            out[i] = (data.regions(i) * 255).round().to(torch.uint8).numpy()

    key = {"data": data.fingerprint, "tasks": data.tasks.names}
    return cached_images(f"{data.name}-regions", key, shape, fill).float() / 255
