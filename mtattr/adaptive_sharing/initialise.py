"""Start a network from a wider one that is already trained (Lu et al. 2017, Alg. 2 and Sec. 4.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from mtattr.adaptive_sharing.layout import LAYERS, VGG16_WIDTHS
from mtattr.adaptive_sharing.low_rank import LowRankVGG
from mtattr.adaptive_sharing.network import BranchedVGG, fold_batch_norm, kernels
from mtattr.adaptive_sharing.somp import somp
from mtattr.errors import InputError
from mtattr.nets import read_weights

#: Weights and biases of the 15 layers, `(out, in, kh, kw)` and `(out,)`, bottom first.
Filters = list[tuple[Tensor, Tensor]]


def filters_of(net: BranchedVGG) -> Filters:
    """The filters of a network with one branch in each layer, its batch norm folded in."""
    return [(layer.weight.detach(), layer.bias.detach()) for layer in fold_batch_norm(net).layers]


@torch.no_grad()
def start_from_wide(
    net: BranchedVGG, wide: Filters, *, select: Callable[[Tensor, int], Tensor] = somp
) -> list[Tensor]:
    """Algorithm 2: fill the layers of `net` with filters of a wider network that SOMP selects; outputs stay as they are.

    Layer by layer from the image: drop the input channels that the layer below did not select, then select filters among
    what is left; biases follow their filters. A layer that is as wide as its source is copied whole. select: gives k of the rows
    `(N, d)`; SOMP in the paper. Returns the selected
    channels of each layer, int64, in pick order. Raises `InputError` if the network forks or a shape does not fit.
    """
    if any(count > 1 for count in net.tree.copies):
        raise InputError(
            "only a network without branches can start from a wide one; start first, widen then"
        )
    if len(wide) != len(LAYERS):
        raise InputError(f"expected the filters of {len(LAYERS)} layers, got {len(wide)}")
    kept, picks = torch.arange(3), []
    for name, layer, (weight, bias) in zip(LAYERS, net.layers, wide, strict=True):
        weight = weight[:, kept.to(weight.device)]
        if weight.shape[1:] != layer.weight.shape[1:] or len(weight) < layer.outputs:
            raise InputError(
                f"{name}: filters {tuple(weight.shape)} do not hold {tuple(layer.weight.shape)}"
            )
        kept = (
            torch.arange(len(weight))
            if len(weight) == layer.outputs
            else select(weight.flatten(1), layer.outputs)
        )
        layer.weight.copy_(weight[kept])
        layer.bias.copy_(bias[kept])
        picks.append(kept.cpu())
    return picks


@torch.no_grad()
def start_low_rank(net: LowRankVGG, wide: Filters) -> None:
    """Fill the factors of `net` by a truncated singular value decomposition of every layer; outputs stay as they are.

    W = U S V^T, `(out, in * kh * kw)`, becomes basis sqrt(S_r) V_r^T and combination U_r sqrt(S_r), whose product is the
    best approximation of its rank; the bias goes to the combination. Raises `InputError` if a shape does not fit.
    """
    for name, layer, (weight, bias) in zip(LAYERS, net.layers, wide, strict=True):
        if weight.shape != (layer.outputs, *layer.basis.weight.shape[1:]):
            raise InputError(
                f"{name}: filters {tuple(weight.shape)} do not fit {layer.outputs} x {tuple(layer.basis.weight.shape[1:])}"
            )
        u, s, v = torch.linalg.svd(weight.double().flatten(1), full_matrices=False)
        rank = layer.basis.out_channels
        if len(s) < rank:
            raise InputError(
                f"{name}: a matrix of {tuple(weight.flatten(1).shape)} has no {rank} singular values"
            )
        root = s[:rank].sqrt()
        layer.basis.weight.copy_((root[:, None] * v[:rank]).view_as(layer.basis.weight))
        layer.combine.weight.copy_((u[:, :rank] * root).view_as(layer.combine.weight))
        layer.basis.bias.zero_()
        layer.combine.bias.copy_(bias)


def read_vgg16(path: str | Path) -> Filters:
    """The filters of a VGG-16 without batch norm from a safetensors file in timm's or torchvision's naming.

    fc6 reads a map of 7 x 7, so the network's images must be 224 px. Raises `InputError` for a missing or cut file, a
    missing tensor, or one of another shape.
    """
    return _filters_from(
        read_weights(path, "VGG-16, in timm's or torchvision's naming,"), Path(path)
    )


def _filters_from(state: Mapping[str, Tensor], path: Path) -> Filters:
    tops = (
        ("pre_logits.fc1", "pre_logits.fc2")
        if "pre_logits.fc1.weight" in state
        else ("classifier.0", "classifier.3")
    )
    # In `features` a convolution is followed by its ReLU, and each block by a pooling.
    places = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    names = [*(f"features.{place}" for place in places), *tops]
    shapes = zip((3, *VGG16_WIDTHS), VGG16_WIDTHS, kernels((224, 224)), strict=False)
    filters = []
    for layer, name, (inputs, outputs, kernel) in zip(LAYERS, names, shapes, strict=True):
        for part in ("weight", "bias"):
            if f"{name}.{part}" not in state:
                raise InputError(
                    f"{path}: {name}.{part} ({layer}) is missing; expected VGG-16 without batch norm"
                )
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        wanted = (outputs, inputs, *kernel)
        # A fully connected layer may be stored as a matrix, whose columns are channel by channel.
        allowed = (
            {wanted, (outputs, inputs * kernel[0] * kernel[1])}
            if layer.startswith("fc")
            else {wanted}
        )
        for part, found, shapes_ in (("weight", weight, allowed), ("bias", bias, {(outputs,)})):
            if tuple(found.shape) not in shapes_:
                expected = " or ".join(map(str, sorted(shapes_, key=len, reverse=True)))
                raise InputError(
                    f"{path}: {name}.{part} ({layer}) has shape {tuple(found.shape)}, expected {expected}"
                )
        filters.append((weight.reshape(wanted).float(), bias.float()))
    return filters
