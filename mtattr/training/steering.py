"""Validation batches for loss weightings: forward pass only, no gradient step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mtattr.data.batches import random_rows, take
from mtattr.data.image_data import ImageData
from mtattr.nets.batch_norm import batch_statistics
from mtattr.training.losses import known_counts
from mtattr.training.plan import Plan

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@torch.no_grad()
def steering_losses(
    plan: Plan,
    net: nn.Module,
    data: ImageData,
    images: Tensor,
    *,
    fabric: Fabric,
    batch: int,
    seed: int,
    epoch: int,
    step: int,
) -> Tensor:
    """Losses `(T,)` of validation images, over all processes; NaN for a task without a known label.

    Nothing can learn from these images: the network runs without a graph, in evaluation mode or
    with each batch's own batch norm statistics (`plan.steering_norm`). He et al. 2017, Sec. 3.4:
    only the training images may update the parameters.

    Args:
        plan: the run.
        net: its network.
        data: where the images are drawn from, at random.
        images: those of `data`, wherever they lie.
        fabric: device and processes.
        batch: number of images, over all processes.
        seed, epoch, step: decide which images are drawn.
    """
    rank, world = fabric.global_rank, fabric.world_size
    rows = random_rows(len(data), batch, seed=seed, epoch=epoch, step=step)[
        batch * rank // world : batch * (rank + 1) // world
    ]
    x = take(images, rows, fabric.device).contiguous(memory_format=torch.channels_last)
    y = data.labels[rows].to(fabric.device, non_blocking=True)
    if plan.steering_norm == "batch":
        with batch_statistics(net):
            logits = net(x).logits
    else:
        net.eval()
        logits = net(x).logits
        net.train()
    losses = plan.validation_losses(logits, y)
    known = known_counts(y)
    if world > 1:
        losses = fabric.all_reduce(losses * known, reduce_op="sum")
        known = fabric.all_reduce(known, reduce_op="sum")
        losses = losses / known.clamp(min=1)
    return torch.where(known > 0, losses, torch.nan)
