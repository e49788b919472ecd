"""Attention Branch Network with one map per attribute (Fukui et al. 2019, Sec. 3.4)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mtattr.attention_branch.attention import apply_attention
from mtattr.attention_branch.imagenet import imagenet_resnet
from mtattr.attention_branch.parts import Parts, check_images
from mtattr.attention_branch.task_stage import TaskStage
from mtattr.errors import InputError, whole_number
from mtattr.nets import Output

POOLS, MAPS, EXECUTIONS = ("max", "average"), ("raw", "sigmoid"), ("loop", "fold", "shared")


class TaskAttentionBranch(nn.Module):
    """A stage that keeps the resolution and a 1x1 convolution to T maps, each pooled to a logit.

    Args:
        stage: g to `(B, channels, h, w)`.
        pool: of the raw map, "max" (released run) or "average" (text).
        maps: for attention, "raw" or their "sigmoid".
        depthwise: a further 1x1 convolution of each map alone (later releases).
    """

    def __init__(
        self,
        stage: nn.Module,
        channels: int,
        num_tasks: int,
        *,
        pool: str,
        maps: str,
        depthwise: bool,
    ) -> None:
        super().__init__()
        self.stage, self.pool, self.maps = stage, pool, maps
        self.to_tasks = nn.Conv2d(channels, num_tasks, 1, bias=False)
        self.depthwise = nn.Identity()
        if depthwise:
            self.depthwise = nn.Conv2d(num_tasks, num_tasks, 1, groups=num_tasks)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits `(B, T)` and maps `(B, T, h, w)` for g `(B, C, h, w)`."""
        raw = self.depthwise(self.to_tasks(self.stage(features)))
        logits = raw.amax((2, 3)) if self.pool == "max" else raw.mean((2, 3))
        return logits, raw.sigmoid() if self.maps == "sigmoid" else raw


