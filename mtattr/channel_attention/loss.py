"""The loss of four terms (Kimura and Tanaka 2019, Eq. 1, 3, 5 and 6)."""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from mtattr.errors import InputError, number_of_at_least
from mtattr.nets import Output
from mtattr.tasks import TaskSet
from mtattr.training.losses import per_task_loss

REDUCTIONS = ("mean", "sum")


class LossTerms(NamedTuple):
    """The terms of Eq. 6, unweighted, scalars: L_b and L_m in nats, L_r in squared units of [0, 1], ||M||_1; 0 for what is not there."""

    masked: Tensor
    multilabel: Tensor
    reconstruction: Tensor
    sparsity: Tensor

    def total(
        self, *, alpha: float = 1, beta: float = 1, gamma: float = 4, lam: float = 1e-5
    ) -> Tensor:
        """alpha L_b + beta L_m + gamma L_r + lam ||M||_1 (Eq. 6); `InputError` for a weight below 0."""
        weights = {"alpha": alpha, "beta": beta, "gamma": gamma, "lam": lam}
        return sum(
            number_of_at_least(name, weight) * term
            for (name, weight), term in zip(weights.items(), self, strict=True)
        )


def loss_terms(
    output: Output, images: Tensor, labels: Tensor, *, pixels: str = "mean", mask_l1: str = "sum"
) -> LossTerms:
    """The four terms from an output of `ChannelAttentionNet`, images `(B, 3, H, W)` in [0, 1] and labels `(B, K)`, NaN = unknown.

    L_b and L_m (Eq. 1, 3): binary cross-entropy, summed over attributes; each attribute's mean over its known labels. L_r (Eq. 5):
    squared error, mean over images; over pixels and colours a mean, or a sum. ||M||_1: mean over images; over attributes, channels and
    positions a sum, or a mean. The paper leaves the last two open. Raises `InputError` for another reduction, or sizes that disagree.
    """
    if labels.shape != output.logits.shape:
        raise InputError(
            f"labels {tuple(labels.shape)} do not fit logits {tuple(output.logits.shape)}"
        )
    tasks = TaskSet.binary(f"attribute {k}" for k in range(labels.shape[1]))
    multilabel, zero = output.extra.get("multilabel_logits"), output.logits.new_zeros(())
    return LossTerms(
        per_task_loss(output.logits, labels, tasks).sum(),
        zero if multilabel is None else per_task_loss(multilabel, labels, tasks).sum(),
        _reconstruction(output, images, pixels),
        _sparsity(output, mask_l1),
    )


def channel_attention_loss(
    output: Output,
    images: Tensor,
    labels: Tensor,
    *,
    alpha: float = 1,
    beta: float = 1,
    gamma: float = 4,
    lam: float = 1e-5,
    pixels: str = "mean",
    mask_l1: str = "sum",
) -> Tensor:
    """L = alpha L_b + beta L_m + gamma L_r + lam ||M||_1, a scalar (Kimura and Tanaka 2019, Eq. 6); arguments as of `loss_terms`.

    Raises `InputError` for a weight below 0 or another reduction.
    """
    terms = loss_terms(output, images, labels, pixels=pixels, mask_l1=mask_l1)
    return terms.total(alpha=alpha, beta=beta, gamma=gamma, lam=lam)


def auxiliary_losses(
    output: Output,
    images: Tensor,
    labels: Tensor,
    tasks: TaskSet,
    *,
    known: Tensor | None = None,
    beta: float = 1,
    gamma: float = 4,
    lam: float = 1e-5,
    pixels: str = "mean",
    mask_l1: str = "sum",
) -> Tensor:
    """Eq. 6 without L_b, `(T,)`, as the training loop adds it: L_m by task, the other two terms in equal shares."""
    beta, gamma, lam = (
        number_of_at_least(*pair) for pair in (("beta", beta), ("gamma", gamma), ("lam", lam))
    )
    shared = gamma * _reconstruction(output, images, pixels) + lam * _sparsity(output, mask_l1)
    losses = (shared / len(tasks)).expand(len(tasks))
    if "multilabel_logits" in output.extra and beta:
        losses = losses + beta * per_task_loss(
            output.extra["multilabel_logits"], labels, tasks, known=known
        )
    return losses


def _reconstruction(output: Output, images: Tensor, pixels: str) -> Tensor:
    _check("pixels", pixels)
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
    _check("mask_l1", mask_l1)
    if "mask_means" not in output.extra:
        return output.logits.new_zeros(())
    means = output.extra["mask_means"]
    if mask_l1 == "mean":
        return means.mean()
    positions = output.extra["extracted"][0, 0].numel()
    return means.sum((1, 2)).mean() * positions


def _check(name: str, reduction: str) -> None:
    if reduction not in REDUCTIONS:
        raise InputError(f"{name} must be one of {', '.join(REDUCTIONS)}, got {reduction!r}")
