"""Explanation maps: where the masks are high, and where a logit comes from."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mtattr.channel_attention.classifiers import apply_masks
from mtattr.channel_attention.importance import mask_means, top_channels
from mtattr.channel_attention.network import ChannelAttentionNet, MultiLabelNet
from mtattr.data.batches import take
from mtattr.errors import InputError

#: Channels that the paper shows for an attribute (Fig. 3).
TOP = 3


def methods_of(net: nn.Module) -> tuple[str, ...]:
    """Which maps a network of this room has.

    "mask": the mean of the masks of the attribute's three most important channels (Fig. 3), or its single mask. "evidence": what each
    position adds to the logit, sum over c of w_kc (1 + M_kc) F_c; of the plain network its class activation map, sum of w_kc F_c.
    "multilabel": the same of the multi-label head beside the masks.
    """
    if isinstance(net, MultiLabelNet):
        return ("evidence",) if _is_linear(net.multilabel) else ()
    if not isinstance(net, ChannelAttentionNet):
        raise InputError(f"expected a network of this room, got {type(net).__name__}")
    methods = ("mask",) if net.masks is not None else ()
    methods += ("evidence",) if net.classifiers.hidden is None else ()
    return methods + (
        ("multilabel",) if net.multilabel is not None and _is_linear(net.multilabel) else ()
    )


@torch.no_grad()
def explanation_maps(
    net: nn.Module, images: Tensor, method: str, *, device: object = "cpu", batch_size: int = 32
) -> Tensor:
    """Maps of uint8 images `(N, 3, H, W)`, float32 on the CPU in raw range: `(N, K, h, w)`.

    Important channels are those of these images' mean masks. Raises `InputError` for a method that the network does not have.
    """
    if method not in methods_of(net):
        raise InputError(
            f"this {type(net).__name__} has the maps {', '.join(methods_of(net)) or '(none)'}, not {method!r}"
        )
    net.eval().to(device)
    channels = None
    if method == "mask":
        means = mask_means(net, images, device=device).mean(0)
        channels = top_channels(means, min(TOP, means.shape[1])).to(device)
    of: dict[str, Callable[[Tensor], Tensor]] = {
        "mask": lambda features: _important(net.masks(features), channels),
        "evidence": lambda features: evidence_maps(net, features),
        "multilabel": lambda features: _activation(net.multilabel, features),
    }
    batches = torch.arange(len(images)).split(batch_size)
    return torch.cat(
        [of[method](net.extractor(take(images, rows, device))).float().cpu() for rows in batches]
    )


def evidence_maps(net: ChannelAttentionNet | MultiLabelNet, features: Tensor) -> Tensor:
    """sum over c of w_kc (1 + M_kc) F_c, `(B, K, h, w)`; its mean over positions and the bias are the logit."""
    if isinstance(net, MultiLabelNet):
        return _activation(net.multilabel, features)
    if net.masks is None:
        return torch.einsum("kc,bchw->bkhw", net.classifiers.weight, features)
    masked = apply_masks(features, net.masks(features), keep_one=net.keep_one)
    return torch.einsum("kc,bkchw->bkhw", net.classifiers.weight, masked)


def _important(masks: Tensor, channels: Tensor) -> Tensor:
    index = channels[None, :, :, None, None].expand(len(masks), -1, -1, *masks.shape[3:])
    return masks.gather(2, index).mean(2)


def _activation(head: nn.Sequential, features: Tensor) -> Tensor:
    return torch.einsum("kc,bchw->bkhw", head[-1].weight, features)


def _is_linear(head: nn.Sequential) -> bool:
    return len(head) == 3
