"""Attention masks: per attribute one map per channel (Kimura and Tanaka 2019, Eq. 2)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mtattr.errors import InputError, whole_number

ACTIVATIONS = {"sigmoid": Tensor.sigmoid, "tanh": Tensor.tanh, "relu": Tensor.relu}


class ChannelMasks(nn.Module):
    """Masks M^1 .. M^K of features `(B, C, h, w)`: `(B, K, C, h, w)`, or `(B, K, 1, h, w)`.

    One convolution makes all of them, for all read the same features; outputs k * C to (k + 1) * C
    are the mask of attribute k. The paper fixes the number of channels only.

    Args:
        kernel_size: 1 or 3.
        layers: 2 puts a convolution with ReLU, one per attribute, before the last.
        activation: "sigmoid" for masks in (0, 1), "tanh" or "relu".
        single: one map for all channels of an attribute, as in an Attention Branch Network.
    """

    def __init__(
        self,
        channels: int = 128,
        num_attributes: int = 40,
        *,
        kernel_size: int = 3,
        layers: int = 1,
        activation: str = "sigmoid",
        single: bool = False,
    ) -> None:
        super().__init__()
        if kernel_size not in (1, 3) or layers not in (1, 2):
            raise InputError(
                "masks have kernels of 1 or 3 and 1 or 2 layers,"
                f" got kernel_size {kernel_size!r} and layers {layers!r}"
            )
        if activation not in ACTIVATIONS:
            raise InputError(
                f"activation {activation!r} is unknown; there are {', '.join(ACTIVATIONS)}"
            )
        self.channels = whole_number("channels", channels)
        self.num_attributes = whole_number("num_attributes", num_attributes)
        self.activation, self.mask_channels = activation, 1 if single else channels
        form = {"kernel_size": kernel_size, "padding": kernel_size // 2}
        self.hidden, groups = None, 1
        if layers == 2:
            self.hidden, groups = (
                nn.Conv2d(channels, num_attributes * channels, **form),
                num_attributes,
            )
        outputs = num_attributes * self.mask_channels
        self.conv = nn.Conv2d(channels * groups, outputs, groups=groups, **form)

    @property
    def is_plain(self) -> bool:
        """Default form: one convolution, a sigmoid, a map per channel."""
        one_each = self.mask_channels == self.channels
        return one_each and self.hidden is None and self.activation == "sigmoid"

    def forward(self, features: Tensor, attributes: slice = slice(None)) -> Tensor:
        """Masks of those attributes."""
        first, last = bounds(attributes, self.num_attributes)
        if self.hidden is not None:
            features = _rows(self.hidden, features, first, last, self.channels).relu()
        raw = _rows(self.conv, features, first, last, self.mask_channels)
        return ACTIVATIONS[self.activation](raw.unflatten(1, (last - first, self.mask_channels)))


def bounds(attributes: slice, num_attributes: int) -> tuple[int, int]:
    """First attribute of a slice without gaps, and the one after its last."""
    first, last, step = attributes.indices(num_attributes)
    if step != 1 or first >= last:
        raise InputError(
            f"expected consecutive attributes of 0 to {num_attributes - 1}, got {attributes}"
        )
    return first, last


def _rows(conv: nn.Conv2d, features: Tensor, first: int, last: int, each: int) -> Tensor:
    # Outputs of attributes `first` to `last` alone, `each` of them per attribute.
    rows, groups = slice(first * each, last * each), last - first if conv.groups > 1 else 1
    weight, bias = conv.weight[rows], conv.bias[rows]
    return F.conv2d(features, weight, bias, padding=conv.padding, groups=groups)
