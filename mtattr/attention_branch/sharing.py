"""Convolutions of one feature map under many maps, with the common work done once."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mtattr.errors import InputError


def gated_conv2d(
    features: Tensor, gates: Tensor, weight: Tensor, *, stride: int = 1, padding: int = 0
) -> Tensor:
    """Convolutions of gates[:, t] * features for all t: `(B, T, O, h', w')`, exact up to rounding.

    A gate multiplies all channels of a position alike, so it commutes with a 1x1 convolution, which
    is computed once and gated after it. A k x k one is a sum of k^2 such products, each shifted;
    they too are computed once, and each task adds them up under its own gates.

    Args:
        features: `(B, C, h, w)`.
        gates: `(B, T, h, w)`.
        weight: `(O, C, k, k)`, without groups and bias.
    """
    sizes = [tensor.shape[:1] + tensor.shape[2:] for tensor in (features, gates)]
    if features.ndim != 4 or gates.ndim != 4 or sizes[0] != sizes[1]:
        raise InputError(
            "expected features (B, C, h, w) and gates (B, T, h, w), "
            f"got {tuple(features.shape)} and {tuple(gates.shape)}"
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
    all_offsets = weight.permute(2, 3, 0, 1).reshape(kernel**2 * outputs, channels, 1, 1)
    products = F.pad(F.conv2d(features, all_offsets), (padding,) * 4)
    products, gates = products.unflatten(1, (-1, outputs)), F.pad(gates, (padding,) * 4)
    rows, columns = (((side - kernel) // stride) * stride + 1 for side in gates.shape[2:])

    def shifted(x: Tensor, i: int) -> Tensor:
        y, x0 = divmod(i, kernel)
        return x[..., y : y + rows : stride, x0 : x0 + columns : stride]

    # For every position a (T, k^2) x (k^2, O) product.
    offsets = range(kernel**2)
    left = torch.stack([shifted(gates, i) for i in offsets], dim=-1).permute(0, 2, 3, 1, 4)
    right = torch.stack([shifted(products[:, i], i) for i in offsets], dim=-1)
    return (left @ right.permute(0, 2, 3, 4, 1)).permute(0, 3, 4, 1, 2)
