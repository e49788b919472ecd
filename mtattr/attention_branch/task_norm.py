"""Batch normalisation of one layer that is passed once per task."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtattr.errors import InputError, whole_number
from mtattr.nets import global_batch_norm

STATISTICS = ("task", "sequential", "joint")


class TaskBatchNorm2d(nn.Module):
    """Batch norm with one scale and shift for all T tasks, and one or T sets of statistics.

    Args:
        statistics: one of

            - "task": each pass is normalised by its own batch and has running statistics
              `(T, C)` of its own for evaluation.
            - "sequential": each pass is normalised by its own batch, but all move the same running
              statistics `(C,)` in turn, as when a plain layer is called T times. The last tasks
              then count most, and the order of tasks matters.
            - "joint": one batch of the passes of all tasks, running statistics `(C,)`.
    """

    def __init__(
        self,
        num_tasks: int,
        channels: int,
        statistics: str = "task",
        *,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        if statistics not in STATISTICS:
            raise InputError(
                f"statistics {statistics!r} are unknown; there are {', '.join(STATISTICS)}"
            )
        whole_number("num_tasks", num_tasks)
        self.num_tasks, self.statistics = num_tasks, statistics
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        shape = (num_tasks, channels) if statistics == "task" else (channels,)
        self.register_buffer("running_mean", torch.zeros(shape))
        self.register_buffer("running_var", torch.ones(shape))

    @classmethod
    def like(
        cls, norm: nn.BatchNorm2d, num_tasks: int, statistics: str = "task"
    ) -> TaskBatchNorm2d:
        """A layer that begins with the scale, shift and running statistics of `norm`."""
        made = cls(num_tasks, norm.num_features, statistics, momentum=norm.momentum, eps=norm.eps)
        state, given = made.state_dict(), norm.state_dict()
        made.load_state_dict({key: given[key].expand_as(value) for key, value in state.items()})
        return made

    def forward(self, x: Tensor, tasks: slice, *, learn: bool = True) -> Tensor:
        """Normalised passes `(B, t, C, h, w)` of `tasks`.

        Without `learn` the running statistics stay as they are in training, too.
        """
        batch, count, channels = x.shape[:3]
        running = self.running_mean, self.running_var
        if self.statistics == "joint" and count != self.num_tasks:
            raise InputError(
                f"joint statistics need the passes of all {self.num_tasks} tasks, got {count}"
            )
        if self.statistics == "joint" or (self.statistics == "sequential" and not self.training):
            return self._normalise(x.flatten(0, 1), running, learn).view_as(x)
        # Tasks become channels of one wide layer; no copy, because x is stored task by task.
        wide = x.reshape(batch, count * channels, *x.shape[3:])
        if self.statistics == "task":
            mine = [buffer[tasks].view(-1) for buffer in running]
            return self._normalise(wide, mine, learn).view_as(x)
        own = x.new_zeros(2, count, channels, dtype=self.running_mean.dtype)
        result = self._normalise(wide, own.flatten(1), True, momentum=1.0)
        for moved, each in zip(running, own, strict=True) if learn else ():
            for of_task in each:
                moved.lerp_(of_task, self.momentum)
        return result.view_as(x)

    def _normalise(
        self, x: Tensor, buffers: Iterable[Tensor], learn: bool, momentum: float | None = None
    ) -> Tensor:
        repeats = x.shape[1] // len(self.weight)
        scale, shift = self.weight.repeat(repeats), self.bias.repeat(repeats)
        if not self.training:
            return F.batch_norm(x, *buffers, scale, shift, False, 0.0, self.eps)
        buffers = buffers if learn else [buffer.clone() for buffer in buffers]
        momentum = self.momentum if momentum is None else momentum
        return global_batch_norm(x, *buffers, scale, shift, momentum=momentum, eps=self.eps)
