"""Batch normalisation by other statistics than the batch's: the global batch's on any device, or fixed ones."""

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

    `torch.nn.SyncBatchNorm` refuses CPU tensors, so a run on two CPU processes could not equal a run on one. Without
    a process group this is exactly `nn.BatchNorm2d`.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalise `(B, C, H, W)`; every process must hold as many images."""
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
    """Normalise `(B, C, H, W)` by the statistics of the images of all processes, each of which must hold as many.

    running_mean, running_var: `(C,)`, moved by `momentum` in place, or None. weight, bias: `(C,)` or None. Without a process
    group this is `torch.nn.functional.batch_norm` in training.
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
    """Make every `nn.BatchNorm2d` of `net`, in place, one whose statistics cover all processes; returns `net`."""
    for module in net.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = GlobalBatchNorm2d
    return net


class FrozenBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation by the running statistics in every mode; they never change, scale and shift are trained.

    For pretrained networks: fresh statistics are mean 0 and variance 1, which normalise nothing.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.eval()

    def train(self, mode: bool = True) -> FrozenBatchNorm2d:
        """Stay in evaluation mode, whatever `mode`."""
        return super().train(False)


def freeze_batch_norm(net: nn.Module) -> nn.Module:
    """Make every batch norm over images of `net`, in place, a `FrozenBatchNorm2d`; returns `net`.

    Names and values of the state stay. Raises `InputError` for a batch norm that keeps no running statistics, and for a layer of
    another kind that moves some, such as one with statistics for each task; `net` is then as it was.
    """
    to_freeze = []
    for name, module in net.named_modules():
        if isinstance(module, nn.BatchNorm2d) and not isinstance(module, FrozenBatchNorm2d):
            if module.running_mean is None:
                raise InputError(
                    f"batch norm {name!r} keeps no running statistics, so there is nothing to freeze"
                )
            to_freeze.append(module)
        elif _learns_statistics(module):
            raise InputError(
                f"{type(module).__name__} {name!r} moves running statistics, and only nn.BatchNorm2d can be frozen"
            )
    for module in to_freeze:
        module.__class__ = _frozen(type(module))
        module.eval()
    return net


def _learns_statistics(module: nn.Module) -> bool:
    # A frozen layer of another library holds its scale and shift in buffers, one that learns in parameters.
    known = isinstance(module, nn.modules.batchnorm._NormBase)
    return (
        not known
        and getattr(module, "running_mean", None) is not None
        and any(True for _ in module.parameters(recurse=False))
    )


@functools.cache
def _frozen(kind: type[nn.BatchNorm2d]) -> type[FrozenBatchNorm2d]:
    # timm's batch norm applies the activation too: its forward has to stay.
    plain = kind in (nn.BatchNorm2d, GlobalBatchNorm2d)
    return (
        FrozenBatchNorm2d
        if plain
        else type(f"Frozen{kind.__name__}", (FrozenBatchNorm2d, kind), {})
    )


@contextlib.contextmanager
def batch_statistics(net: nn.Module) -> Iterator[None]:
    """Within, `net` is in evaluation mode, but its batch norm normalises by each batch's own statistics and learns none.

    Frozen batch norm stays frozen. Afterwards every module has its mode of before.
    """
    modes = [(module, module.training) for module in net.modules()]
    layers = [
        module
        for module in net.modules()
        if isinstance(module, nn.BatchNorm2d) and not isinstance(module, FrozenBatchNorm2d)
    ]
    layers = [layer for layer in layers if layer.track_running_stats]
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
