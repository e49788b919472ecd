"""K binary classifiers of features under K masks, and the gate between them (Kimura and Tanaka 2019, Eq. 2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtattr.channel_attention.masks import bounds
from mtattr.errors import InputError, whole_number


def apply_masks(features: Tensor, masks: Tensor, *, keep_one: bool = True) -> Tensor:
    """(1 + M^k) F, or M^k F without `keep_one`: `(B, K, C, h, w)` from features `(B, C, h, w)` and masks `(B, K, C or 1, h, w)`.

    Raises `InputError` if the sizes or the numbers of channels disagree. Source: Kimura and Tanaka 2019, Eq. 2.
    """
    _check(features, masks)
    return (1 + masks if keep_one else masks) * features.unsqueeze(1)


def pool_masked(features: Tensor, masks: Tensor, *, keep_one: bool = True) -> Tensor:
    """The mean over positions of `apply_masks`, `(B, K, C)`, without holding 1 + M: mean((1 + M) F) = mean(F) + mean(M F)."""
    _check(features, masks)
    if (
        masks.shape[2] == 1
    ):  # one map for all channels: a matrix product, with nothing of size K C h w
        masked = (
            torch.einsum("bkp,bcp->bkc", masks.flatten(2), features.flatten(2))
            / features[0, 0].numel()
        )
    else:
        masked = (masks * features.unsqueeze(1)).mean((3, 4))
    return masked + features.mean((2, 3)).unsqueeze(1) if keep_one else masked


def _check(features: Tensor, masks: Tensor) -> None:
    if (
        features.ndim != 4
        or masks.ndim != 5
        or masks.shape[0] != features.shape[0]
        or masks.shape[3:] != features.shape[2:]
    ):
        raise InputError(
            f"expected features (B, C, h, w) and masks (B, K, C, h, w), got {tuple(features.shape)} and {tuple(masks.shape)}"
        )
    if masks.shape[2] not in (1, features.shape[1]):
        raise InputError(
            f"masks have {masks.shape[2]} channels and features {features.shape[1]}; expected as many, or a single one"
        )


class MaskedClassifiers(nn.Module):
    """f_b^k: global average pooling and a linear layer to one logit, with weights of its own for each of K attributes.

    hidden: channels of a 3x3 convolution with ReLU before the pool, of each attribute's own; None leaves it out, and then a logit is
    exactly a sum over channels, `weight[k, c] * pooled[b, k, c]`, and a bias. Raises `InputError` for other values.
    """

    def __init__(
        self, channels: int = 128, num_attributes: int = 40, *, hidden: int | None = None
    ) -> None:
        super().__init__()
        channels, num_attributes = (
            whole_number("channels", channels),
            whole_number("num_attributes", num_attributes),
        )
        self.hidden = None
        if hidden is not None:
            outputs = num_attributes * whole_number("hidden", hidden)
            self.hidden = nn.Conv2d(
                num_attributes * channels, outputs, 3, padding=1, groups=num_attributes
            )
            channels = hidden
        linear = nn.Linear(channels, num_attributes)
        self.weight, self.bias = linear.weight, linear.bias

    def pool(
        self,
        features: Tensor,
        masks: Tensor,
        attributes: slice = slice(None),
        *,
        keep_one: bool = True,
    ) -> Tensor:
        """What the linear layers of those attributes read, `(B, K, D)`: their masks' features, pooled; D = C without `hidden`."""
        if self.hidden is None:
            return pool_masked(features, masks, keep_one=keep_one)
        masked = apply_masks(features, masks, keep_one=keep_one)
        first, last = bounds(attributes, len(self.bias))
        each = self.weight.shape[1]
        rows = slice(first * each, last * each)
        weight, bias = self.hidden.weight[rows], self.hidden.bias[rows]
        return (
            F.conv2d(masked.flatten(1, 2), weight, bias, padding=1, groups=last - first)
            .relu()
            .mean((2, 3))
            .unflatten(1, (-1, each))
        )

    def forward(self, pooled: Tensor) -> Tensor:
        """Logits `(B, K)` of what `pool` made for all attributes."""
        return torch.einsum("bkc,kc->bk", pooled, self.weight) + self.bias
