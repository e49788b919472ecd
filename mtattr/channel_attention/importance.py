"""Importance of channels: mean masks (Kimura and Tanaka 2019, Fig. 1) and contributions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mtattr.data.batches import take
from mtattr.errors import InputError


@torch.no_grad()
def in_batches(
    answer: Callable[[Tensor], Tensor], images: Tensor, device: object, batch_size: int
) -> Tensor:
    """Answers to float images on `device`, batch by batch, joined as float32 on the CPU."""
    rows = torch.arange(len(images)).split(batch_size)
    return torch.cat([answer(take(images, part, device)).float().cpu() for part in rows])


def mask_means(
    net: nn.Module, images: Tensor, *, device: object = "cpu", batch_size: int = 64
) -> Tensor:
    """Means of |M| over positions, float32 `(N, K, C)`; the mean over images is Fig. 1.

    Args:
        net: a `ChannelAttentionNet` with masks; those of a sigmoid are in (0, 1).
        images: uint8 `(N, 3, H, W)`.
    """
    return _collect(net, images, "mask_means", device, batch_size)


def channel_contributions(
    net: nn.Module, images: Tensor, *, device: object = "cpu", batch_size: int = 64
) -> Tensor:
    """Summands w[k, c] * mean((1 + M_kc) F_c) of the logits, which lack the bias: `(N, K, C)`.

    Args:
        net: a `ChannelAttentionNet` with masks and classifiers that are linear after the pool.
        images: uint8 `(N, 3, H, W)`.
    """
    pooled = _collect(net, images, "pooled", device, batch_size)
    if net.classifiers.hidden is not None:
        raise InputError("contributions of channels need classifiers without hidden channels")
    return pooled * net.classifiers.weight.detach().float().cpu()


def _collect(net: nn.Module, images: Tensor, name: str, device: object, batch_size: int) -> Tensor:
    if getattr(net, "masks", None) is None:
        raise InputError(f"this {type(net).__name__} has no masks over channels")
    net.eval().to(device)
    return in_batches(lambda x: net(x).extra[name], images, device, batch_size)


def top_channels(importance: Tensor, count: int = 3) -> Tensor:
    """Most important channels of each attribute, int64 `(K, count)`, best first (Fig. 3).

    Args:
        importance: mean masks `(K, C)`.
    """
    if importance.ndim != 2 or not 1 <= count <= importance.shape[1]:
        shape = tuple(importance.shape)
        raise InputError(f"expected mean masks (K, C) and a count in 1..C, got {shape} and {count}")
    return importance.argsort(dim=1, descending=True, stable=True)[:, :count]


def mask_spread(means: Tensor) -> dict[str, float]:
    """Mean of mean masks `(N, K, C)`, and standard deviations over one index, averaged over others.

    "attributes" and "channels" use the mean over images; "own" is what is left of it when the mean
    of each attribute and of each channel is subtracted; "images" is over images. Constant masks
    have 0 in all but the mean.
    """
    if means.ndim != 3 or 0 in means.shape:
        raise InputError(f"expected mean masks (N, K, C), none of them 0, got {tuple(means.shape)}")
    importance = means.double().mean(0)
    own = importance - importance.mean(0) - importance.mean(1, keepdim=True) + importance.mean()
    return {
        "mean": importance.mean().item(),
        "attributes": importance.std(0, correction=0).mean().item(),
        "channels": importance.std(1, correction=0).mean().item(),
        "own": own.std(correction=0).item(),
        "images": means.double().std(0, correction=0).mean().item(),
    }
