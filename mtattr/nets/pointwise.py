"""Strided 1x1 convolutions of few channels, whose gradient torch gets wrong on a CPU."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

#: Input channels from which the gradient is said to be right; with AVX2 8 are enough.
SAFE_CHANNELS = 16


class StridedPointwiseConv2d(nn.Conv2d):
    """A strided 1x1 convolution computed as slicing and a 1x1 convolution of stride 1.

    In the layout `channels_last`, oneDNN writes the weight's gradient of a strided one past its
    workspace if the input has fewer channels than a vector register has lanes, 8 with AVX2 and 16
    with AVX-512: training crashes, hangs or goes wrong silently
    (https://github.com/uxlfoundation/oneDNN/issues/6035).
    """

    def forward(self, input: Tensor) -> Tensor:
        """`(B, C, H, W)` to `(B, O, H / stride, W / stride)`, rounded up."""
        rows, columns = self.stride
        return F.conv2d(input[:, :, ::rows, ::columns], self.weight, self.bias, groups=self.groups)


def use_strided_pointwise(net: nn.Module) -> nn.Module:
    """`net`, whose strided 1x1 convolutions of few input channels become, in place, safe ones.

    Names and values of the state stay, and outputs up to rounding. Subclasses of `nn.Conv2d` are
    left alone.
    """
    for module in net.modules():
        if type(module) is nn.Conv2d and _at_risk(module):
            module.__class__ = StridedPointwiseConv2d
    return net


def _at_risk(conv: nn.Conv2d) -> bool:
    pointwise = conv.kernel_size == (1, 1) and conv.padding in ((0, 0), "valid")
    return pointwise and max(conv.stride) > 1 and conv.in_channels // conv.groups < SAFE_CHANNELS
