"""Convolutions of one feature map under many maps, with the work that the maps have in common done once."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mtattr.errors import InputError


def gated_conv2d(
    features: Tensor, gates: Tensor, weight: Tensor, *, stride: int = 1, padding: int = 0
) -> Tensor:
    """Convolutions of gates[:, t] * features for all t at once: `(B, T, O, h', w')`, equal to T of them up to rounding.

    features: `(B, C, h, w)`. gates: `(B, T, h, w)`. weight: `(O, C, k, k)`, no groups, no bias. A gate multiplies all channels of
    a position alike, so it commutes with everything that mixes channels only: a 1x1 convolution is computed once and gated
    after it. A k x k one is a sum of k^2 such products, each shifted; they too are computed once, and each task adds them up under
    its own gates. Zero padding stays zero. Raises `InputError` if sizes disagree. Exact, no approximation.
    """
    if (
        features.ndim != 4
        or gates.ndim != 4
        or gates.shape[0] != features.shape[0]
        or gates.shape[2:] != features.shape[2:]
    ):
        raise InputError(
            f"expected features (B, C, h, w) and gates (B, T, h, w), got {tuple(features.shape)} and {tuple(gates.shape)}"
        )
    outputs, channels, kernel = weight.shape[:3]
    if channels != features.shape[1]:
        raise InputError(
            f"expected a weight of {features.shape[1]} input channels, got {tuple(weight.shape)}"
        )
    if kernel == 1 and padding == 0:
        features, gates = features[:, :, ::stride, ::stride], gates[:, :, ::stride, ::stride]
        return gates.unsqueeze(2) * F.conv2d(features, weight).unsqueeze(1)
    # One 1x1 convolution makes the products of all k^2 offsets.
    products = F.conv2d(
        features, weight.permute(2, 3, 0, 1).reshape(kernel * kernel * outputs, channels, 1, 1)
    )
    products = F.pad(products, (padding,) * 4).unflatten(1, (kernel, kernel, outputs))
    gates = F.pad(gates, (padding,) * 4)
    height, width = ((side - kernel) // stride + 1 for side in gates.shape[2:])
    rows, columns = (slice_of(height, stride), slice_of(width, stride))
    shifted = [(dy, dx) for dy in range(kernel) for dx in range(kernel)]
    # For every position a (T, k^2) x (k^2, O) product.
    left = torch.stack([gates[:, :, rows(dy), columns(dx)] for dy, dx in shifted], dim=-1).permute(
        0, 2, 3, 1, 4
    )
    right = torch.stack(
        [products[:, dy, dx, :, rows(dy), columns(dx)] for dy, dx in shifted], dim=-1
    ).permute(0, 2, 3, 4, 1)
    return (left @ right).permute(0, 3, 4, 1, 2)


def slice_of(length: int, stride: int):
    """A function from an offset to the slice of `length` positions from there, `stride` apart."""
    return lambda offset: slice(offset, offset + (length - 1) * stride + 1, stride)
