"""Attention Branch Network for many attributes: a map for each, and one stage that is passed once a map (Fukui et al. 2019, Sec. 3.4)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mtattr.attention_branch.imagenet import imagenet_resnet
from mtattr.attention_branch.parts import Parts, check_images
from mtattr.attention_branch.task_stage import TaskStage
from mtattr.errors import InputError, whole_number
from mtattr.nets import Output

POOLS, MAPS, EXECUTIONS = ("max", "average"), ("raw", "sigmoid"), ("loop", "fold", "shared")


class TaskAttentionBranch(nn.Module):
    """A stage that keeps the resolution and a 1x1 convolution to one map for each task, whose pooled value is its logit.

    stage: g to `(B, channels, h, w)`. pool: "max" (released run) or "average" (text) of the raw map. maps: "raw" or "sigmoid" of
    it for attention. depthwise: a further 1x1 convolution of each map alone (later releases).
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
        self.depthwise = (
            nn.Conv2d(num_tasks, num_tasks, 1, groups=num_tasks) if depthwise else nn.Identity()
        )

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits `(B, T)` and maps `(B, T, h, w)` for g `(B, C, h, w)`."""
        raw = self.depthwise(self.to_tasks(self.stage(features)))
        logits = raw.amax((2, 3)) if self.pool == "max" else raw.mean((2, 3))
        return logits, raw.sigmoid() if self.maps == "sigmoid" else raw


class MultitaskAttentionBranchNet(nn.Module):
    """g^t = M^t g (Eq. 4), or (1 + M^t) g with `residual`, read by one perception branch for all tasks; its logit t counts (Eq. 5).

    num_tasks: T binary tasks. backbone: a name for `imagenet_resnet` or `Parts` with a residual last stage. weights: a safetensors file for
    a named backbone. pool, maps, depthwise: of the attention branch. head_units: logits of each task's linear layer, 1, or 2 as in the
    paper, whose difference is the logit.

    execution: "loop" passes the perception branch once for each task, one after the other (the textbook), "fold" all tasks in one
    batch, "shared" the same and computes once what the passes have in common before their first spatial mixing. All
    give the same outputs, gradients and running statistics up to rounding. statistics: of batch norm, see `TaskBatchNorm2d`.
    chunk: at most so many tasks at once; memory for activations is bounded by it, because in training each chunk is
    computed again for its gradients.

    `forward` returns logits `(B, T)`, `maps` `(B, T, h, w)`, and in `extra` "attention_logits" `(B, T)`, "extracted" g, "pooled"
    `(B, T, D)`, what the heads read, and in evaluation mode "evidence", where that comes from (see `perceive`).
    Raises `InputError` for unknown options, and for joint statistics with a loop or chunks.
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
        for name, value, known in (
            ("pool", pool, POOLS),
            ("maps", maps, MAPS),
            ("execution", execution, EXECUTIONS),
        ):
            if value not in known:
                raise InputError(f"{name} {value!r} is unknown; there are {', '.join(known)}")
        if head_units not in (1, 2):
            raise InputError(f"head_units must be 1 or 2, got {head_units!r}")
        if chunk is not None:
            whole_number("chunk", chunk)
        if statistics == "joint" and (
            execution == "loop" or (chunk is not None and chunk < num_tasks)
        ):
            raise InputError(
                "joint statistics need all tasks in one batch: execution fold or shared, without a chunk"
            )
        parts = (
            imagenet_resnet(backbone, num_tasks, weights=weights)
            if isinstance(backbone, str)
            else backbone
        )
        if parts.perception_channels is None:
            raise InputError(
                "a network for many tasks needs a residual last stage, and this backbone has linear layers"
            )
        self.num_tasks, self.residual, self.execution, self.chunk, self.stride = (
            num_tasks,
            residual,
            execution,
            chunk,
            parts.stride,
        )
        self.extractor = parts.extractor
        self.branch = TaskAttentionBranch(
            parts.attention,
            parts.attention_channels,
            num_tasks,
            pool=pool,
            maps=maps,
            depthwise=depthwise,
        )
        self.stage = TaskStage(parts.perception, num_tasks, statistics)
        heads = nn.Linear(parts.perception_channels, num_tasks * head_units)
        # A head for every task in one tensor (T, units, D): only the logit of a task's own pass is ever computed.
        self.head_weight = nn.Parameter(
            heads.weight.detach().view(num_tasks, head_units, -1).clone()
        )
        self.head_bias = nn.Parameter(heads.bias.detach().view(num_tasks, head_units).clone())

    def forward(self, images: Tensor) -> Output:
        """Logits and maps for images `(B, 3, H, W)` in [0, 1]."""
        check_images(images, self.stride, training=self.training)
        extracted = self.extractor(images)
        attention_logits, maps = self.branch(extracted)
        pooled, evidence = self.perceive(extracted, maps)
        logits = (
            torch.einsum("btd,td->bt", pooled, self.head_difference[0]) + self.head_difference[1]
        )
        extra = {"attention_logits": attention_logits, "extracted": extracted, "pooled": pooled}
        return Output(logits, maps, extra if self.training else extra | {"evidence": evidence})

    @property
    def head_difference(self) -> tuple[Tensor, Tensor]:
        """Weights `(T, D)` and biases `(T,)` of the logits: of the one unit, or of the second minus the first."""
        if self.head_bias.shape[1] == 1:
            return self.head_weight[:, 0], self.head_bias[:, 0]
        return self.head_weight[:, 1] - self.head_weight[:, 0], self.head_bias[
            :, 1
        ] - self.head_bias[:, 0]

    def perceive(self, features: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
        """What each task's head reads, `(B, T, D)`, from g `(B, C, h, w)` and anyone's maps `(B, T, h, w)`.

        Second, where that comes from: the class activation map of each task's own pass `(B, T, h', w')`, whose mean and bias are the logit;
        zeros in training.
        """
        if maps.shape != (len(features), self.num_tasks, *features.shape[2:]):
            raise InputError(
                f"expected maps {(len(features), self.num_tasks, *features.shape[2:])}, got {tuple(maps.shape)}"
            )
        gates = 1 + maps if self.residual else maps
        size = 1 if self.execution == "loop" else self.chunk or self.num_tasks
        passes = [
            slice(first, min(first + size, self.num_tasks))
            for first in range(0, self.num_tasks, size)
        ]
        again = (
            self.chunk is not None and len(passes) > 1 and self.training and torch.is_grad_enabled()
        )
        made = [self._pass(features, gates[:, tasks], tasks, again) for tasks in passes]
        pooled, evidence = (torch.cat(parts, dim=1) for parts in zip(*made, strict=True))
        return pooled, evidence

    def _pass(
        self, features: Tensor, gates: Tensor, tasks: slice, again: bool
    ) -> tuple[Tensor, Tensor]:
        learned = []

        def run(features: Tensor, gates: Tensor) -> tuple[Tensor, Tensor]:
            first = (
                not learned
            )  # computed again for its gradients, a pass must not move the running statistics twice
            learned.append(tasks)
            last = self.stage(
                features, gates, tasks, shared=self.execution == "shared", learn=first
            )
            if self.training:
                return last.mean((3, 4)), last.new_zeros((*last.shape[:2], 1, 1))
            return last.mean((3, 4)), torch.einsum(
                "btdhw,td->bthw", last, self.head_difference[0][tasks]
            )

        return (
            checkpoint(run, features, gates, use_reentrant=False) if again else run(features, gates)
        )
