"""Last stage of a residual network, passed once per task with the features the task attends to."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtattr.attention_branch.residual import ResidualBlock
from mtattr.attention_branch.sharing import gated_conv2d
from mtattr.attention_branch.task_norm import TaskBatchNorm2d
from mtattr.errors import InputError


class TaskBlock(nn.Module):
    """A residual block with convolutions for all tasks and `TaskBatchNorm2d` for each pass."""

    def __init__(self, block: ResidualBlock, num_tasks: int, statistics: str) -> None:
        super().__init__()
        self.convs = block.convs
        self.norms = nn.ModuleList(
            TaskBatchNorm2d.like(norm, num_tasks, statistics) for norm in block.norms
        )
        self.shortcut, self.shortcut_norm = None, None
        if block.shortcut is not None:
            self.shortcut, norm = block.shortcut
            self.shortcut_norm = TaskBatchNorm2d.like(norm, num_tasks, statistics)

    def forward(
        self, x: Tensor, tasks: slice, *, gates: Tensor | None = None, learn: bool
    ) -> Tensor:
        """`(B, t, C, h, w)` to `(B, t, D, h', w')`; with gates for x[:, t] = gates[:, t] * x."""
        if gates is None:
            inner = _per_pass(self.convs[0], x)
            shortcut = x if self.shortcut is None else _per_pass(self.shortcut, x)
        else:
            inner = _shared(self.convs[0], x, gates)
            if self.shortcut is None:
                shortcut = gates.unsqueeze(2) * x.unsqueeze(1)
            else:
                shortcut = _shared(self.shortcut, x, gates)
        for i, norm in enumerate(self.norms):
            if i:
                inner = _per_pass(self.convs[i], F.relu(inner, inplace=True))
            inner = norm(inner, tasks, learn=learn)
        if self.shortcut_norm is not None:
            shortcut = self.shortcut_norm(shortcut, tasks, learn=learn)
        # In place: no norm needs its result for its gradient, and there are T maps of each kind.
        return F.relu(inner.add_(shortcut), inplace=True)


class TaskStage(nn.Module):
    """A stage of `TaskBlock`s with the weights and statistics of a plain stage.

    Args:
        stage: a sequence of `ResidualBlock`s, or of timm's residual blocks without squeeze.
        statistics: of batch norm, see `TaskBatchNorm2d`.
    """

    def __init__(self, stage: nn.Module, num_tasks: int, statistics: str = "task") -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            TaskBlock(_as_residual(block), num_tasks, statistics) for block in stage
        )

    def forward(
        self, features: Tensor, tasks: slice, *, gates: Tensor | None = None, learn: bool = True
    ) -> Tensor:
        """Last maps `(B, t, D, h', w')` of the passes of `tasks`.

        Args:
            features: attended features of each pass `(B, t, C, h, w)`; with gates g `(B, C, h, w)`.
            gates: `(B, t, h, w)`: what the passes of gates[:, t] * g have in common is done once.
            learn: False leaves the running statistics alone.
        """
        # Passes of an image lie side by side: tasks become channels for batch norm without a copy.
        x, gates = features.contiguous(), None if gates is None else gates.contiguous()
        for block in self.blocks:
            x, gates = block(x, tasks, gates=gates, learn=learn), None
        return x


def _per_pass(conv: nn.Conv2d, x: Tensor) -> Tensor:
    made = conv._conv_forward(x.flatten(0, 1), conv.weight.contiguous(), conv.bias)
    return made.contiguous().unflatten(0, x.shape[:2])


def _shared(conv: nn.Conv2d, features: Tensor, gates: Tensor) -> Tensor:
    how = {"stride": conv.stride[0], "padding": conv.padding[0]}
    return gated_conv2d(features, gates, conv.weight.contiguous(), **how).contiguous()


def _as_residual(block: nn.Module) -> ResidualBlock:
    """timm's residual blocks as ours, with the very same convolutions and norms."""
    names = [name for name in ("1", "2", "3") if hasattr(block, f"conv{name}")]
    squeeze = getattr(block, "squeeze", None) or getattr(block, "se", None)
    if squeeze is not None or not (names or isinstance(block, ResidualBlock)):
        raise InputError(
            f"expected residual blocks without squeeze and excitation, got {type(block).__name__}"
        )
    if isinstance(block, ResidualBlock):
        return block
    with torch.device("meta"):
        made = ResidualBlock(1, [(1, 1, 1, 1)])
    made.convs = nn.ModuleList(getattr(block, f"conv{name}") for name in names)
    made.norms = nn.ModuleList(getattr(block, f"bn{name}") for name in names)
    if block.downsample is not None:
        conv, norm = (
            module for module in block.downsample if isinstance(module, nn.Conv2d | nn.BatchNorm2d)
        )
        made.shortcut = nn.ModuleList([conv, norm])
    return made
