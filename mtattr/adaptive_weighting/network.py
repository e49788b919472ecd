"""Separate models, one network per task, run in a loop or at once (He et al. 2017, Eq. 1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from mtattr.errors import InputError
from mtattr.nets.backbones import SMALL_MEAN, SMALL_STD, Backbone
from mtattr.nets.multitask import MultiTaskNet
from mtattr.nets.output import Output
from mtattr.nets.small_resnet import SmallResNet, stack_networks
from mtattr.tasks import TaskSet


class SeparateNets(nn.Module):
    """A whole network per task (He et al. 2017, Eq. 1), run one after the other.

    `build` makes a backbone and is called once per task; dropout is that of `MultiTaskNet`. No
    parameter is shared, so training by the sum of the losses trains each network alone.
    """

    def __init__(
        self, tasks: TaskSet, build: Callable[[], Backbone], *, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.tasks = tasks
        self.nets = nn.ModuleList(MultiTaskNet(build(), task.num_units, dropout) for task in tasks)

    def forward(self, images: Tensor) -> Output:
        """Images `(B, 3, H, W)` in [0, 1] to logits `(B, U)` in the order of the tasks' units."""
        return Output(torch.cat([net(images).logits for net in self.nets], dim=1))


class StackedSeparateNets(nn.Module):
    """A small residual network per task, run at once by grouped convolutions (He et al., Eq. 1).

    The head `(U, C)` has a row per unit, which reads the C averaged features of the network of its
    task. widths, blocks and stem_stride are those of each `SmallResNet`. `stack` makes an equal
    network from `SeparateNets`.
    """

    def __init__(
        self,
        tasks: TaskSet,
        *,
        widths: Sequence[int] = (16, 32, 64),
        blocks: Sequence[int] = (1, 1, 1),
        stem_stride: int = 2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise InputError(f"dropout must lie in [0, 1), got {dropout!r}")
        self.tasks = tasks
        trunk = SmallResNet(
            widths=widths, blocks=blocks, stem_stride=stem_stride, copies=len(tasks)
        )
        self.backbone = Backbone(trunk, trunk.num_features, mean=SMALL_MEAN, std=SMALL_STD)
        self.dropout = nn.Dropout(dropout)
        # Initialised like the heads of single networks: by the C features that a unit reads.
        head = nn.Linear(trunk.widths[-1], tasks.num_units)
        self.weight, self.bias = head.weight, head.bias
        unit_task = torch.tensor([t for t, task in enumerate(tasks) for _ in range(task.num_units)])
        self.register_buffer("unit_task", unit_task, persistent=False)

    def forward(self, images: Tensor) -> Output:
        """Images `(B, 3, H, W)` in [0, 1] to logits `(B, U)` in the order of the tasks' units."""
        pooled = self.dropout(self.backbone(images).mean((2, 3)))
        own = pooled.unflatten(1, (len(self.tasks), -1)).index_select(1, self.unit_task)
        return Output(torch.einsum("buc,uc->bu", own, self.weight) + self.bias)


def stack(separate: SeparateNets) -> StackedSeparateNets:
    """The same networks stacked, with copies of all weights and batch norm statistics.

    Raises `InputError` unless the backbones are small residual networks of one shape with the same
    input normalisation.
    """
    backbones = [net.backbone for net in separate.nets]
    if not all(isinstance(backbone.trunk, SmallResNet) for backbone in backbones):
        raise InputError("only networks on the backbone small_resnet can be stacked")
    mean, std = backbones[0].mean, backbones[0].std
    if not all(torch.equal(b.mean, mean) and torch.equal(b.std, std) for b in backbones):
        raise InputError("networks can be stacked only if they normalise their input alike")
    trunk = stack_networks([backbone.trunk for backbone in backbones])
    dropout = separate.nets[0].dropout.p
    with torch.random.fork_rng(devices=[]):
        stacked = StackedSeparateNets(
            separate.tasks,
            widths=trunk.widths,
            blocks=trunk.blocks,
            stem_stride=trunk.stem_stride,
            dropout=dropout,
        )
    state = {f"backbone.trunk.{name}": value for name, value in trunk.state_dict().items()}
    state |= {"backbone.mean": mean.clone(), "backbone.std": std.clone()}
    state |= {
        name: torch.cat([getattr(net.head, name) for net in separate.nets]).detach()
        for name in ("weight", "bias")
    }
    stacked.load_state_dict(state, assign=True)
    return stacked.to(mean.device).train(separate.training)
