"""Sharper masks against noise: the idea of Kimura and Tanaka, arXiv 1905.02719, by our formula."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtattr.channel_attention.importance import in_batches
from mtattr.errors import InputError, number_of_at_least


def sharpen(masks: Tensor, power: float) -> Tensor:
    """Masks to a power, scaled so that each map `(..., h, w)` keeps its mean over positions.

    Args:
        masks: at least 0; a map of zeros stays.
        power: above 1 sharpens, below 1 flattens, 0 makes each map constant.
    """
    power, tiny = number_of_at_least("power", power), torch.finfo(masks.dtype).tiny
    # Divided by the highest value first: powers of small numbers vanish.
    raised = (masks / masks.amax((-2, -1), keepdim=True).clamp(min=tiny)) ** power
    means, raised_means = (of.mean((-2, -1), keepdim=True) for of in (masks, raised))
    return means * raised / raised_means.clamp(min=tiny)


def noisy_logits(
    net: nn.Module,
    images: Tensor,
    *,
    noise: float = 0.0,
    power: float = 1.0,
    seed: int = 0,
    device: object = "cpu",
    batch_size: int = 32,
) -> Tensor:
    """Logits `(N, K)` of noisy images by sharpened masks.

    Args:
        net: a `ChannelAttentionNet` with masks of at least 0.
        images: uint8 `(N, 3, H, W)`.
        noise: deviation of the normal noise, in units of [0, 1]; the sum is clipped. It depends on
            `seed`, not on `power`.
        power: of `sharpen`.
    """
    if getattr(net, "masks", None) is None or net.masks.activation == "tanh":
        raise InputError("sharpening needs a ChannelAttentionNet with masks of at least 0")
    noise, generator = number_of_at_least("noise", noise), torch.Generator().manual_seed(seed)
    net.eval().to(device)

    def logits_of(x: Tensor) -> Tensor:
        noisy = (x + noise * torch.randn(x.shape, generator=generator)).clamp(0, 1).to(device)
        features = net.extractor(noisy)
        masks = sharpen(net.masks(features), power)
        return net.classifiers(net.classifiers.pool(features, masks, keep_one=net.keep_one))

    # The noise is drawn on the CPU: it shall not depend on the device.
    return in_batches(logits_of, images, "cpu", batch_size)
