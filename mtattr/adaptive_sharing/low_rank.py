"""The low-rank baseline: VGG-16 with every layer factorised (Lu et al. 2017, Sec. 4.5)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtattr.adaptive_sharing.layer import batch_norm, folded_into
from mtattr.adaptive_sharing.layout import CONVOLUTIONS, LAYERS, VGG16_WIDTHS
from mtattr.adaptive_sharing.network import check_input_size, check_widths, kernels, run_layers
from mtattr.errors import InputError, whole_number
from mtattr.nets import Output
from mtattr.nets.normalise import IMAGENET_MEAN, IMAGENET_STD, Normalise, check_images

#: Basis filters per layer; the paper prints 8-16-32-64-64-64-64-16 for blocks, fc6, fc7, outputs.
RANKS = (8, 8, 16, 16, 32, 32, 32, *(64,) * 6, 64, 64)
OUTPUT_RANK = 16


class LowRankLayer(nn.Module):
    """A convolution to `rank` basis maps, a 1 x 1 convolution of them, batch norm and ReLU."""

    def __init__(
        self, inputs: int, rank: int, outputs: int, kernel: tuple[int, int], *, padding: int = 0
    ) -> None:
        super().__init__()
        self.outputs = outputs
        self.basis = nn.Conv2d(inputs, rank, kernel, padding=padding)
        self.combine = nn.Conv2d(rank, outputs, 1)
        self.norm: nn.Module = batch_norm(outputs)
        _xavier(self.basis.weight)
        nn.init.normal_(self.combine.weight, std=math.sqrt(2 / rank))
        nn.init.zeros_(self.basis.bias)
        nn.init.zeros_(self.combine.bias)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, inputs, H, W)` to `(B, outputs, H', W')`."""
        return F.relu(self.norm(self.combine(self.basis(x))), inplace=True)

    @torch.no_grad()
    def fold(self) -> None:
        """Put the batch norm of evaluation mode into the combination, and drop it."""
        self.norm = folded_into(self.combine, self.norm)


class LowRankVGG(nn.Module):
    """VGG-16 of any widths with all 15 layers and the outputs factorised.

    Args:
        num_tasks: T.
        widths: channels of the 15 layers.
        ranks: basis filters of the 15 layers.
        output_rank: units between fc7 and the T outputs, shared by all tasks.
        input_size: side of the images in pixels, at least 32, or (height, width).
    """

    def __init__(
        self,
        num_tasks: int,
        widths: Sequence[int] = VGG16_WIDTHS,
        *,
        ranks: Sequence[int] = RANKS,
        output_rank: int = OUTPUT_RANK,
        input_size: int | tuple[int, int] = 224,
    ) -> None:
        super().__init__()
        self.widths, self.input_size = check_widths(widths), check_input_size(input_size)
        if len(ranks) != len(LAYERS) or min(*ranks, output_rank) < 1:
            given = f"{tuple(ranks)} and {output_rank} for the outputs"
            raise InputError(f"ranks must be {len(LAYERS)} positive numbers, got {given}")
        self.normalise = Normalise(IMAGENET_MEAN, IMAGENET_STD, persistent=True)
        self.layers = nn.ModuleList(
            LowRankLayer(below, rank, width, kernel, padding=1 if layer < CONVOLUTIONS else 0)
            for layer, (below, rank, width, kernel) in enumerate(
                zip((3, *self.widths), ranks, self.widths, kernels(self.input_size), strict=False)
            )
        )
        self.shared = nn.Linear(self.widths[-1], output_rank)
        self.outputs = nn.Linear(output_rank, whole_number("num_tasks", num_tasks))
        for linear in (self.shared, self.outputs):
            nn.init.zeros_(linear.bias)
        _xavier(self.shared.weight)
        nn.init.normal_(self.outputs.weight, std=math.sqrt(2 / output_rank))

    def forward(self, images: Tensor) -> Output:
        """Images `(B, 3, H, W)` in [0, 1] to logits `(B, T)`."""
        check_images(images, self.input_size)
        features = run_layers(self.layers, self.normalise(images)).flatten(1)
        return Output(self.outputs(self.shared(features)))


def _xavier(weight: Tensor) -> None:
    """Uniform within sqrt(3 / fan-in), which keeps the variance of the input (released code)."""
    bound = math.sqrt(3 / weight[0].numel())
    nn.init.uniform_(weight, -bound, bound)


def low_rank_vgg16(num_tasks: int, input_size: int | tuple[int, int] = 224) -> LowRankVGG:
    """The paper's low-rank VGG-16: 4,523,352 weights for 40 tasks."""
    return LowRankVGG(num_tasks, input_size=input_size)
