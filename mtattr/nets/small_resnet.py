"""A small residual network, or several of them run as one with grouped convolutions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtattr.errors import InputError


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, added to a shortcut.

    `forward` maps `(B, inputs, H, W)` to `(B, outputs, H / stride, W / stride)`. With `groups` = T,
    group t of the output reads group t of the input alone.
    Source: He et al. 2016, Fig. 2 and Sec. 3.3, option B.
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            inputs, outputs, 3, stride=stride, padding=1, groups=groups, bias=False
        )
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            project = nn.Conv2d(inputs, outputs, 1, stride=stride, groups=groups, bias=False)
            self.shortcut = nn.Sequential(project, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """The block's feature map."""
        inner = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(inner)) + self.shortcut(x), inplace=True)


class SmallResNet(nn.Module):
    """A 3x3 stem and one stage of `BasicBlock`s per width; each stage but the first halves the map.

    `forward` maps `(B, 3, H, W)` to `(B, num_features, h, w)`, for three stages with
    h = H / (4 * stem_stride). With `copies` = T it is T independent networks on the same images:
    at a layer of C channels, channels t * C to (t + 1) * C belong to network t.
    """

    def __init__(
        self,
        *,
        widths: Sequence[int] = (16, 32, 64),
        blocks: Sequence[int] = (1, 1, 1),
        stem_stride: int = 2,
        copies: int = 1,
    ) -> None:
        super().__init__()
        if (
            not widths
            or len(widths) != len(blocks)
            or min(*widths, *blocks, stem_stride, copies) < 1
        ):
            raise InputError(
                "expected a positive width and number of blocks for each stage, got widths"
                f" {tuple(widths)}, blocks {tuple(blocks)}, stride {stem_stride}, copies {copies}"
            )
        self.widths, self.blocks = tuple(widths), tuple(blocks)
        self.stem_stride, self.copies = stem_stride, copies
        self.num_features = widths[-1] * copies
        # PyTorch draws weights by fan-in, which a grouped convolution counts within its group: each
        # copy starts like a single network. By fan-out, as is usual for ResNets, it would not.
        inputs = widths[0] * copies
        self.stem = nn.Sequential(
            nn.Conv2d(3, inputs, 3, stride=stem_stride, padding=1, bias=False),
            nn.BatchNorm2d(inputs),
            nn.ReLU(inplace=True),
        )
        stages = []
        for position, (width, depth) in enumerate(zip(widths, blocks, strict=True)):
            stage = []
            for step in range(depth):
                stride = 2 if position > 0 and step == 0 else 1
                stage.append(BasicBlock(inputs, width * copies, stride=stride, groups=copies))
                inputs = width * copies
            stages.append(nn.Sequential(*stage))
        self.stages = nn.Sequential(*stages)

    def forward(self, x: Tensor) -> Tensor:
        """The last stage's feature map."""
        return self.stages(self.stem(x))

    def copy(self, t: int) -> SmallResNet:
        """Network t by itself, with a copy of its weights and batch norm statistics."""
        if not 0 <= t < self.copies:
            raise InputError(f"there are {self.copies} networks, 0 to {self.copies - 1}; got {t}")
        state = {
            name: value.chunk(self.copies)[t].clone() if value.ndim else value.clone()
            for name, value in self.state_dict().items()
        }
        return _with_state(state, self, 1)


def stack_networks(nets: Sequence[SmallResNet]) -> SmallResNet:
    """Networks of one shape as one, with a copy of their weights and batch norm statistics."""
    shapes = {(net.widths, net.blocks, net.stem_stride) for net in nets}
    if len(shapes) != 1:
        raise InputError(f"expected networks of one shape, got {sorted(shapes)}")
    states = [net.state_dict() for net in nets]
    state = {
        name: torch.cat([one[name] for one in states]) if value.ndim else value.clone()
        for name, value in states[0].items()
    }
    return _with_state(state, nets[0], sum(net.copies for net in nets))


def _with_state(state: dict[str, Tensor], like: SmallResNet, copies: int) -> SmallResNet:
    # Made without storage: no random numbers are drawn, and the state keeps its type and device.
    with torch.device("meta"):
        net = SmallResNet(
            widths=like.widths, blocks=like.blocks, stem_stride=like.stem_stride, copies=copies
        )
    net.load_state_dict(state, assign=True)
    return net.train(like.training)
