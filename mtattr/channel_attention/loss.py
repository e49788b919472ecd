"""The loss of four terms (Kimura and Tanaka 2019, Eq. 1, 3, 5 and 6)."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mtattr.errors import InputError, number_of_at_least
from mtattr.nets import Output
from mtattr.tasks import TaskSet
from mtattr.training.losses import Batch, per_task_loss

REDUCTIONS = ("mean", "sum")


class LossTerms(NamedTuple):
    """The terms of Eq. 6, unweighted scalars: L_b, L_m (nats), L_r, ||M||_1; 0 = absent."""

    masked: Tensor
    multilabel: Tensor
    reconstruction: Tensor
    sparsity: Tensor


def loss_terms(
    output: Output, images: Tensor, labels: Tensor, *, pixels: str = "mean", mask_l1: str = "sum"
) -> LossTerms:
    """The four terms of Eq. 6 by themselves; arguments as in `channel_attention_loss`."""
    masked, multilabel = _by_attribute(output, labels, None)
    reconstruction = _reconstruction(output, images, pixels)
    return LossTerms(masked.sum(), multilabel.sum(), reconstruction, _sparsity(output, mask_l1))


def channel_attention_loss(
    output: Output,
    images: Tensor | None,
    labels: Tensor,
    *,
    alpha: float = 1,
    beta: float = 1,
    gamma: float = 4,
    lam: float = 1e-5,
    pixels: str = "mean",
    mask_l1: str = "sum",
    known: Tensor | None = None,
    reduction: str = "sum",
) -> Tensor:
    """L = alpha L_b + beta L_m + gamma L_r + lam ||M||_1 (Kimura and Tanaka 2019, Eq. 6).

    L_b and L_m (Eq. 1, 3) are binary cross-entropies, summed over attributes, each the mean over
    its known labels. L_r (Eq. 5) is a squared error, ||M||_1 the sum of the masks; both are means
    over images. The paper leaves the reductions `pixels` and `mask_l1` open.

    Args:
        output: of `ChannelAttentionNet`; a term whose part is not in it is 0.
        images: `(B, 3, H, W)` in [0, 1]; needed for L_r alone.
        labels: `(B, K)`, NaN = unknown.
        alpha, beta, gamma, lam: weights of at least 0.
        pixels: L_r as "mean" or "sum" over pixels and colours.
        mask_l1: ||M||_1 as "sum" or "mean" over attributes, channels and positions.
        known: as in `per_task_loss`.
        reduction: "sum" gives L, "none" the shares `(K,)` of the attributes, whose sum is L.

    Raises:
        InputError: a weight below 0, another reduction, or sizes that disagree.
    """
    _check("reduction", reduction, ("sum", "none"))
    weights = {"alpha": alpha, "beta": beta, "gamma": gamma, "lam": lam}
    alpha, beta, gamma, lam = (number_of_at_least(*pair) for pair in weights.items())
    masked, multilabel = _by_attribute(output, labels, known)
    # What all attributes have in common is divided among them.
    common = gamma * _reconstruction(output, images, pixels) + lam * _sparsity(output, mask_l1)
    shares = alpha * masked + (common / labels.shape[1] + beta * multilabel)
    return shares.sum() if reduction == "sum" else shares


def losses(output: Output, batch: Batch, tasks: TaskSet, **weights: Any) -> Tensor:
    """Losses `(K,)` that a plan trains: the attributes' shares of Eq. 6 under `weights`."""
    return channel_attention_loss(
        output, batch.images, batch.labels, known=batch.known, reduction="none", **weights
    )


def _by_attribute(output: Output, labels: Tensor, known: Tensor | None) -> tuple[Tensor, Tensor]:
    """L_b and L_m of each attribute, `(K,)`."""
    if labels.shape != output.logits.shape:
        raise InputError(
            f"labels {tuple(labels.shape)} do not fit logits {tuple(output.logits.shape)}"
        )
    tasks = _attributes(labels.shape[1])
    masked = per_task_loss(output.logits, labels, tasks, known=known)
    if "multilabel_logits" not in output.extra:
        return masked, torch.zeros_like(masked)
    return masked, per_task_loss(output.extra["multilabel_logits"], labels, tasks, known=known)


@functools.lru_cache(maxsize=8)
def _attributes(count: int) -> TaskSet:
    return TaskSet.binary(f"attribute {k}" for k in range(count))


def _reconstruction(output: Output, images: Tensor | None, pixels: str) -> Tensor:
    _check("pixels", pixels, REDUCTIONS)
    if "reconstruction" not in output.extra:
        return output.logits.new_zeros(())
    made = output.extra["reconstruction"]
    if made.shape != images.shape:
        raise InputError(
            f"images {tuple(images.shape)} do not fit the reconstruction {tuple(made.shape)}"
        )
    loss = F.mse_loss(made, images)
    return loss if pixels == "mean" else loss * images[0].numel()


def _sparsity(output: Output, mask_l1: str) -> Tensor:
    _check("mask_l1", mask_l1, REDUCTIONS)
    if "mask_means" not in output.extra:
        return output.logits.new_zeros(())
    means = output.extra["mask_means"]
    if mask_l1 == "mean":
        return means.mean()
    positions = output.extra["extracted"][0, 0].numel()
    return means.sum((1, 2)).mean() * positions


def _check(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"{name} must be one of {', '.join(known)}, got {value!r}")
