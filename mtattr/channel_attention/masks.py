"""Attention masks: for each attribute one map for every channel of the features (Kimura and Tanaka 2019, Eq. 2)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mtattr.errors import InputError, whole_number

ACTIVATIONS = {"sigmoid": Tensor.sigmoid, "tanh": Tensor.tanh, "relu": Tensor.relu}


class ChannelMasks(nn.Module):
    """M^1 .. M^K of features `(B, C, h, w)`: `(B, K, C, h, w)`, or `(B, K, 1, h, w)` if `single`.

    One convolution makes all of them, for all read the same features; the mask of attribute k has the weights k * C to (k + 1) * C, so
    changing it changes nothing else. kernel_size: 1 or 3. layers: 2 puts a convolution and ReLU of the attribute's own before it.
    activation: "sigmoid", so that masks are in (0, 1), "tanh" or "relu". single: one map for all channels of an attribute, as in an
    Attention Branch Network. The paper says none of this but the number of channels. Raises `InputError` for other values.
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
                f"masks have kernels of 1 or 3 and 1 or 2 layers, got kernel_size {kernel_size!r} and layers {layers!r}"
            )
        if activation not in ACTIVATIONS:
            raise InputError(
                f"activation {activation!r} is unknown; there are {', '.join(ACTIVATIONS)}"
            )
        self.channels, self.num_attributes = (
            whole_number("channels", channels),
            whole_number("num_attributes", num_attributes),
        )
        self.activation, self.mask_channels = activation, 1 if single else channels
        outputs, padding = num_attributes * self.mask_channels, kernel_size // 2
        self.hidden = (
            nn.Conv2d(channels, num_attributes * channels, kernel_size, padding=padding)
            if layers == 2
            else None
        )
        groups = 1 if self.hidden is None else num_attributes
        self.conv = nn.Conv2d(
            channels * groups, outputs, kernel_size, padding=padding, groups=groups
        )

    @property
    def is_plain(self) -> bool:
        """Whether these are masks of the default form: one convolution, a sigmoid, a map for every channel."""
        return (
            self.hidden is None
            and self.activation == "sigmoid"
            and self.mask_channels == self.channels
        )

    def forward(self, features: Tensor, attributes: slice = slice(None)) -> Tensor:
        """Masks of the features for those attributes; `InputError` for features of another number of channels."""
        if features.ndim != 4 or features.shape[1] != self.channels:
            raise InputError(
                f"expected features (B, {self.channels}, h, w) for masks of as many channels, got {tuple(features.shape)}"
            )
        first, last = bounds(attributes, self.num_attributes)
        if self.hidden is not None:
            features = _rows(
                self.hidden, features, first * self.channels, last * self.channels
            ).relu()
        raw = _rows(
            self.conv,
            features,
            first * self.mask_channels,
            last * self.mask_channels,
            groups=last - first,
        )
        return ACTIVATIONS[self.activation](raw.unflatten(1, (last - first, self.mask_channels)))


def bounds(attributes: slice, num_attributes: int) -> tuple[int, int]:
    """First attribute of a slice and the one after its last; `InputError` for an empty slice or one with steps."""
    first, last, step = attributes.indices(num_attributes)
    if step != 1 or first >= last:
        raise InputError(
            f"expected attributes that follow each other, of 0 to {num_attributes - 1}, got {attributes}"
        )
    return first, last


def _rows(conv: nn.Conv2d, features: Tensor, first: int, last: int, *, groups: int = 1) -> Tensor:
    """The outputs `first` to `last` of a convolution alone."""
    groups = groups if conv.groups > 1 else 1
    return F.conv2d(
        features,
        conv.weight[first:last],
        conv.bias[first:last],
        padding=conv.padding,
        groups=groups,
    )
