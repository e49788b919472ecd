"""Backbones by name, at the paper's size or as small relatives with the same stages and kinds of block."""

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

#: Depths of Table 1 and, small, their blocks a stage: a quarter of the basic ones, a seventh of the bottlenecks, rounded up.
DEPTHS = {20: 1, 32: 2, 44: 1, 56: 2, 110: 3}
#: Input statistics of the small networks, for drawn images in [0, 1].
SMALL = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
SMALL_WIDTHS = (8, 16, 32)


def _times(factor: float, *widths: int) -> tuple[int, ...]:
    return tuple(max(1, round(factor * width)) for width in widths)


def _small_cifar(depth: int) -> Callable[..., Parts]:
    return lambda k, factor, stem: cifar_resnet(
        depth, k, widths=_times(factor, *SMALL_WIDTHS), blocks=DEPTHS[depth], **SMALL
    )


def _small_imagenet(*, squeeze: bool = False, blocks: int = 1) -> Callable[..., Parts]:
    return lambda k, factor, stem: residual_parts(
        k,
        widths=_times(factor, *SMALL_WIDTHS),
        blocks=blocks,
        expansion=4,
        stem_stride=stem,
        squeeze=squeeze,
        **SMALL,
    )


def _small_resnext(k: int, factor: float, stem: int) -> Parts:
    # Every number of channels has to be divisible by the groups.
    return resnext(
        k,
        depth=11,
        cardinality=4,
        widths=tuple(16 * max(1, round(factor * width)) for width in (1, 2, 4, 8)),
        **SMALL,
    )


def _small_vgg(k: int, factor: float, stem: int) -> Parts:
    return vgg16(k, divisor=16 / factor, pools=2, side=2, dropout=0.1, **SMALL)


#: Small relatives: from (outputs, factor of the widths, stride of the stem) to parts.
SMALL_BACKBONES: dict[str, Callable[[int, float, int], Parts]] = {
    **{f"resnet{depth}": _small_cifar(depth) for depth in DEPTHS},
    "wrn": lambda k, factor, stem: wide_resnet(
        k, depth=10, widen=2, base=round(8 * factor), **SMALL
    ),
    "densenet": lambda k, factor, stem: densenet(k, depth=22, growth=round(6 * factor), **SMALL),
    "resnext": _small_resnext,
    "vgg16": _small_vgg,
    "resnet101": _small_imagenet(),
    "resnet152": _small_imagenet(blocks=2),
    "seresnet152": _small_imagenet(squeeze=True, blocks=2),
}


def _cifar(make: Callable[..., Parts]) -> Callable[..., Parts]:
    def build(k: int, factor: float, weights: str | None) -> Parts:
        if weights is not None:
            raise InputError(
                "weights can be given for the networks of photographs only, for example resnet101 or vgg16"
            )
        return make(k, factor)

    return build


def _photographs(name: str) -> Callable[..., Parts]:
    def build(k: int, factor: float, weights: str | None) -> Parts:
        # timm can widen the middle of every bottleneck, which is all that a wide ResNet does.
        return imagenet_resnet(name, k, weights=weights, base_width=round(64 * factor))

    return build


#: The paper's own: from (outputs, factor of the widths, weights) to parts.
PAPER_BACKBONES: dict[str, Callable[[int, float, str | None], Parts]] = {
    **{
        f"resnet{d}": _cifar(lambda k, f, d=d: cifar_resnet(d, k, widths=_times(f, 16, 32, 64)))
        for d in DEPTHS
    },
    "wrn": _cifar(lambda k, f: wide_resnet(k, base=round(16 * f))),
    "densenet": _cifar(lambda k, f: densenet(k, growth=round(12 * f))),
    "resnext": _cifar(
        lambda k, f: resnext(k, widths=tuple(32 * round(f * w / 32) for w in (64, 256, 512, 1024)))
    ),
    "vgg16": lambda k, f, weights: vgg16(k, divisor=1 / f, weights=weights),
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
    """The backbone called `name` cut in parts, with `num_outputs` logits.

    small: the small relative. factor: of the channels. stem_stride: of a small ResNet for photographs. weights: a safetensors file
    for a network of photographs at the paper's size. Raises `InputError` for an unknown name or weights that do not fit.
    """
    known = SMALL_BACKBONES if small else PAPER_BACKBONES
    if name not in known:
        raise InputError(f"backbone {name!r} is unknown; there are {', '.join(known)}")
    if small:
        if weights is not None:
            raise InputError(f"weights need scale paper; {name} is small here")
        return known[name](num_outputs, factor, stem_stride)
    return known[name](num_outputs, factor, None if weights is None else str(weights))


def matching_factor(
    name: str, num_outputs: int, *, small: bool, factor: float = 1.0, stem_stride: int = 1
) -> float:
    """Factor of the baseline's channels that gives it about as many parameters as the Attention Branch Network of `factor`, to 1/64.

    The goal is the network with one map. One with a map for each task has a smaller head, so on attributes the baseline has more
    parameters than it, by the size of that head and of a rounded channel. Raises `InputError` for a network that can not be widened.
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
