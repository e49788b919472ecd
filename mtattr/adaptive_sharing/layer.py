"""Layers with branches, computed in one operation (Lu et al. 2017, Eq. 1, 3 and 5)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

#: Execution of the branches of a layer: all at once, or one after the other.
EXECUTIONS = ("grouped", "loop")


class _Reading(nn.Module):
    """A layer each of whose branches reads one branch of the layer below."""

    weight: Tensor

    @property
    def parents(self) -> tuple[int, ...]:
        """For each branch the branch below that it reads."""
        return self._parents

    @parents.setter
    def parents(self, parents: Sequence[int]) -> None:
        self._parents = tuple(parents)
        # Beside the weights, so that a forward pass on a GPU does not wait for a copy of a list.
        rows = torch.tensor(self._parents, device=self.weight.device)
        self.register_buffer("reads", rows, persistent=False)

    def read(self, x: Tensor, inputs: int) -> Tensor:
        """Input of every branch, `(B, branches below * inputs, ...)` to `(B, n, inputs, ...)`."""
        return x.unflatten(1, (-1, inputs))[:, self.reads]


class BranchedLayer(_Reading):
    """n branches, each a convolution with bias, batch norm without scale and shift, and ReLU.

    Branch k reads the `inputs` channels of branch `parents[k]` below and has `outputs` channels. In
    a fully connected layer the kernel (kh, kw) covers the whole map. Weights are
    `(n * outputs, inputs, kh, kw)`; the channels of a map stand branch by branch.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: tuple[int, int],
        parents: Sequence[int],
        *,
        padding: int = 0,
    ) -> None:
        super().__init__()
        self.inputs, self.outputs, self.padding = inputs, outputs, padding
        self.weight = nn.Parameter(torch.empty(len(parents) * outputs, inputs, *kernel))
        self.bias = nn.Parameter(torch.empty(len(parents) * outputs))
        self.parents = parents
        self.norm: nn.Module = batch_norm(len(self.parents) * outputs)
        self.execution = "grouped"
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights from N(0, 2 / fan-in), biases 0 (released code: MSRA filler)."""
        nn.init.normal_(self.weight, std=math.sqrt(2 / self.weight[0].numel()))
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, branches below * inputs, H, W)` to `(B, n * outputs, H', W')`."""
        linear = self._loop(x) if self.execution == "loop" else self._grouped(x)
        return F.relu(self.norm(linear), inplace=True)

    def _grouped(self, x: Tensor) -> Tensor:
        groups = self._groups(x)
        if groups == len(self.parents) and self.parents != tuple(range(groups)):
            x = self.read(x, self.inputs).flatten(1, 2)
        if self.padding == 0 and x.shape[-2:] == self.weight.shape[-2:]:
            return _fully_connected(x, self.weight, self.bias, groups)[..., None, None]
        return F.conv2d(x, self.weight, self.bias, padding=self.padding, groups=groups)

    def _groups(self, x: Tensor) -> int:
        # With one branch below all branches read the same channels: one dense operation.
        return 1 if x.shape[1] == self.inputs else len(self.parents)

    def _loop(self, x: Tensor) -> Tensor:
        branches = zip(
            self.parents,
            self.weight.split(self.outputs),
            self.bias.split(self.outputs),
            strict=True,
        )
        read = x.split(self.inputs, dim=1)
        return torch.cat(
            [F.conv2d(read[parent], w, b, padding=self.padding) for parent, w, b in branches], dim=1
        )

    @torch.no_grad()
    def take_branches(self, sources: Sequence[int], parents: Sequence[int]) -> None:
        """Copy branch `sources[k]` with its batch norm to branch k, which reads `parents[k]`."""
        rows = [torch.arange(self.outputs) + source * self.outputs for source in sources]
        rows = torch.cat(rows).to(self.weight.device)
        self.parents = parents
        self.weight = nn.Parameter(self.weight.detach()[rows])
        self.bias = nn.Parameter(self.bias.detach()[rows])
        if isinstance(self.norm, nn.BatchNorm2d):
            norm = batch_norm(len(rows)).train(self.norm.training)
            norm.to(self.weight.device, self.norm.running_mean.dtype)
            norm.running_mean.copy_(self.norm.running_mean[rows])
            norm.running_var.copy_(self.norm.running_var[rows])
            norm.num_batches_tracked.copy_(self.norm.num_batches_tracked)
            self.norm = norm

    @torch.no_grad()
    def fold(self) -> None:
        """Put the batch norm of evaluation mode into weights and biases, and drop it."""
        self.norm = folded_into(self, self.norm)

    def extra_repr(self) -> str:
        """Sizes, for `print(net)`."""
        sizes = f"{self.inputs} -> {len(self.parents)} x {self.outputs}"
        return f"{sizes}, kernel {tuple(self.weight.shape[-2:])}, parents {self.parents}"


class BranchedOutputs(_Reading):
    """One logit per task, a linear function of the branch that the task reads; no batch norm."""

    def __init__(self, inputs: int, parents: Sequence[int]) -> None:
        super().__init__()
        self.inputs = inputs
        self.weight = nn.Parameter(torch.empty(len(parents), inputs))
        self.bias = nn.Parameter(torch.zeros(len(parents)))
        self.parents = parents
        nn.init.normal_(self.weight, std=math.sqrt(2 / inputs))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, branches * inputs, 1, 1)` to logits `(B, T)`."""
        x = x.flatten(1)
        if x.shape[1] == self.inputs:
            return F.linear(x, self.weight, self.bias)
        return (self.read(x, self.inputs) * self.weight).sum(2) + self.bias


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm without scale and shift; as in Caffe, 0.95 of the old statistics are kept."""
    return nn.BatchNorm2d(channels, affine=False, momentum=0.05, eps=1e-5)


def folded_into(conv: nn.Module, norm: nn.Module) -> nn.Module:
    """An identity in place of `norm`, whose evaluation mode is put into conv's weight and bias."""
    if isinstance(norm, nn.BatchNorm2d):
        statistics = (norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
        conv.weight, conv.bias = fuse_conv_bn_weights(conv.weight, conv.bias, *statistics)
    return nn.Identity()


def _fully_connected(x: Tensor, weight: Tensor, bias: Tensor, groups: int) -> Tensor:
    """`(B, groups * inputs, kh, kw)` to `(B, n * outputs)`; each group reads its own inputs."""
    x = x.unflatten(1, (groups, -1)).transpose(0, 1)
    # Flattened in the order in which the weights lie; the other order would copy them per call.
    if weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous():
        x, weight = x.movedim(2, -1), weight.movedim(1, -1)
    x, weight = x.flatten(2), weight.flatten(1)
    if groups == 1:
        return F.linear(x[0], weight, bias)
    product = torch.bmm(x, weight.unflatten(0, (groups, -1)).transpose(1, 2))
    return product.transpose(0, 1).flatten(1) + bias
