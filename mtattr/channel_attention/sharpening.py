"""Sharper masks against noise. The idea is that of the follow-up (Kimura and Tanaka, arXiv 1905.02719); the formula is ours."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtattr.channel_attention.network import ChannelAttentionNet
from mtattr.data.batches import take
from mtattr.errors import InputError, number_of_at_least


def sharpen(masks: Tensor, power: float) -> Tensor:
    """masks^power, scaled so that each map `(..., h, w)` keeps its mean over positions: high places rise, low ones fall.

    masks: at least 0. power: 1 leaves them as they are; above 1 sharpens; below 1 flattens; 0 makes them constant. A map of zeros stays.
    Raises `InputError` for a power below 0.
    """
    power, tiny = number_of_at_least("power", power), torch.finfo(masks.dtype).tiny
    # Of the highest value first: powers of small numbers vanish.
    raised = (masks / masks.amax((-2, -1), keepdim=True).clamp(min=tiny)) ** power
    return (
        masks.mean((-2, -1), keepdim=True)
        * raised
        / raised.mean((-2, -1), keepdim=True).clamp(min=tiny)
    )


@torch.no_grad()
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
    """Logits `(N, K)` of uint8 images under normal noise of that deviation, in units of [0, 1], clipped, by sharpened masks.

    The same noise for the same seed, whatever the power. Raises `InputError` for a network without masks of at least 0.
    """
    if (
        not isinstance(net, ChannelAttentionNet)
        or net.masks is None
        or net.masks.activation == "tanh"
    ):
        raise InputError("sharpening needs a ChannelAttentionNet with masks of at least 0")
    noise, power = number_of_at_least("noise", noise), number_of_at_least("power", power)
    net.eval().to(device)
    generator, made = torch.Generator().manual_seed(seed), []
    for rows in torch.arange(len(images)).split(batch_size):
        x = take(images, rows)
        x = (x + noise * torch.randn(x.shape, generator=generator)).clamp(0, 1).to(device)
        features = net.extractor(x)
        masks = sharpen(net.masks(features), power)
        made.append(
            net.classifiers(net.classifiers.pool(features, masks, keep_one=net.keep_one))
            .float()
            .cpu()
        )
    return torch.cat(made)
