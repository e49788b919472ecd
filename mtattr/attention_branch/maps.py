"""Explanation maps of a trained network: its attention, its class activation maps, its Grad-CAM."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtattr.attention_branch.multitask import MultitaskAttentionBranchNet
from mtattr.attention_branch.network import AttentionBranchNet, BaselineNet, ClassActivationNet
from mtattr.data.batches import take
from mtattr.errors import InputError
from mtattr.evaluation import grad_cam

METHODS = ("attention", "cam", "gradcam")


def methods_of(net: nn.Module) -> tuple[str, ...]:
    """Which maps a network of this room has: "attention" or "cam", and "gradcam" for all but the class activation network."""
    if isinstance(net, ClassActivationNet):
        return ("cam",)
    if isinstance(net, BaselineNet):
        return ("gradcam",)
    if isinstance(net, AttentionBranchNet | MultitaskAttentionBranchNet):
        return ("attention", "gradcam")
    raise InputError(f"expected a network of this room, got {type(net).__name__}")


def explanation_maps(
    net: nn.Module,
    images: Tensor,
    method: str,
    *,
    classes: Tensor | None = None,
    device: object = "cpu",
    batch_size: int = 64,
) -> Tensor:
    """Maps of uint8 images `(N, 3, H, W)`, float32 on the CPU in raw range: `(N, T, h, w)`, one for each task.

    classes: `(N,)` for a network with one categorical task: the class whose map is wanted; then T = 1. The attention of a single map is
    repeated for all T tasks. Grad-CAM is of the last feature map, where each task has a map of its own of the task's own pass,
    and at least 0. Raises `InputError` for a method that the network does not have.
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


def _maps(output, method: str, classes: Tensor | None) -> Tensor:
    if method == "gradcam":
        if "evidence" in output.extra:
            # After average pooling and a linear layer, Grad-CAM is the positive part of the class activation map, by its size.
            return output.extra["evidence"].relu() / output.extra["evidence"][0, 0].numel()
        scores = output.logits if classes is None else output.logits.gather(1, classes[:, None])
        return grad_cam(output.extra["features"], scores)
    maps = output.maps
    if method == "cam" and classes is not None:
        return maps[torch.arange(len(maps)), classes].unsqueeze(1)
    return (
        maps
        if classes is not None or maps.shape[1] > 1
        else maps.expand(-1, output.logits.shape[1], -1, -1)
    )
