"""Pruning by importance: does an attribute still know its answer from a few channels? (Kimura and Tanaka 2019, Sec. 1, say that it may.)"""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.errors import InputError

ORDERS = ("mask", "contribution", "random")


def pruned_logits(contributions: Tensor, keep: Tensor, fill: Tensor) -> Tensor:
    """Logits `(N, K)` without biases: sums of contributions `(N, K, C)` where `keep` `(K, C)` is true, of `fill` `(K, C)` where not."""
    if contributions.shape[1:] != keep.shape or keep.shape != fill.shape:
        raise InputError(
            f"expected keep and fill {tuple(contributions.shape[1:])}, got {tuple(keep.shape)} and {tuple(fill.shape)}"
        )
    return torch.where(keep, contributions, fill).sum(2)


def kept_channels(score: Tensor, count: int) -> Tensor:
    """The `count` channels of highest score of each attribute, bool `(K, C)`; of equal ones the first."""
    if not 0 <= count <= score.shape[1]:
        raise InputError(f"expected to keep 0 to {score.shape[1]} channels, got {count}")
    keep = torch.zeros(score.shape, dtype=torch.bool)
    return keep.scatter(1, score.argsort(dim=1, descending=True, stable=True)[:, :count], True)


def channel_scores(means: Tensor, contributions: Tensor, order: str, *, seed: int = 0) -> Tensor:
    """How important an order holds each channel, float `(K, C)`, from mean masks and contributions `(N, K, C)` of the same images.

    "mask": the mean mask, the paper's importance. "contribution": how much the channel's part of the logit varies from image to image,
    which is all that it can tell. "random": neither. A single mask has no order of channels. Raises `InputError` for another order.
    """
    if order not in ORDERS:
        raise InputError(f"order {order!r} is unknown; there are {', '.join(ORDERS)}")
    if order == "random":
        return torch.rand(contributions.shape[1:], generator=torch.Generator().manual_seed(seed))
    return (
        means.mean(0).expand(contributions.shape[1:]) if order == "mask" else contributions.std(0)
    )
