"""Batch normalisation by the statistics of all processes' images, or by fixed statistics."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, distributed, nn

from mtattr.errors import InputError


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation whose training statistics cover the images of all processes.

    `torch.nn.SyncBatchNorm` refuses CPU tensors, so a run on two CPU processes could not equal a
    run on one. Without a process group this is exactly `nn.BatchNorm2d`.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalised `(B, C, H, W)`; every process must hold the same number of images."""
        if not self.training:
            return super().forward(input)
        if self.track_running_stats:
            self.num_batches_tracked += 1
        buffers = (
            (self.running_mean, self.running_var) if self.track_running_stats else (None, None)
        )
        return global_batch_norm(
            input, *buffers, self.weight, self.bias, momentum=self.momentum, eps=self.eps
        )


def global_batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    *,
    momentum: float,
    eps: float,
) -> Tensor:
    """Input `(B, C, H, W)` normalised by the statistics of the images of all processes.

    Every process must hold the same number of images. Without a process group this is
    `torch.nn.functional.batch_norm` in training, whose arguments these are.
    """
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return F.batch_norm(input, running_mean, running_var, weight, bias, True, momentum, eps)
    from torch.distributed.nn.functional import all_reduce

    x = input.float() if input.dtype in (torch.float16, torch.bfloat16) else input
    count = x.numel() // x.shape[1] * distributed.get_world_size()
    mean = all_reduce(x.sum(dim=(0, 2, 3))) / count
    centred = x - mean[:, None, None]
    variance = all_reduce(centred.square().sum(dim=(0, 2, 3))) / count
    if running_mean is not None:
        with torch.no_grad():
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            running_var.lerp_((variance * count / (count - 1)).to(running_var.dtype), momentum)
    scale = torch.rsqrt(variance + eps)
    if weight is not None:
        return torch.addcmul(bias[:, None, None], centred, (scale * weight)[:, None, None]).to(
            input.dtype
        )
    return (centred * scale[:, None, None]).to(input.dtype)


def use_global_batch_norm(net: nn.Module) -> nn.Module:
    """`net`, every `nn.BatchNorm2d` of which becomes, in place, a `GlobalBatchNorm2d`."""
    for module in net.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = GlobalBatchNorm2d
    return net


class FrozenBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation by running statistics that never change; scale and shift are trained.

    For pretrained networks: fresh statistics are mean 0 and variance 1, which normalise nothing.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.eval()

    def train(self, mode: bool = True) -> FrozenBatchNorm2d:
        """Stay in evaluation mode, whatever `mode`."""
        return super().train(False)


def freeze_batch_norm(net: nn.Module) -> nn.Module:
    """`net`, every batch norm over images of which becomes, in place, a `FrozenBatchNorm2d`.

    Names and values of the state stay.

    Raises:
        InputError: a batch norm keeps no running statistics, or a layer of another kind learns
            some, such as statistics per task; `net` is then unchanged.
    """
    to_freeze = []
    for name, module in net.named_modules():
        if isinstance(module, nn.BatchNorm2d) and not isinstance(module, FrozenBatchNorm2d):
            if module.running_mean is None:
                raise InputError(f"batch norm {name!r} keeps no running statistics to freeze")
            to_freeze.append(module)
        elif _learns_statistics(module):
            raise InputError(
                f"{type(module).__name__} {name!r} learns running statistics,"
                " and only nn.BatchNorm2d can be frozen"
            )
    for module in to_freeze:
        module.__class__ = _frozen(type(module))
        module.eval()
    return net


def _learns_statistics(module: nn.Module) -> bool:
    # A frozen layer of another library has no parameters: its scale and shift are buffers.
    known = isinstance(module, nn.modules.batchnorm._NormBase)
    has_statistics = getattr(module, "running_mean", None) is not None
    return not known and has_statistics and any(True for _ in module.parameters(recurse=False))


@functools.cache
def _frozen(kind: type[nn.BatchNorm2d]) -> type[FrozenBatchNorm2d]:
    # timm's batch norm applies the activation too: its forward has to stay.
    if kind in (nn.BatchNorm2d, GlobalBatchNorm2d):
        return FrozenBatchNorm2d
    return type(f"Frozen{kind.__name__}", (FrozenBatchNorm2d, kind), {})


@contextlib.contextmanager
def batch_statistics(net: nn.Module) -> Iterator[None]:
    """Context in which `net` evaluates, but batch norm uses each batch's statistics, learning none.

    Frozen batch norm stays frozen. Every module's mode is restored afterwards.
    """
    modes = [(module, module.training) for module in net.modules()]
    norms = [module for module, _ in modes if isinstance(module, nn.BatchNorm2d)]
    layers = [n for n in norms if n.track_running_stats and not isinstance(n, FrozenBatchNorm2d)]
    net.eval()
    try:
        for layer in layers:
            layer.training, layer.track_running_stats = True, False
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True
        for module, mode in modes:
            module.training = mode
