"""VGG-16, thin models and networks with branches (Lu et al. 2017, Sec. 3.1 and 3.2)."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from mtattr.adaptive_sharing.layer import EXECUTIONS, BranchedLayer, BranchedOutputs
from mtattr.adaptive_sharing.layout import CONVOLUTIONS, LAYERS, POOLED, VGG16_WIDTHS, thin_widths
from mtattr.adaptive_sharing.tree import Groups, Tree
from mtattr.errors import InputError, whole_number
from mtattr.nets import Output
from mtattr.nets.normalise import IMAGENET_MEAN, IMAGENET_STD, Normalise, check_images


class BranchedVGG(nn.Module):
    """A VGG-16 of any widths whose layers may have several branches.

    Args:
        tree: which branch reads which.
        widths: channels of a branch of each of the 15 layers.
        input_size: side of the images in pixels, at least 32, or (height, width).
        execution: "grouped" computes the branches of a layer in one operation, "loop" one after
            the other; results are equal.
    """

    def __init__(
        self,
        tree: Tree,
        widths: Sequence[int],
        *,
        input_size: int | tuple[int, int] = 224,
        execution: str = "grouped",
    ) -> None:
        super().__init__()
        self.widths, self.input_size = check_widths(widths), check_input_size(input_size)
        self.normalise = Normalise(IMAGENET_MEAN, IMAGENET_STD, persistent=True)
        self.layers = nn.ModuleList(
            BranchedLayer(below, width, kernel, parents, padding=1 if layer < CONVOLUTIONS else 0)
            for layer, (below, width, kernel, parents) in enumerate(
                zip(
                    (3, *self.widths),
                    self.widths,
                    kernels(self.input_size),
                    tree.parents,
                    strict=False,
                )
            )
        )
        self.outputs = BranchedOutputs(self.widths[-1], tree.parents[-1])
        self.execution = execution

    @property
    def tree(self) -> Tree:
        """The present tree."""
        return Tree((*(layer.parents for layer in self.layers), self.outputs.parents))

    @property
    def structure(self) -> dict[str, Any]:
        """Tree and sizes as JSON; `from_structure` builds a network that can load our weights."""
        return {
            "tree": self.tree.to_list(),
            "widths": list(self.widths),
            "input_size": list(self.input_size),
        }

    @classmethod
    def from_structure(cls, structure: Mapping[str, Any]) -> BranchedVGG:
        """Network of a `structure`, with random weights; `InputError` for anything else."""
        parts = ("tree", "widths", "input_size")
        if not isinstance(structure, Mapping) or not structure.keys() >= set(parts):
            raise InputError(f"expected {', '.join(parts)} of a network, got {structure!r}")
        tree, widths, input_size = (structure[part] for part in parts)
        return cls(Tree.from_list(tree), widths, input_size=input_size)

    @property
    def execution(self) -> str:
        """Execution of the branches: "grouped" or "loop"."""
        return self.layers[0].execution

    @execution.setter
    def execution(self, name: str) -> None:
        if name not in EXECUTIONS:
            raise InputError(f"execution {name!r} is unknown; there are {', '.join(EXECUTIONS)}")
        for layer in self.layers:
            layer.execution = name

    def forward(self, images: Tensor) -> Output:
        """Images `(B, 3, H, W)` in [0, 1] to logits `(B, T)`."""
        check_images(images, self.input_size)
        return Output(self.outputs(run_layers(self.layers, self.normalise(images))))

    def widen(self, groups: Groups) -> BranchedVGG:
        """Give each group of branches at the junction its copy of the layer below (Eq. 4, Eq. 5).

        In place; returns the network. Copies have the weights, biases and batch norm of the
        original, so outputs stay as they are. The parameters are new: build a new optimiser.
        """
        at = self.tree.junction
        after = self.tree.widen(groups)
        below = self.layers[at - 1]
        below.take_branches([0] * len(after.parents[at - 1]), after.parents[at - 1])
        upper = self.outputs if at == len(LAYERS) else self.layers[at]
        upper.parents = after.parents[at]
        return self


def ThinVGG(num_tasks: int, omega: int, input_size: int | tuple[int, int] = 224) -> BranchedVGG:
    """The thin-omega model: at most omega channels in a convolution, 2 omega in fc6 and fc7."""
    return BranchedVGG(Tree.trunk(num_tasks), thin_widths(omega), input_size=input_size)


def vgg16(num_tasks: int, input_size: int | tuple[int, int] = 224) -> BranchedVGG:
    """The paper's strong baseline, VGG-16 with batch norm: 134,411,968 weights for 40 tasks."""
    return BranchedVGG(Tree.trunk(num_tasks), VGG16_WIDTHS, input_size=input_size)


def count_weights(net: nn.Module) -> int:
    """Number of weights without biases and batch norm, as in the paper's tables."""
    named = net.named_parameters()
    return sum(value.numel() for name, value in named if name.rpartition(".")[2] == "weight")


def fold_batch_norm(net: nn.Module) -> nn.Module:
    """A copy of `net` in evaluation mode with batch norm folded into weights and biases.

    Outputs are equal. Source: Lu et al. 2017, Sec. 4.5. Their released code adds epsilon outside
    the root; we fold what evaluation mode computes.
    """
    folded = copy.deepcopy(net).eval()
    for module in folded.modules():
        if hasattr(module, "fold"):
            module.fold()
    return folded


def run_layers(layers: Sequence[nn.Module], x: Tensor) -> Tensor:
    """All layers in turn, with a pooling of 2 x 2 after each block of convolutions."""
    for number, layer in enumerate(layers):
        x = layer(x)
        if number in POOLED:
            x = F.max_pool2d(x, 2)
    return x


def kernels(input_size: tuple[int, int]) -> list[tuple[int, int]]:
    """Kernel of each layer: 3 x 3, then the whole last map for fc6, then 1 x 1."""
    last_map = tuple(side // 2 ** len(POOLED) for side in input_size)
    return [(3, 3)] * CONVOLUTIONS + [last_map, (1, 1)]


def check_widths(widths: Sequence[int]) -> tuple[int, ...]:
    """`widths` as a tuple, or `InputError` unless they are 15 whole numbers of at least 1."""
    if not isinstance(widths, list | tuple) or len(widths) != len(LAYERS):
        raise InputError(f"widths must be {len(LAYERS)} numbers, got {widths!r}")
    return tuple(whole_number("widths", width) for width in widths)


def check_input_size(input_size: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width), or `InputError` below 32 px: five poolings must leave a pixel."""
    size = input_size if isinstance(input_size, list | tuple) else (input_size, input_size)
    if len(size) != 2:
        raise InputError(f"input_size must be one number or (height, width), got {input_size!r}")
    return tuple(whole_number("input_size", side, least=2 ** len(POOLED)) for side in size)