class MultitaskAttentionBranchNet(nn.Module):
    """Attention Branch Network with one map per task, g^t = M^t g (Eq. 4), and one pass (Eq. 5).

    Args:
        num_tasks: T binary tasks.
        backbone: a name for `imagenet_resnet`, or `Parts` with a residual last stage.
        weights: safetensors file for a named backbone.
        residual: (1 + M^t) g instead of M^t g.
        pool, maps, depthwise: of the `TaskAttentionBranch`.
        head_units: logits of each task's linear layer: 1, or 2 as in the paper, whose difference
            is the logit.
        statistics: of batch norm, see `TaskBatchNorm2d`.
        execution: "loop" passes one task after the other (the textbook), "fold" all tasks in one
            batch, "shared" too, and computes once what the passes have in common. All give the
            same outputs, gradients and running statistics up to rounding.
        chunk: most tasks per batch of "fold" and "shared". It bounds the memory for activations:
            in training each chunk is computed again for its gradients.

    Returns logits `(B, T)`, `maps` `(B, T, h, w)`, and in `extra` "attention_logits" `(B, T)`,
    "extracted" g, "pooled" `(B, T, D)`, and in evaluation "evidence", see `perceive`.
    """

    def __init__(
        self,
        num_tasks: int,
        backbone: str | Parts = "resnet101",
        *,
        weights: str | Path | None = None,
        residual: bool = False,
        pool: str = "max",
        maps: str = "raw",
        depthwise: bool = False,
        head_units: int = 1,
        statistics: str = "task",
        execution: str = "shared",
        chunk: int | None = None,
    ) -> None:
        super().__init__()
        whole_number("num_tasks", num_tasks)
        options = {
            "pool": (pool, POOLS),
            "maps": (maps, MAPS),
            "execution": (execution, EXECUTIONS),
        }
        for name, (value, known) in options.items():
            if value not in known:
                raise InputError(f"{name} {value!r} is unknown; there are {', '.join(known)}")
        if head_units not in (1, 2):
            raise InputError(f"head_units must be 1 or 2, got {head_units!r}")
        if chunk is not None:
            whole_number("chunk", chunk)
        if statistics == "joint" and (execution == "loop" or (chunk or num_tasks) < num_tasks):
            raise InputError(
                "joint statistics need all tasks in one batch: execution fold or shared, no chunk"
            )
        parts = backbone
        if isinstance(backbone, str):
            parts = imagenet_resnet(backbone, num_tasks, weights=weights)
        if parts.perception_channels is None:
            raise InputError(
                "a network for many tasks needs a residual last stage, not linear layers"
            )
        self.num_tasks, self.residual, self.stride = num_tasks, residual, parts.stride
        self.execution, self.chunk, self.extractor = execution, chunk, parts.extractor
        how = {"pool": pool, "maps": maps, "depthwise": depthwise}
        self.branch = TaskAttentionBranch(
            parts.attention, parts.attention_channels, num_tasks, **how
        )
        self.stage = TaskStage(parts.perception, num_tasks, statistics)
        heads = nn.Linear(parts.perception_channels, num_tasks * head_units)
        # One tensor (T, units, D) for all heads: only the logit of a task's own pass is computed.
        weight, bias = heads.weight.detach(), heads.bias.detach()
        self.head_weight = nn.Parameter(weight.view(num_tasks, head_units, -1).clone())
        self.head_bias = nn.Parameter(bias.view(num_tasks, head_units).clone())

    def forward(self, images: Tensor, maps: Tensor | None = None) -> Output:
        """Logits and maps for images `(B, 3, H, W)` in [0, 1]; `maps` in place of the branch's."""
        check_images(images, self.stride, training=self.training)
        g = self.extractor(images)
        attention_logits, own = self.branch(g)
        maps = own if maps is None else maps
        pooled, evidence = self.perceive(g, maps)
        weight, bias = self.head_difference
        logits = torch.einsum("btd,td->bt", pooled, weight) + bias
        extra = {"attention_logits": attention_logits, "extracted": g, "pooled": pooled}
        return Output(logits, maps, extra if self.training else extra | {"evidence": evidence})

    @property
    def head_difference(self) -> tuple[Tensor, Tensor]:
        """Weights `(T, D)` and biases `(T,)` of the logits: the one unit, or second minus first."""
        weight, bias = self.head_weight, self.head_bias
        if bias.shape[1] == 1:
            return weight[:, 0], bias[:, 0]
        return weight[:, 1] - weight[:, 0], bias[:, 1] - bias[:, 0]

    def perceive(self, features: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Input of the heads `(B, T, D)` for g `(B, C, h, w)` and any maps `(B, T, h, w)`.

        Second their evidence `(B, T, h', w')`: the class activation map of each task's own pass,
        whose mean plus the bias is the logit; zeros in training.
        """
        expected = (len(features), self.num_tasks, *features.shape[2:])
        if maps.shape != expected:
            raise InputError(f"expected maps {expected}, got {tuple(maps.shape)}")
        gates = 1 + maps if self.residual else maps
        passes = self.loop if self.execution == "loop" else self.batches
        pooled, evidence = zip(*passes(features, gates), strict=True)
        return torch.cat(pooled, dim=1), torch.cat(evidence, dim=1)

    def loop(self, features: Tensor, gates: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Eq. 4 and 5 as printed: one pass of the perception branch per task."""
        for t in range(self.num_tasks):
            task = slice(t, t + 1)
            attended = apply_attention(features, gates[:, task], residual=False)  # Eq. 4: g^t
            last = self.stage(attended.unsqueeze(1), task)  # Eq. 5: p_per(g^t; theta)
            yield self._read(last, task)  # of all answers of this pass only O^t counts

    def batches(self, features: Tensor, gates: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """The same passes in one batch, or in chunks of tasks."""
        size = self.chunk or self.num_tasks
        again = size < self.num_tasks and self.training and torch.is_grad_enabled()
        for first in range(0, self.num_tasks, size):
            tasks = slice(first, min(first + size, self.num_tasks))
            given = features, gates[:, tasks], tasks, itertools.count()
            yield (
                checkpoint(self._pass, *given, use_reentrant=False) if again else self._pass(*given)
            )

    def _pass(
        self, features: Tensor, gates: Tensor, tasks: slice, calls: Iterator[int]
    ) -> tuple[Tensor, Tensor]:
        # Computed again for its gradients, a pass must not move the running statistics twice.
        learn = next(calls) == 0
        if self.execution == "shared":
            return self._read(self.stage(features, tasks, gates=gates, learn=learn), tasks)
        attended = gates.unsqueeze(2) * features.unsqueeze(1)
        return self._read(self.stage(attended, tasks, learn=learn), tasks)

    def _read(self, last: Tensor, tasks: slice) -> tuple[Tensor, Tensor]:
        if self.training:
            return last.mean((3, 4)), last.new_zeros((*last.shape[:2], 1, 1))
        weight, _ = self.head_difference
        return last.mean((3, 4)), torch.einsum("btdhw,td->bthw", last, weight[tasks])
