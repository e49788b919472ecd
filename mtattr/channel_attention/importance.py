"""How important a channel is for an attribute: its mean mask (Kimura and Tanaka 2019, Fig. 1), and what it really adds to a logit."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtattr.channel_attention.network import ChannelAttentionNet
from mtattr.data.batches import take
from mtattr.errors import InputError


@torch.no_grad()
def mask_means(
    net: nn.Module, images: Tensor, *, device: object = "cpu", batch_size: int = 64
) -> Tensor:
    """The mean of |M| over positions for each image, attribute and channel: float32 `(N, K, C)` from uint8 images `(N, 3, H, W)`.

    With sigmoid masks in (0, 1). Its mean over images is Fig. 1. Raises `InputError` for a network without masks.
    """
    return _collect(net, images, "mask_means", device, batch_size)


@torch.no_grad()
def channel_contributions(
    net: nn.Module, images: Tensor, *, device: object = "cpu", batch_size: int = 64
) -> Tensor:
    """What each channel adds to each logit, float32 `(N, K, C)`: w[k, c] * mean((1 + M_kc) F_c); its sum and the bias are the logit.

    Raises `InputError` for a network without masks, and for one whose classifiers mix channels before the pool.
    """
    if not isinstance(net, ChannelAttentionNet) or net.classifiers.hidden is not None:
        raise InputError(
            "contributions of channels need classifiers that are linear after the pool"
        )
    return (
        _collect(net, images, "pooled", device, batch_size)
        * net.classifiers.weight.detach().float().cpu()
    )


def _collect(net: nn.Module, images: Tensor, name: str, device: object, batch_size: int) -> Tensor:
    if not isinstance(net, ChannelAttentionNet) or net.masks is None:
        got = "one without" if isinstance(net, ChannelAttentionNet) else type(net).__name__
        raise InputError(f"expected a ChannelAttentionNet with masks, got {got}")
    net.eval().to(device)
    return torch.cat(
        [
            net(take(images, rows, device)).extra[name].float().cpu()
            for rows in torch.arange(len(images)).split(batch_size)
        ]
    )


def top_channels(importance: Tensor, count: int = 3) -> Tensor:
    """The `count` most important channels of each attribute, int64 `(K, count)`, best first, from mean masks `(K, C)` (Fig. 3)."""
    if importance.ndim != 2 or not 1 <= count <= importance.shape[1]:
        raise InputError(
            f"expected mean masks (K, C) and at most C channels to take, got {tuple(importance.shape)} and {count}"
        )
    return importance.argsort(dim=1, descending=True, stable=True)[:, :count]


def mask_spread(means: Tensor) -> dict[str, float]:
    """How much mean masks `(N, K, C)` vary: their mean, and standard deviations over one index, averaged over the others.

    `attributes` and `channels` are of the mean over images; `own` is what is left over attributes and channels when the mean of each
    attribute and of each channel is taken out; `images` is over images. All 0 but the mean for constant masks.
    Raises `InputError` for another shape, or when there is none of something.
    """
    if means.ndim != 3 or 0 in means.shape:
        raise InputError(
            f"expected mean masks (N, K, C) of at least one image, attribute and channel, got {tuple(means.shape)}"
        )
    importance = means.double().mean(0)
    own = importance - importance.mean(0) - importance.mean(1, keepdim=True) + importance.mean()
    return {
        "mean": importance.mean().item(),
        "attributes": importance.std(0, correction=0).mean().item(),
        "channels": importance.std(1, correction=0).mean().item(),
        "own": own.std(correction=0).item(),
        "images": means.double().std(0, correction=0).mean().item(),
    }
