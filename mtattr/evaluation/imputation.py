"""Imputation: what is painted where pixels of an image are removed."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

#: Weights of a pixel's neighbours by (rows, columns) between them; each counts in both directions.
_NEIGHBOURS = {(0, 1): 2.0, (1, 0): 2.0, (1, 1): 1.0, (1, -1): 1.0}


def mean_colour(images: Tensor, removed: Tensor) -> Tensor:
    """Images whose removed pixels have the image's mean colour; arguments as `linear_imputation`.

    The patch has an outline that no training image has, and its shape shows which pixels went.
    """
    blank = images.mean(dim=(2, 3), keepdim=True)
    return torch.where(removed.unsqueeze(1), blank, images)


def linear_imputation(
    images: Tensor, removed: Tensor, *, noise: float = 0.01, seed: int = 0
) -> Tensor:
    """Images whose removed pixels are the weighted mean of their eight neighbours, plus noise.

    Neighbours at a side weigh twice as much as those at a corner, and those outside the image
    nothing. Removed neighbours are unknown too, so each image is one linear system. An image of
    which nothing is left has its mean colour.

    Args:
        images: `(M, 3, H, W)`.
        removed: bool `(M, H, W)`.
        noise: standard deviation of Gaussian noise on removed pixels, in units of the image.
        seed: of the noise.

    Source: Rong et al. 2022 (ROAD), Sec. 4 and its released code.
    """
    filled = images.cpu().double().numpy().copy()
    for image, gone in zip(filled, removed.cpu().numpy(), strict=True):
        if gone.all():
            image[:] = image.mean(axis=(1, 2), keepdims=True)
        elif gone.any():
            image[:, gone] = _solved(image, gone)
    # One draw for all images, so that it does not matter which of them are filled together.
    drawn = torch.randn(filled.shape[1:], generator=torch.Generator().manual_seed(seed))
    made = torch.from_numpy(filled) + noise * drawn * removed.cpu().unsqueeze(1)
    return made.to(images)


def _solved(image: np.ndarray, gone: np.ndarray) -> np.ndarray:
    """Values `(3, n)` of the n removed pixels: L x = b, with L the grid's weighted Laplacian.

    L is symmetric, and in reading order no pixel has a neighbour further than a row and a pixel
    away, so a banded Cholesky solver is quickest.
    """
    from scipy.linalg import solveh_banded  # slow to import

    height, width = gone.shape
    band = np.zeros((width + 2, height, width))  # band[d, y, x]: between a pixel and d pixels on
    known = np.zeros_like(image)
    for (down, right), weight in _NEIGHBOURS.items():
        upper = slice(0, height - down), slice(max(0, -right), width - max(0, right))
        lower = slice(down, height), slice(max(0, right), width + min(0, right))
        for here, there in ((upper, lower), (lower, upper)):
            band[0][here] += weight
            known[:, *here] += weight * np.where(gone[there], 0, image[:, *there])
        band[down * width + right][upper] = -weight * (gone[upper] & gone[lower])
    # A kept pixel is an unknown without neighbours.
    band[0][~gone], known[:, ~gone] = 1, 0
    flat = known.reshape(len(image), -1).T
    solved = solveh_banded(band.reshape(width + 2, -1), flat, lower=True, check_finite=False)
    return solved.T[:, gone.ravel()]
