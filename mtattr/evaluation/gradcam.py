"""Class activation maps, by weights or by gradients: where in the feature map the evidence for a score lies."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.errors import InputError


def _gradients(features: Tensor, scores: Tensor, first: int, last: int) -> Tensor:
    """d scores[:, t] / d features for t in first..last-1, `(t, B, C, h, w)`."""
    picks = torch.zeros(last - first, *scores.shape, dtype=scores.dtype, device=scores.device)
    picks[torch.arange(last - first), :, torch.arange(first, last)] = 1

    def pull_back(pick: Tensor, batched: bool) -> Tensor:
        (gradient,) = torch.autograd.grad(
            scores, features, pick, retain_graph=True, is_grads_batched=batched, allow_unused=True
        )
        if gradient is None:
            raise InputError("grad_cam: the scores were not computed from these features")
        return gradient

    try:
        return pull_back(picks, True)
    except RuntimeError:
        # Some operators have no batched gradient, and a batch of gradients may not fit into memory: one task at a time then.
        return torch.stack([pull_back(pick, False) for pick in picks])


def grad_cam(features: Tensor, scores: Tensor, *, tasks_at_once: int = 32) -> Tensor:
    """Grad-CAM of every score: channels weighted by their mean gradient, summed, negative evidence cut off.

    features: `(B, C, h, w)`, a layer's output. scores: `(B, T)`, computed from those very features with gradients on, each
    row from its own image only (network in eval mode: batch statistics would mix images). Use logits: a sigmoid's gradient
    fades where the network is sure. Returns `(B, T, h, w)`, at least 0, in raw range (not scaled to 1), detached; a map is
    all 0 where nothing speaks for the task. The graph is kept for further use.
    Raises `InputError` for wrong shapes or scores without a graph.
    Source: Selvaraju et al. 2017, Eqs. 1 and 2.
    """
    if features.ndim != 4 or scores.ndim != 2 or len(features) != len(scores):
        raise InputError(
            f"expected features (B, C, h, w) and scores (B, T), got {tuple(features.shape)} and {tuple(scores.shape)}"
        )
    if not (features.requires_grad and scores.requires_grad):
        raise InputError(
            "grad_cam needs features and scores computed with gradients on, but one of them has no graph"
        )
    maps = []
    for first in range(0, scores.shape[1], tasks_at_once):
        gradients = _gradients(features, scores, first, min(first + tasks_at_once, scores.shape[1]))
        weights = gradients.mean((-2, -1))
        maps.append(torch.einsum("tbc,bchw->bthw", weights, features.detach()).relu())
    return torch.cat(maps, 1).detach()


def class_activation_maps(features: Tensor, weight: Tensor) -> Tensor:
    """Class activation maps of a network that ends in average pooling and a linear layer.

    features: `(B, C, h, w)`, the last map. weight: `(T, C)` of the linear layer. Returns `(B, T, h, w)` in raw range, negative
    evidence included; the mean of a map is its logit without the bias. Grad-CAM on the same map is its positive part divided by
    h w. Raises `InputError` for wrong shapes. Source: Zhou et al. 2016, Eq. 2.
    """
    if features.ndim != 4 or weight.ndim != 2 or features.shape[1] != weight.shape[1]:
        raise InputError(
            f"expected features (B, C, h, w) and weight (T, C), got {tuple(features.shape)} and {tuple(weight.shape)}"
        )
    return torch.einsum("tc,bchw->bthw", weight, features)
