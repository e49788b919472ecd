"""Sanity check of maps: they must change when the network forgets what it has learned."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from mtattr.attention_branch.localisation import classes_of, shown
from mtattr.attention_branch.maps import explanation_maps, methods_of
from mtattr.data.image_data import ImageData
from mtattr.evaluation import row_correlations

#: First images of the test split whose maps are compared.
IMAGES = 200
#: Groups of layers from the output down, by the names of modules and parameters of a network.
GROUPS = {
    "head": ("top", "to_classes", "head_weight", "head_bias"),
    "perception": ("perception", "stage"),
    "branch": ("branch",),
    "extractor": ("extractor",),
}


def forgotten(net: nn.Module, *, seed: int) -> Iterator[tuple[str, nn.Module]]:
    """Yield each of `GROUPS` that the network has, and a copy that has forgotten all groups so far.

    To forget is to shuffle the values of each parameter and each running statistic, so that the
    scale of all layers stays. The copy is the same object each time.
    """
    made = copy.deepcopy(net)
    generator = torch.Generator().manual_seed(seed)
    for group, members in GROUPS.items():
        tensors = [
            tensor
            for name, tensor in made.state_dict().items()
            if name.split(".")[0] in members and tensor.is_floating_point()
        ]
        for tensor in tensors:
            order = torch.randperm(tensor.numel(), generator=generator).to(tensor.device)
            tensor.copy_(tensor.flatten()[order].view_as(tensor))
        if tensors:
            yield group, made


def map_change(trained: Tensor, other: Tensor) -> float:
    """1 minus the mean rank correlation of maps `(M, h, w)` of two networks on the same images.

    0 for maps of the same order, 1 for unrelated ones. A map that has become constant counts as
    unrelated; images whose trained map is constant are left out.
    """
    a, b = trained.flatten(1), other.flatten(1)
    changing = a.amax(1) > a.amin(1)
    return 1 - row_correlations(a[changing], b[changing]).nan_to_num(0).mean().item()


def sanity(
    net: nn.Module, data: ImageData, *, seed: int, images: int = IMAGES, device: object = "cpu"
) -> dict[str, float]:
    """How far each kind of map changes as the network forgets, group by group.

    `sanity_<method>_<group>` is the `map_change` when all groups from the output down to `group`
    are `forgotten`: near 1 for a map that depends on what those layers have learned, 0 for one that
    does not. Maps are those of the attributes that an image shows, or of its true class.

    Source: Adebayo et al. 2018, cascading randomisation, with shuffled values for new random ones.
    """
    images = min(images, len(data))
    rows, tasks = shown(data, images).nonzero().unbind(1)
    how = {"classes": classes_of(data, images), "device": device}

    def maps_of(one: nn.Module) -> dict[str, Tensor]:
        return {
            method: explanation_maps(one, data.images[:images], method, **how)[rows, tasks]
            for method in methods_of(one)
        }

    if not len(rows):
        return {}
    trained = maps_of(net)
    return {
        f"sanity_{method}_{group}": map_change(trained[method], maps)
        for group, other in forgotten(net, seed=seed)
        for method, maps in maps_of(other).items()
    }
