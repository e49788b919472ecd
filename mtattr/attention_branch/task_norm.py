"""Batch normalisation of one layer that is passed once for every task."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtattr.errors import InputError, whole_number
from mtattr.nets import global_batch_norm

STATISTICS = ("task", "sequential", "joint")


class TaskBatchNorm2d(nn.Module):
    """Batch norm with scale and shift for all T tasks and, by `statistics`, one or T sets of statistics.

    - "task": each task's pass is normalised by its own batch and has running statistics `(T, C)` of its own for evaluation.
    - "sequential": each pass by its own batch, but all move the same running statistics `(C,)`, one task after the other, as
      when a plain layer is called T times. The last tasks then count most, and the order of tasks matters.
    - "joint": one batch of all tasks' passes, running statistics `(C,)`. Needs all tasks at once.

    `forward` takes `(B, t, C, h, w)`, the passes of `tasks`, and returns the same shape. Raises `InputError` for other
    statistics, or some tasks where "joint" needs all.
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
        self.num_tasks, self.statistics, self.momentum, self.eps = (
            num_tasks,
            statistics,
            momentum,
            eps,
        )
        self.weight, self.bias = (
            nn.Parameter(torch.ones(channels)),
            nn.Parameter(torch.zeros(channels)),
        )
        shape = (num_tasks, channels) if statistics == "task" else (channels,)
        self.register_buffer("running_mean", torch.zeros(shape))
        self.register_buffer("running_var", torch.ones(shape))

    @classmethod
    def like(
        cls, norm: nn.BatchNorm2d, num_tasks: int, statistics: str = "task"
    ) -> TaskBatchNorm2d:
        """A layer that begins with the scale, shift and running statistics of `norm`, for every task."""
        made = cls(num_tasks, norm.num_features, statistics, momentum=norm.momentum, eps=norm.eps)
        made.load_state_dict(
            {
                key: value.expand_as(made.state_dict()[key])
                for key, value in norm.state_dict().items()
                if value.ndim
            }
        )
        return made

    def forward(self, x: Tensor, tasks: slice, *, learn: bool = True) -> Tensor:
        """Normalise the passes of `tasks`; without `learn` the running statistics stay as they are in training, too."""
        batch, count, channels = x.shape[:3]
        if self.statistics == "joint" and count != self.num_tasks:
            raise InputError(
                f"joint statistics need the passes of all {self.num_tasks} tasks at once, got {count}"
            )
        if self.statistics == "joint" or (self.statistics == "sequential" and not self.training):
            return self._normalise(
                x.flatten(0, 1), self.running_mean, self.running_var, 1, learn
            ).view_as(x)
        # Tasks become channels of one wide layer: no copy, because the map is stored task by task within each image.
        wide = x.reshape(batch, count * channels, *x.shape[3:])
        if self.statistics == "task":
            mean, variance = self.running_mean[tasks].view(-1), self.running_var[tasks].view(-1)
            return self._normalise(wide, mean, variance, count, learn).view_as(x)
        mean, variance = x.new_zeros(2, count * channels, dtype=self.running_mean.dtype)
        result = self._normalise(wide, mean, variance, count, True, momentum=1.0)
        if learn:
            for at_once, running in ((mean, self.running_mean), (variance, self.running_var)):
                for of_task in at_once.view(count, channels):
                    running.lerp_(of_task, self.momentum)
        return result.view_as(x)

    def _normalise(
        self,
        x: Tensor,
        mean: Tensor,
        variance: Tensor,
        repeats: int,
        learn: bool,
        momentum: float | None = None,
    ) -> Tensor:
        scale, shift = self.weight.repeat(repeats), self.bias.repeat(repeats)
        if not self.training:
            return F.batch_norm(x, mean, variance, scale, shift, False, 0.0, self.eps)
        buffers = (mean, variance) if learn else (mean.clone(), variance.clone())
        momentum = self.momentum if momentum is None else momentum
        return global_batch_norm(x, *buffers, scale, shift, momentum=momentum, eps=self.eps)
