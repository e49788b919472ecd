"""Explanation maps of a trained network: attention, class activation maps, Grad-CAM."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtattr.attention_branch.multitask import MultitaskAttentionBranchNet
from mtattr.attention_branch.network import AttentionBranchNet, BaselineNet, ClassActivationNet
from mtattr.data.batches import take
from mtattr.errors import InputError
from mtattr.evaluation import grad_cam
from mtattr.nets import Output

#: Methods of each network, its own explanation first.
METHODS = {
    ClassActivationNet: ("cam",),
    BaselineNet: ("gradcam",),
    AttentionBranchNet: ("attention", "gradcam"),
    MultitaskAttentionBranchNet: ("attention", "gradcam"),
}


def methods_of(net: nn.Module) -> tuple[str, ...]:
    """Names of the maps that a network of this package has, its own explanation first."""
    for kind, methods in METHODS.items():
        if isinstance(net, kind):
            return methods
    raise InputError(f"expected a network of mtattr.attention_branch, got {type(net).__name__}")


def explanation_maps(
    net: nn.Module,
    images: Tensor,
    method: str,
    *,
    classes: Tensor | None = None,
    device: object = "cpu",
    batch_size: int = 64,
) -> Tensor:
    """Maps of images, one per task: float32 `(N, T, h, w)` on the CPU, in raw range.

    Args:
        images: uint8 `(N, 3, H, W)`.
        method: one of `methods_of(net)`. "attention": a single map is repeated for all tasks.
            "gradcam": of the last feature map, at least 0; with a map per task, of its own pass.
        classes: `(N,)`, whose maps are wanted of a network with one categorical task; then T = 1.
    """
    if method not in methods_of(net):
        raise InputError(
            f"{type(net).__name__} has the maps {', '.join(methods_of(net))}, not {method!r}"
        )
    net.eval()
    made = []
    for rows in torch.arange(len(images)).split(batch_size):
        of = None if classes is None else classes[rows].long().to(device)
        with torch.set_grad_enabled(method == "gradcam"):
            x = take(images, rows, device)
            output = net(x.requires_grad_() if method == "gradcam" else x)
            made.append(_maps(output, method, of).detach().float().cpu())
    return torch.cat(made)


def _maps(output: Output, method: str, classes: Tensor | None) -> Tensor:
    maps, logits, extra = output.maps, output.logits, output.extra
    if method == "gradcam" and "evidence" in extra:
        # After average pooling and a linear layer, Grad-CAM is the positive part of the class
        # activation map, by its size.
        return extra["evidence"].relu() / extra["evidence"][0, 0].numel()
    if method == "gradcam":
        return grad_cam(
            extra["features"], logits if classes is None else logits.gather(1, classes[:, None])
        )
    if classes is None:
        return maps if maps.shape[1] > 1 else maps.expand(-1, logits.shape[1], -1, -1)
    return maps[torch.arange(len(maps)), classes].unsqueeze(1) if method == "cam" else maps
