"""K binary classifiers of masked features (Kimura and Tanaka 2019, Eq. 2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtattr.channel_attention.masks import bounds
from mtattr.errors import InputError, whole_number


def apply_masks(features: Tensor, masks: Tensor, *, keep_one: bool = True) -> Tensor:
    """Masked features (1 + M^k) F, `(B, K, C, h, w)` (Kimura and Tanaka 2019, Eq. 2).

    Args:
        features: F, `(B, C, h, w)`.
        masks: M, `(B, K, C, h, w)`, or `(B, K, 1, h, w)` for one map per attribute.
        keep_one: False leaves the 1 out.
    """
    _check(features, masks)
    return (1 + masks if keep_one else masks) * features.unsqueeze(1)


def pool_masked(features: Tensor, masks: Tensor, *, keep_one: bool = True) -> Tensor:
    """Mean of `apply_masks` over positions, `(B, K, C)`, as mean(F) + mean(M F)."""
    _check(features, masks)
    if masks.shape[2] == 1:  # One map for all channels: a product without a K C h w tensor.
        positions = features[0, 0].numel()
        masked = torch.einsum("bkp,bcp->bkc", masks.flatten(2), features.flatten(2)) / positions
    else:
        masked = (masks * features.unsqueeze(1)).mean((3, 4))
    return masked + features.mean((2, 3)).unsqueeze(1) if keep_one else masked


def _check(features: Tensor, masks: Tensor) -> None:
    # Sizes that do not fit would be broadcast.
    f, m = tuple(features.shape), tuple(masks.shape)
    if len(f) != 4 or len(m) != 5 or (m[0], *m[3:]) != (f[0], *f[2:]) or m[2] not in (1, f[1]):
        raise InputError(
            f"expected features (B, C, h, w) and masks (B, K, C or 1, h, w), got {f} and {m}"
        )


class MaskedClassifiers(nn.Module):
    """Classifiers f_b^k: global average pooling and a linear layer of its own per attribute.

    Args:
        hidden: channels of a 3x3 convolution with ReLU before the pool, one per attribute. Without
            it a logit is `bias[k] + sum over c of weight[k, c] * pooled[b, k, c]`.
    """

    def __init__(
        self, channels: int = 128, num_attributes: int = 40, *, hidden: int | None = None
    ) -> None:
        super().__init__()
        channels = whole_number("channels", channels)
        num_attributes = whole_number("num_attributes", num_attributes)
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
        """Input of the linear layers of some attributes, `(B, K, D)`; D = C without `hidden`."""
        if self.hidden is None:
            return pool_masked(features, masks, keep_one=keep_one)
        masked = apply_masks(features, masks, keep_one=keep_one).flatten(1, 2)
        first, last = bounds(attributes, len(self.bias))
        each = self.weight.shape[1]
        rows = slice(first * each, last * each)
        weight, bias = self.hidden.weight[rows], self.hidden.bias[rows]
        made = F.conv2d(masked, weight, bias, padding=1, groups=last - first).relu()
        return made.mean((2, 3)).unflatten(1, (-1, each))

    def forward(self, pooled: Tensor) -> Tensor:
        """Logits `(B, K)` of the pooled features of all attributes."""
        return torch.einsum("bkc,kc->bk", pooled, self.weight) + self.bias
