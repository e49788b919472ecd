"""Class activation maps, by weights (CAM) or by gradients (Grad-CAM)."""

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
        # An operator has no batched gradient, or a batch does not fit into memory: one by one.
        return torch.stack([pull_back(pick, False) for pick in picks])


def grad_cam(features: Tensor, scores: Tensor, *, tasks_at_once: int = 32) -> Tensor:
    """Grad-CAM of every score: channels weighted by their mean gradient, summed, cut off at 0.

    Args:
        features: `(B, C, h, w)`, a layer's output.
        scores: `(B, T)`, computed from these features with gradients on, in evaluation mode, since
            batch statistics mix images. Use logits: a sigmoid's gradient vanishes near 0 and 1.
        tasks_at_once: gradients computed together, which bounds the memory.

    Returns:
        `(B, T, h, w)`, not scaled to 1, detached. Source: Selvaraju et al. 2017, Eqs. 1 and 2.
    """
    if features.ndim != 4 or scores.ndim != 2 or len(features) != len(scores):
        raise InputError(
            "expected features (B, C, h, w) and scores (B, T), "
            f"got {tuple(features.shape)} and {tuple(scores.shape)}"
        )
    if not (features.requires_grad and scores.requires_grad):
        raise InputError(
            "grad_cam needs features and scores computed with gradients on; one has no graph"
        )
    maps = []
    for first in range(0, scores.shape[1], tasks_at_once):
        gradients = _gradients(features, scores, first, min(first + tasks_at_once, scores.shape[1]))
        weights = gradients.mean((-2, -1))
        maps.append(torch.einsum("tbc,bchw->bthw", weights, features.detach()).relu())
    return torch.cat(maps, 1).detach()


def class_activation_maps(features: Tensor, weight: Tensor) -> Tensor:
    """Class activation maps `(B, T, h, w)` of a network that ends in pooling and a linear layer.

    From its last features `(B, C, h, w)` and the layer's weight `(T, C)`. The mean of a map is its
    logit without the bias; its positive part, divided by h w, is Grad-CAM. Source: Zhou et al.
    2016, Eq. 2.
    """
    if features.ndim != 4 or weight.ndim != 2 or features.shape[1] != weight.shape[1]:
        raise InputError(
            "expected features (B, C, h, w) and weight (T, C), "
            f"got {tuple(features.shape)} and {tuple(weight.shape)}"
        )
    return torch.einsum("tc,bchw->bthw", weight, features)
