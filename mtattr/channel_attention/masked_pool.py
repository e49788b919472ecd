"""Memory-efficient masked pooling, some attributes at a time, recomputed in the backward pass."""

from __future__ import annotations

import contextlib

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from mtattr.errors import InputError, whole_number


def masked_pool(
    features: Tensor, weight: Tensor, bias: Tensor, *, chunk: int, keep_one: bool = True
) -> tuple[Tensor, Tensor]:
    """Means of (1 + M) F and of M over positions, both `(B, K, C)`, for masks M = sigmoid(conv(F)).

    Equal, with its gradients, to `ChannelMasks` and `pool_masked` up to rounding, with the memory
    of `chunk` attributes beyond the inputs. Once differentiable.
    Source: Kimura and Tanaka 2019, Eq. 2.

    Args:
        features: F, `(B, C, h, w)`.
        weight, bias: of the convolution of all masks, `(K C, C, k, k)` with k odd, and `(K C,)`.
        keep_one: False leaves the 1 out.
    """
    chunk, device = whole_number("chunk", chunk), features.device.type
    k, odd = weight.shape[-1], weight.shape[-1] % 2
    fits = weight.shape[1:] == (features.shape[1], k, k) and bias.shape == weight.shape[:1]
    if features.ndim != 4 or not fits or not odd or len(weight) % features.shape[1]:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in (features, weight, bias))
        raise InputError(
            "expected features (B, C, h, w), a weight (K C, C, k, k) with k odd and a bias (K C,),"
            f" got {shapes}"
        )
    known = torch.amp.is_autocast_available(device)
    if known and torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        features, weight, bias = (tensor.to(dtype) for tensor in (features, weight, bias))
    with torch.autocast(device, enabled=False) if known else contextlib.nullcontext():
        masked, means = _MaskedPool.apply(features, weight, bias, chunk)
        return masked + features.mean((2, 3)).unsqueeze(1) if keep_one else masked, means


class _MaskedPool(torch.autograd.Function):
    # mean(M F) and mean(M). With z = conv(F) and g, s the gradients of the two:
    # dz = (g F + s) M (1 - M) / (h w).
    # Channels lie last in memory, so that sums over positions add whole rows: twice as fast.

    @staticmethod
    def forward(ctx, features: Tensor, weight: Tensor, bias: Tensor, chunk: int):
        ctx.save_for_backward(features, weight, bias)
        features = features.contiguous(memory_format=torch.channels_last)
        ctx.rows, positions = chunk * features.shape[1], features[0, 0].numel()
        masked, means = [], []
        for w, b in zip(weight.split(ctx.rows), bias.split(ctx.rows), strict=True):
            masks = _masks(features, w, b)
            means.append(masks.sum(1))
            masked.append(masks.mul_(_by_position(features)).sum(1))
        return torch.cat(masked, 1) / positions, torch.cat(means, 1) / positions

    @staticmethod
    @once_differentiable
    def backward(ctx, of_masked: Tensor, of_means: Tensor) -> tuple[Tensor | None, ...]:
        features, weight, bias = ctx.saved_tensors
        features = features.contiguous(memory_format=torch.channels_last)
        sides, chunk = features.shape[2:], ctx.rows // features.shape[1]
        of_outputs = [(of / sides.numel()).unsqueeze(1) for of in (of_masked, of_means)]
        of_features, of_weight, of_bias = torch.zeros_like(features), [], []
        parts = (
            *(of.split(ctx.rows) for of in (weight, bias)),
            *(of.split(chunk, 2) for of in of_outputs),
        )
        padding, wanted = [weight.shape[2] // 2] * 2, ctx.needs_input_grad[:3]
        for w, b, g, s in zip(*parts, strict=True):
            masks = _masks(features, w, b)
            of_features += _as_map((masks * g).sum(2), sides)
            of_z = torch.addcmul(s, g, _by_position(features)).mul_(masks)
            of_z.addcmul_(of_z, masks, value=-1)
            form = ([1, 1], padding, [1, 1], False, [0, 0], 1, wanted)
            by_convolution, of_w, of_b = torch.ops.aten.convolution_backward(
                _as_map(of_z.flatten(2), sides), features, w, [len(b)], *form
            )
            if by_convolution is not None:
                of_features += by_convolution
            of_weight.append(of_w)
            of_bias.append(of_b)
        gradients = (lambda: of_features, lambda: torch.cat(of_weight), lambda: torch.cat(of_bias))
        return *(
            make() if want else None for make, want in zip(gradients, wanted, strict=True)
        ), None


def _masks(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Masks of the chunk's attributes, `(B, h w, K, C)`."""
    raw = F.conv2d(features, weight, bias, padding=weight.shape[2] // 2)
    return _by_position(raw.sigmoid_()).unflatten(3, (-1, features.shape[1])).squeeze(2)


def _by_position(maps: Tensor) -> Tensor:
    """Maps `(B, C, h, w)` as `(B, h w, 1, C)`."""
    return maps.permute(0, 2, 3, 1).flatten(1, 2).unsqueeze(2)


def _as_map(rows: Tensor, sides: torch.Size) -> Tensor:
    """Rows `(B, h w, C)` as maps `(B, C, h, w)`."""
    return rows.unflatten(1, sides).permute(0, 3, 1, 2)
