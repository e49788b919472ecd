"""Pruning of channels by importance, which Kimura and Tanaka 2019, Sec. 1, name as a use."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.errors import InputError

ORDERS = ("mask", "contribution", "random")


def pruned_logits(contributions: Tensor, keep: Tensor, fill: Tensor) -> Tensor:
    """Logits `(N, K)` without biases when each attribute keeps some channels only.

    Args:
        contributions: of channels to logits, `(N, K, C)`.
        keep: bool `(K, C)`.
        fill: contributions `(K, C)` of the channels that are not kept.
    """
    if not contributions.shape[1:] == keep.shape == fill.shape:
        shapes = f"{tuple(keep.shape)} and {tuple(fill.shape)}"
        raise InputError(f"expected keep and fill {tuple(contributions.shape[1:])}, got {shapes}")
    return torch.where(keep, contributions, fill).sum(2)


def kept_channels(score: Tensor, count: int) -> Tensor:
    """Channels of highest score of each attribute, bool `(K, C)`; of equal ones the first."""
    if not 0 <= count <= score.shape[1]:
        raise InputError(f"expected to keep 0 to {score.shape[1]} channels, got {count}")
    keep = torch.zeros(score.shape, dtype=torch.bool)
    return keep.scatter(1, score.argsort(dim=1, descending=True, stable=True)[:, :count], True)


def channel_scores(means: Tensor, contributions: Tensor, order: str, *, seed: int = 0) -> Tensor:
    """Importance of each channel for each attribute, `(K, C)`.

    Args:
        means, contributions: mean masks and contributions of the same images, `(N, K, C)`.
        order: "mask", the mean mask, which is the paper's importance; "contribution", the standard
            deviation of the contribution over images, for a constant tells nothing; "random".
        seed: of "random".
    """
    if order not in ORDERS:
        raise InputError(f"order {order!r} is unknown; there are {', '.join(ORDERS)}")
    if order == "random":
        return torch.rand(contributions.shape[1:], generator=torch.Generator().manual_seed(seed))
    if order == "mask":
        return means.mean(0).expand(contributions.shape[1:])
    return contributions.std(0)
