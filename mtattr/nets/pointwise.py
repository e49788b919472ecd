"""Strided 1x1 convolutions of few channels, whose gradient goes wrong in torch on a CPU."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

#: From so many input channels on the gradient is said to be right with AVX-512, too; with AVX2 it is from 8.
SAFE_CHANNELS = 16


class StridedPointwiseConv2d(nn.Conv2d):
    """A 1x1 convolution that first picks the positions its stride leaves and then mixes their channels: the same function.

    In the layout `channels_last`, oneDNN writes the gradient of the weight of a strided one past its workspace if the input has
    fewer channels than a vector register has lanes, 8 with AVX2 and 16 with AVX-512: training crashes, hangs or goes wrong
    silently (https://github.com/uxlfoundation/oneDNN/issues/6035).
    """

    def forward(self, input: Tensor) -> Tensor:
        """`(B, C, H, W)` to `(B, O, H / stride, W / stride)`, rounded up."""
        rows, columns = self.stride
        return F.conv2d(input[:, :, ::rows, ::columns], self.weight, self.bias, groups=self.groups)


def use_strided_pointwise(net: nn.Module) -> nn.Module:
    """Make every strided 1x1 convolution of fewer than `SAFE_CHANNELS` input channels of `net`, in place, a safe one; returns `net`.

    Names and values of the state stay, and outputs up to rounding. Subclasses of `nn.Conv2d` are left alone.
    """
    for module in net.modules():
        if type(module) is nn.Conv2d and _at_risk(module):
            module.__class__ = StridedPointwiseConv2d
    return net


def _at_risk(conv: nn.Conv2d) -> bool:
    pointwise = conv.kernel_size == (1, 1) and conv.padding in ((0, 0), "valid")
    return pointwise and max(conv.stride) > 1 and conv.in_channels // conv.groups < SAFE_CHANNELS
