"""Logits of a network for a whole split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mtattr.data.batches import take
from mtattr.nets.output import Output

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@torch.no_grad()
def predict(
    net: nn.Module, images: Tensor, *, fabric: Fabric | None = None, batch_size: int = 256
) -> Tensor:
    """Logits float32 `(N, U)` on the CPU for uint8 images `(N, 3, H, W)`, in evaluation mode.

    Each process computes a contiguous share, and all receive the whole. `net` keeps its mode.
    """
    rank, world = (fabric.global_rank, fabric.world_size) if fabric else (0, 1)
    device = fabric.device if fabric else next(net.parameters()).device
    share = -(-len(images) // world)
    rows = torch.arange(rank * share, (rank + 1) * share).clamp(max=len(images) - 1)
    was_training = net.training
    net.eval()
    parts = []
    for part in rows.split(batch_size):
        output: Output = net(
            take(images, part, device).contiguous(memory_format=torch.channels_last)
        )
        parts.append(output.logits.float())
    net.train(was_training)
    logits = torch.cat(parts)
    if fabric is not None and world > 1:
        logits = fabric.all_gather(logits).flatten(0, 1)
    return logits[: len(images)].cpu()
