"""Initial weights from a wider, trained network (Lu et al. 2017, Alg. 2 and Sec. 4.5)."""

from __future__ import annotations

from collections.abc import Callable
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
    """Filters of a network without branches, batch norm folded in."""
    return [(layer.weight.detach(), layer.bias.detach()) for layer in fold_batch_norm(net).layers]


@torch.no_grad()
def start_from_wide(
    net: BranchedVGG, wide: Filters, *, select: Callable[[Tensor, int], Tensor] = somp
) -> list[Tensor]:
    """Fill the layers of `net` with filters that SOMP selects from a wider network (Algorithm 2).

    Per layer from the image up: drop the input channels that the layer below did not select, then
    select filters; biases follow their filters. A layer as wide as its source is copied whole. The
    outputs stay as they are.

    Args:
        net: a network without branches.
        wide: filters of the wide network.
        select: picks k of the rows `(N, d)`; SOMP in the paper.

    Returns:
        Selected channels of each layer, int64, in pick order.
    """
    if any(count > 1 for count in net.tree.copies):
        raise InputError("a network with branches cannot start from a wide one; widen it later")
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
    """Fill the layers of `net` by truncated singular value decompositions (Sec. 4.5, Baselines).

    W = U S V^T, `(out, in * kh * kw)`, becomes basis sqrt(S_r) V_r^T and combination U_r sqrt(S_r),
    whose product is the best approximation of rank r. Biases go to the combination; the outputs
    stay as they are. Raises `InputError` if a shape does not fit.
    """
    for name, layer, (weight, bias) in zip(LAYERS, net.layers, wide, strict=True):
        wanted = (layer.outputs, *layer.basis.weight.shape[1:])
        if weight.shape != wanted:
            raise InputError(f"{name}: filters {tuple(weight.shape)} do not fit {wanted}")
        u, s, v = torch.linalg.svd(weight.double().flatten(1), full_matrices=False)
        rank = layer.basis.out_channels
        if len(s) < rank:
            matrix = tuple(weight.flatten(1).shape)
            raise InputError(f"{name}: a matrix of {matrix} has no {rank} singular values")
        root = s[:rank].sqrt()
        layer.basis.weight.copy_((root[:, None] * v[:rank]).view_as(layer.basis.weight))
        layer.combine.weight.copy_((u[:, :rank] * root).view_as(layer.combine.weight))
        layer.basis.bias.zero_()
        layer.combine.bias.copy_(bias)


def read_vgg16(path: str | Path) -> Filters:
    """Filters of a VGG-16 without batch norm for images of 224 px, from a safetensors file.

    Names are those of timm or torchvision. Raises `InputError` for a missing or damaged file, and
    for tensors that are missing or of another shape.
    """
    state = read_weights(path, "VGG-16, in timm's or torchvision's naming,")
    timm = "pre_logits.fc1.weight" in state
    tops = ("pre_logits.fc1", "pre_logits.fc2") if timm else ("classifier.0", "classifier.3")
    # In `features` a convolution is followed by its ReLU, and each block by a pooling.
    places = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    names = [*(f"features.{place}" for place in places), *tops]
    shapes = zip((3, *VGG16_WIDTHS), VGG16_WIDTHS, kernels((224, 224)), strict=False)
    filters = []
    for layer, name, (inputs, outputs, kernel) in zip(LAYERS, names, shapes, strict=True):
        for part in ("weight", "bias"):
            if f"{name}.{part}" not in state:
                where = f"{path}: {name}.{part} ({layer})"
                raise InputError(f"{where} is missing; expected VGG-16 without batch norm")
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        wanted = (outputs, inputs, *kernel)
        if layer.startswith("fc") and weight.shape == (outputs, inputs * kernel[0] * kernel[1]):
            weight = weight.reshape(wanted)  # stored as a matrix, its columns channel by channel
        for part, found, shape in (("weight", weight, wanted), ("bias", bias, (outputs,))):
            if found.shape != shape:
                where = f"{path}: {name}.{part} ({layer})"
                raise InputError(f"{where} has shape {tuple(found.shape)}, expected {shape}")
        filters.append((weight.float(), bias.float()))
    return filters
