"""Masks made, applied and pooled a few attributes at a time, forgotten, and made again for the gradients."""

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
    """mean((1 + M) F) and mean(M) over positions, both `(B, K, C)`, for masks M = sigmoid(conv(F)), never holding more than `chunk` of K.

    features F: `(B, C, h, w)`. weight `(K C, C, k, k)`, bias `(K C,)`: of the convolution of all masks, k odd. keep_one: the 1 of 1 + M.
    Equal, with its gradients, to `ChannelMasks` and `pool_masked` up to rounding; memory beyond the inputs is that of `chunk` attributes.
    Once differentiable. Raises `InputError` for shapes that do not fit. Source: Kimura and Tanaka 2019, Eq. 2.
    """
    chunk = whole_number("chunk", chunk)
    if features.ndim != 4:
        raise InputError(f"expected features (B, C, h, w), got {tuple(features.shape)}")
    channels, device = features.shape[1], features.device.type
    if weight.ndim != 4 or weight.shape[1] != channels or not len(weight) or len(weight) % channels:
        raise InputError(
            f"expected a weight (K C, C, k, k) of C = {channels} channels, got {tuple(weight.shape)}"
        )
    if (
        weight.shape[2] != weight.shape[3]
        or not weight.shape[2] % 2
        or bias.shape != weight.shape[:1]
    ):
        shapes = f"{tuple(weight.shape)} and {tuple(bias.shape)}"
        raise InputError(
            f"expected a square kernel of odd side and a bias for each of its outputs, got {shapes}"
        )
    known = torch.amp.is_autocast_available(device)
    if known and torch.is_autocast_enabled(device):
        features, weight, bias = (
            tensor.to(torch.get_autocast_dtype(device)) for tensor in (features, weight, bias)
        )
    with torch.autocast(device, enabled=False) if known else contextlib.nullcontext():
        masked, means = _MaskedPool.apply(features, weight, bias, chunk)
        return masked + features.mean((2, 3)).unsqueeze(1) if keep_one else masked, means


class _MaskedPool(torch.autograd.Function):
    """mean(M F) and mean(M). With z = conv(F), g and s the gradients of both, dz = (g F + s) M (1 - M) / (h w)."""

    @staticmethod
    def forward(
        ctx, features: Tensor, weight: Tensor, bias: Tensor, chunk: int
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(features, weight, bias)
        ctx.rows = chunk * features.shape[1]
        masked, means = [], []
        for w, b in zip(weight.split(ctx.rows), bias.split(ctx.rows), strict=True):
            masks = _masks(features, w, b)
            means.append(masks.mean((3, 4)))
            masked.append(masks.mul_(features.unsqueeze(1)).mean((3, 4)))
        return torch.cat(masked, 1), torch.cat(means, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx, of_masked: Tensor, of_means: Tensor) -> tuple[Tensor | None, ...]:
        features, weight, bias = ctx.saved_tensors
        positions = features[0, 0].numel()
        of_masked, of_means = (
            (gradient / positions)[..., None, None] for gradient in (of_masked, of_means)
        )
        of_features, of_weight, of_bias = torch.zeros_like(features), [], []
        chunk = ctx.rows // features.shape[1]
        parts = zip(
            weight.split(ctx.rows),
            bias.split(ctx.rows),
            of_masked.split(chunk, 1),
            of_means.split(chunk, 1),
            strict=True,
        )
        for w, b, g, s in parts:
            masks = _masks(features, w, b)
            of_features += (masks * g).sum(1)
            of_z = torch.addcmul(s, g, features.unsqueeze(1)).mul_(masks)
            of_z.addcmul_(of_z, masks, value=-1)
            padding, kinds = (
                [w.shape[2] // 2] * 2,
                (ctx.needs_input_grad[0], *ctx.needs_input_grad[1:3]),
            )
            how = ([1, 1], padding, [1, 1], False, [0, 0], 1, kinds)
            by_convolution, *of_parameters = torch.ops.aten.convolution_backward(
                of_z.flatten(1, 2), features, w, [len(b)], *how
            )
            if by_convolution is not None:
                of_features += by_convolution
            of_weight.append(of_parameters[0])
            of_bias.append(of_parameters[1])
        wanted = ctx.needs_input_grad
        joined = (
            torch.cat(of) if want else None
            for of, want in ((of_weight, wanted[1]), (of_bias, wanted[2]))
        )
        return of_features if wanted[0] else None, *joined, None


def _masks(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    raw = F.conv2d(features, weight, bias, padding=weight.shape[2] // 2)
    return raw.sigmoid_().unflatten(1, (-1, features.shape[1]))
