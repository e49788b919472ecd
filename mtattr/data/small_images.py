"""Images stored as arrays of uint8 instead of image files."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

from mtattr.data.cache import cached_images
from mtattr.data.options import ImageSize, image_shape_of


def resize_into(out: np.ndarray, pixels: np.ndarray) -> None:
    """Resize uint8 `(N, 3, h, w)` into `out` `(N, 3, H, W)`, as `decode_image` resizes."""
    # Imported here: only loaders that resize need Pillow.
    from PIL import Image

    height, width = out.shape[-2:]
    if pixels.shape[-2:] == (height, width):
        out[...] = pixels
        return
    for row, image in enumerate(pixels):
        shaped = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).resize(
            (width, height), Image.Resampling.BILINEAR
        )
        out[row] = np.asarray(shaped).transpose(2, 0, 1)


def resized_images(dataset: str, pixels: np.ndarray, image_size: ImageSize) -> Tensor:
    """Uint8 `(N, 3, H, W)`: the pixels `(N, 3, h, w)` themselves, or resized into the cache."""
    shape = image_shape_of(image_size)
    if pixels.shape[-2:] == shape:
        return torch.from_numpy(np.ascontiguousarray(pixels))
    digest = hashlib.sha256(np.ascontiguousarray(pixels)).hexdigest()
    key = {"pixels": digest, "stored": list(pixels.shape[-2:]), "image_size": list(shape)}
    return cached_images(
        dataset, key, (len(pixels), 3, *shape), lambda out: resize_into(out, pixels)
    )
