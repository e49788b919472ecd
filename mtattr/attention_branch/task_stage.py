"""The last stage of a residual network, passed once for every task with the features that the task attends to."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtattr.attention_branch.residual import ResidualBlock
from mtattr.attention_branch.sharing import gated_conv2d
from mtattr.attention_branch.task_norm import TaskBatchNorm2d
from mtattr.errors import InputError


class TaskBlock(nn.Module):
    """A residual block whose convolutions all tasks share and whose batch norm knows which task is passing."""

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

    def forward(self, x: Tensor, tasks: slice, *, learn: bool) -> Tensor:
        """`(B, t, C, h, w)` to `(B, t, D, h', w')`."""
        shortcut = x if self.shortcut is None else _per_pass(self.shortcut, x)
        return self._rest(_per_pass(self.convs[0], x), shortcut, tasks, learn)

    def gated(self, features: Tensor, gates: Tensor, tasks: slice, *, learn: bool) -> Tensor:
        """The same for x[:, t] = gates[:, t] * features, with what the tasks have in common computed once."""
        first = _shared(self.convs[0], features, gates)
        shortcut = (
            gates.unsqueeze(2) * features.unsqueeze(1)
            if self.shortcut is None
            else _shared(self.shortcut, features, gates)
        )
        return self._rest(first, shortcut, tasks, learn)

    def _rest(self, inner: Tensor, shortcut: Tensor, tasks: slice, learn: bool) -> Tensor:
        for i, norm in enumerate(self.norms):
            if i:
                inner = _per_pass(self.convs[i], F.relu(inner, inplace=True))
            inner = norm(inner, tasks, learn=learn)
        if self.shortcut_norm is not None:
            shortcut = self.shortcut_norm(shortcut, tasks, learn=learn)
        # In place: no norm needs its result for its gradient, and there are T maps of each kind.
        return F.relu(inner.add_(shortcut), inplace=True)


class TaskStage(nn.Module):
    """A stage of `TaskBlock`s made of a plain stage, whose weights and statistics it takes over.

    stage: a sequence of `ResidualBlock`s, or timm's residual blocks without squeeze. `forward` maps g `(B, C, h, w)` and gates
    `(B, t, h, w)` of `tasks` to `(B, t, D, h', w')`. shared: compute what the tasks have in common once. Raises `InputError` for other
    kinds of block.
    """

    def __init__(self, stage: nn.Module, num_tasks: int, statistics: str = "task") -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            TaskBlock(_as_residual(block), num_tasks, statistics) for block in stage
        )

    def forward(
        self, features: Tensor, gates: Tensor, tasks: slice, *, shared: bool, learn: bool = True
    ) -> Tensor:
        """All passes of `tasks`; `learn` False leaves running statistics alone."""
        # Passes of one image lie side by side in memory, so that tasks can become channels for batch norm without a copy.
        features, gates = features.contiguous(), gates.contiguous()
        first, *rest = self.blocks
        if shared:
            x = first.gated(features, gates, tasks, learn=learn)
        else:
            x = first(gates.unsqueeze(2) * features.unsqueeze(1), tasks, learn=learn)
        for block in rest:
            x = block(x, tasks, learn=learn)
        return x


def _per_pass(conv: nn.Conv2d, x: Tensor) -> Tensor:
    made = conv._conv_forward(x.flatten(0, 1), conv.weight.contiguous(), conv.bias)
    return made.contiguous().unflatten(0, x.shape[:2])


def _shared(conv: nn.Conv2d, features: Tensor, gates: Tensor) -> Tensor:
    return gated_conv2d(
        features, gates, conv.weight.contiguous(), stride=conv.stride[0], padding=conv.padding[0]
    ).contiguous()


def _as_residual(block: nn.Module) -> ResidualBlock:
    """timm's residual blocks as ours, with the very same convolutions and norms."""
    if isinstance(block, ResidualBlock):
        if block.squeeze is not None:
            raise InputError("a stage with squeeze and excitation can not be passed task by task")
        return block
    names = [name for name in ("1", "2", "3") if hasattr(block, f"conv{name}")]
    if not names or getattr(block, "se", None) is not None:
        raise InputError(
            f"expected residual blocks without squeeze and excitation, got {type(block).__name__}"
        )
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
