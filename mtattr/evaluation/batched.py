"""A network's answers for many images, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from mtattr.data.batches import take


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every module has the mode that it had."""
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def batched(
    net: nn.Module,
    images: Tensor,
    answer: Callable[[Tensor, Tensor], Any],
    *,
    rows: Tensor | None = None,
    device: torch.device | str = "cpu",
    batch_size: int = 256,
) -> Any:
    """Answers for many images, in evaluation mode and without gradients: float32 on the CPU.

    Args:
        net: the network that `answer` calls; it is moved to `device`.
        images: uint8 `(N, 3, H, W)`, in memory or mapped.
        answer: from a batch `(B, 3, H, W)` in [0, 1] and its rows `(B,)` to a tensor `(B, ...)` or
            a tuple of such tensors, which are joined over batches.
        rows: int64, which images to take; by default all.
    """
    net.to(device)
    rows = torch.arange(len(images)) if rows is None else rows
    parts = []
    with evaluating(net):
        for part in rows.split(batch_size):
            found = answer(take(images, part, device), part)
            each = found if isinstance(found, tuple) else (found,)
            parts.append([tensor.detach().float().cpu() for tensor in each])
    joined = tuple(torch.cat(tensors) for tensors in zip(*parts, strict=True))
    return joined if isinstance(found, tuple) else joined[0]
