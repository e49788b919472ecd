"""Explanation maps: where masks are high, and where a logit comes from."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtattr.channel_attention.classifiers import apply_masks
from mtattr.channel_attention.importance import in_batches, mask_means, top_channels
from mtattr.channel_attention.network import ChannelAttentionNet, MultiLabelNet
from mtattr.errors import InputError

#: Channels that the paper shows per attribute (Fig. 3).
TOP = 3


def methods_of(net: nn.Module) -> tuple[str, ...]:
    """Names of the maps that a network of this package has.

    "mask": mean of the masks of the attribute's three most important channels (Fig. 3), or its
    single mask. "evidence": share of each position in the logit, sum over c of w_kc (1 + M_kc) F_c;
    for the plain network its class activation map. "multilabel": class activation map of the
    multi-label head beside the masks.
    """
    if isinstance(net, MultiLabelNet):
        return ("evidence",) if _is_linear(net.multilabel) else ()
    if not isinstance(net, ChannelAttentionNet):
        raise InputError(
            f"expected a network from mtattr.channel_attention, got {type(net).__name__}"
        )
    has = {
        "mask": net.masks is not None,
        "evidence": net.classifiers.hidden is None,
        "multilabel": net.multilabel is not None and _is_linear(net.multilabel),
    }
    return tuple(method for method, there in has.items() if there)


def explanation_maps(
    net: nn.Module, images: Tensor, method: str, *, device: object = "cpu", batch_size: int = 32
) -> Tensor:
    """Maps `(N, K, h, w)` in raw range, float32 on the CPU.

    Args:
        images: uint8 `(N, 3, H, W)`; "mask" shows the channels with the highest mean mask on them.
        method: one of `methods_of(net)`.
    """
    if method not in methods_of(net):
        there = ", ".join(methods_of(net)) or "(none)"
        raise InputError(f"this {type(net).__name__} has the maps {there}, not {method!r}")
    net.eval().to(device)
    if method == "mask":
        means = mask_means(net, images, device=device).mean(0)
        channels = top_channels(means, min(TOP, means.shape[1])).to(device)

    def maps_of(x: Tensor) -> Tensor:
        features = net.extractor(x)
        if method == "mask":
            return masks_of_channels(net.masks(features), channels).mean(2)
        if method == "evidence":
            return evidence_maps(net, features)
        return _activation(net.multilabel, features)

    return in_batches(maps_of, images, device, batch_size)


def evidence_maps(net: ChannelAttentionNet | MultiLabelNet, features: Tensor) -> Tensor:
    """Maps sum over c of w_kc (1 + M_kc) F_c, `(B, K, h, w)`; mean and bias are the logit."""
    if isinstance(net, MultiLabelNet):
        return _activation(net.multilabel, features)
    if net.masks is None:
        return torch.einsum("kc,bchw->bkhw", net.classifiers.weight, features)
    masked = apply_masks(features, net.masks(features), keep_one=net.keep_one)
    return torch.einsum("kc,bkchw->bkhw", net.classifiers.weight, masked)


def masks_of_channels(masks: Tensor, channels: Tensor) -> Tensor:
    """Masks `(B, K, n, h, w)` of `channels` `(K, n)`, out of masks `(B, K, C, h, w)`."""
    index = channels[None, :, :, None, None].expand(len(masks), -1, -1, *masks.shape[3:])
    return masks.gather(2, index)


def _activation(head: nn.Sequential, features: Tensor) -> Tensor:
    return torch.einsum("kc,bchw->bkhw", head[-1].weight, features)


def _is_linear(head: nn.Sequential) -> bool:
    return len(head) == 3
