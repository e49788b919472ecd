"""Backbones by name, at the paper's size or as small relatives with the same kinds of block."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from mtattr.attention_branch.imagenet import RESNETS, imagenet_resnet, vgg16
from mtattr.attention_branch.network import AttentionBranchNet, BaselineNet
from mtattr.attention_branch.parts import Parts
from mtattr.attention_branch.residual import cifar_resnet, residual_parts, resnext
from mtattr.attention_branch.wide import densenet, wide_resnet
from mtattr.errors import InputError
from mtattr.evaluation.cost import count_parameters
from mtattr.nets.matching import closest

#: Depths of Table 1, and blocks per stage of their small relatives: a quarter of the basic ones, a
#: seventh of the bottlenecks, rounded up.
DEPTHS = {20: 1, 32: 2, 44: 1, 56: 2, 110: 3}
#: Input statistics of the small networks, for drawn images in [0, 1].
SMALL = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
SMALL_WIDTHS = (8, 16, 32)


def _times(factor: float, widths: tuple[int, ...], unit: int = 1) -> tuple[int, ...]:
    return tuple(unit * max(1, round(factor * width / unit)) for width in widths)


def _small_cifar(depth: int) -> Callable[..., Parts]:
    how = {"blocks": DEPTHS[depth], **SMALL}
    return lambda k, f, stem: cifar_resnet(depth, k, widths=_times(f, SMALL_WIDTHS), **how)


def _small_photographs(blocks: int, squeeze: bool = False) -> Callable[..., Parts]:
    how = {"blocks": blocks, "squeeze": squeeze, "expansion": 4, **SMALL}
    return lambda k, f, stem: residual_parts(
        k, widths=_times(f, SMALL_WIDTHS), stem_stride=stem, **how
    )


#: Small relatives: from (outputs, factor of the widths, stride of the stem) to parts.
SMALL_BACKBONES: dict[str, Callable[[int, float, int], Parts]] = {
    **{f"resnet{depth}": _small_cifar(depth) for depth in DEPTHS},
    "wrn": lambda k, f, stem: wide_resnet(k, depth=10, widen=2, base=round(8 * f), **SMALL),
    "densenet": lambda k, f, stem: densenet(k, depth=22, growth=round(6 * f), **SMALL),
    # The groups must divide every number of channels.
    "resnext": lambda k, f, stem: resnext(
        k, depth=11, cardinality=4, widths=_times(f, (16, 32, 64, 128), 16), **SMALL
    ),
    "vgg16": lambda k, f, stem: vgg16(k, divisor=16 / f, pools=2, side=2, dropout=0.1, **SMALL),
    "resnet101": _small_photographs(1),
    "resnet152": _small_photographs(2),
    "seresnet152": _small_photographs(2, squeeze=True),
}


def _cifar(depth: int) -> Callable[..., Parts]:
    return lambda k, f: cifar_resnet(depth, k, widths=_times(f, (16, 32, 64)))


def _photographs(name: str) -> Callable[..., Parts]:
    # timm can widen the middle of every bottleneck, which is all that a wide ResNet does.
    return lambda k, f, weights=None: imagenet_resnet(
        name, k, weights=weights, base_width=round(64 * f)
    )


#: The paper's own: from (outputs, factor of the widths), and weights for photographs, to parts.
PAPER_BACKBONES: dict[str, Callable[..., Parts]] = {
    **{f"resnet{depth}": _cifar(depth) for depth in DEPTHS},
    "wrn": lambda k, f: wide_resnet(k, base=round(16 * f)),
    "densenet": lambda k, f: densenet(k, growth=round(12 * f)),
    "resnext": lambda k, f: resnext(k, widths=_times(f, (64, 256, 512, 1024), 32)),
    "vgg16": lambda k, f, weights=None: vgg16(k, divisor=1 / f, weights=weights),
    **{name: _photographs(name) for name in RESNETS},
}


def build_parts(
    name: str,
    num_outputs: int,
    *,
    small: bool,
    factor: float = 1.0,
    stem_stride: int = 1,
    weights: str | Path | None = None,
) -> Parts:
    """Parts of the backbone called `name`, with `num_outputs` logits.

    Args:
        small: the small relative.
        factor: of the numbers of channels.
        stem_stride: of a small ResNet for photographs.
        weights: safetensors file for a network of photographs at the paper's size.
    """
    known = SMALL_BACKBONES if small else PAPER_BACKBONES
    if name not in known:
        raise InputError(f"backbone {name!r} is unknown; there are {', '.join(known)}")
    if weights is None:
        return known[name](num_outputs, factor, *([stem_stride] if small else []))
    if small:
        raise InputError(f"weights need scale paper; {name} is small here")
    if name not in ("vgg16", *RESNETS):
        raise InputError("weights exist for networks of photographs only, such as resnet101, vgg16")
    return known[name](num_outputs, factor, str(weights))


def matching_factor(
    name: str, num_outputs: int, *, small: bool, factor: float = 1.0, stem_stride: int = 1
) -> float:
    """Factor, to 1/64, of a baseline as large as the Attention Branch Network of `factor`.

    The goal is the network with one map. One with a map per task has a smaller head, so on
    attributes the baseline is larger, by the size of that head and of a rounded channel.
    """
    how = {"small": small, "stem_stride": stem_stride}
    with torch.device("meta"):
        parts = build_parts(name, num_outputs, factor=factor, **how)
        goal = count_parameters(AttentionBranchNet(parts, num_outputs))

    def size(step: int) -> int:
        return count_parameters(
            BaselineNet(build_parts(name, num_outputs, factor=step / 64, **how))
        )

    return closest(range(round(64 * factor), round(256 * factor) + 1), size, goal) / 64
