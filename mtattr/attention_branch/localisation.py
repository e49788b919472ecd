"""Localisation and faithfulness of a network's maps, compared with blind maps."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mtattr.attention_branch.maps import explanation_maps, methods_of
from mtattr.data.batches import take
from mtattr.data.image_data import ImageData
from mtattr.evaluation import (
    centre_prior,
    deletion_insertion,
    energy_inside,
    known_regions,
    localisation_scores,
    random_maps,
    row_correlations,
)

#: Images of the test split whose maps are scored, and pairs of image and task for faithfulness.
IMAGES, PAIRS = 256, 128


def classes_of(data: ImageData, images: int) -> Tensor | None:
    """Classes of the first images, 0 where unknown; None if the first task is binary."""
    return data.labels[:images, 0].nan_to_num(0) if data.tasks[0].kind == "categorical" else None


def shown(data: ImageData, images: int) -> Tensor:
    """Maps that can be judged, bool `(images, T)`: the attribute is present or the class known."""
    labels = data.labels[:images]
    return ~labels.isnan() if data.tasks[0].kind == "categorical" else labels == 1


def named(method: str, net: nn.Module) -> str:
    """Name of a method's measurements: "map" for the network's own explanation."""
    return "map" if method == methods_of(net)[0] else method


def _maps_by_name(
    net: nn.Module, data: ImageData, images: int, device: object
) -> dict[str, Tensor]:
    how = {"classes": classes_of(data, images), "device": device}
    return {
        named(method, net): explanation_maps(net, data.images[:images], method, **how)
        for method in methods_of(net)
    }


def localisation(
    net: nn.Module, data: ImageData, *, images: int = IMAGES, device: object = "cpu"
) -> dict[str, float]:
    """Scores of a network's maps on the regions of the first images; empty without regions.

    Keys are those of `localisation_scores`, by `named` method. Only attributes that an image shows
    are judged, and a class by the map of the true class.
    """
    if data.region_of is None:
        return {}
    images = min(images, len(data))
    maps = _maps_by_name(net, data, images, device)
    return localisation_scores(maps, known_regions(data, images), shown(data, images))


def faithfulness(
    net: nn.Module, data: ImageData, *, pairs: int = PAIRS, device: object = "cpu"
) -> dict[str, float]:
    """Deletion and insertion for the first `pairs` attributes or classes that images show.

    `<name>_deletion` and `_insertion` are mean probabilities of the shown attribute or class, for
    each `named` method and the blind "centre" and "random"; `_insertion_over_centre` and
    `_deletion_under_centre` are the differences that should be positive. Empty if nothing is shown.
    """
    images = min(IMAGES, len(data))
    chosen = shown(data, images).nonzero()[:pairs]
    if not len(chosen):
        return {}
    rows, tasks = chosen.unbind(1)
    classes, pixels = classes_of(data, images), take(data.images, rows, device)
    # The column of each pair's logit.
    units = (tasks if classes is None else classes[rows].long()).to(device)
    net.eval()

    def probability(x: Tensor, positions: Tensor) -> Tensor:
        logits = net(x).logits.float()
        answers = logits.sigmoid() if classes is None else logits.softmax(1)
        return answers.gather(1, units[positions, None]).squeeze(1)

    maps = _maps_by_name(net, data, int(rows.max()) + 1, device)
    maps = {name: of[rows, tasks] for name, of in maps.items()}
    h, w = maps["map"].shape[1:]
    blind = {"centre": centre_prior(h, w).expand(len(rows), h, w)}
    blind["random"] = random_maps(len(rows), 1, h, w)[:, 0]
    found = {}
    for name, of in (maps | blind).items():
        curves = deletion_insertion(probability, pixels, of.to(device), steps=4, at_once=64)
        found |= {
            f"{name}_{curve}": values.mean().item()
            for curve, values in zip(("deletion", "insertion"), curves, strict=True)
        }
    for name in maps:
        deletion, insertion = found[f"{name}_deletion"], found[f"{name}_insertion"]
        found[f"{name}_insertion_over_centre"] = insertion - found["centre_insertion"]
        found[f"{name}_deletion_under_centre"] = found["centre_deletion"] - deletion
    return found


def map_distance(a: Tensor, b: Tensor) -> float:
    """1 minus the rank correlation of two networks' maps `(N, 1, h, w)`, averaged over images.

    0 for maps of the same order, 1 for unrelated ones; images with a constant map are left out.
    """
    return 1 - row_correlations(a.flatten(1), b.flatten(1)).nanmean().item()


def on_both_regions(data: Mapping[str, ImageData], maps: Tensor) -> dict[str, float]:
    """Energy of maps `(N, 1, h, w)` inside the region of each task, as `energy_on_<task>`."""
    names, n = data["test"].tasks.names, len(maps)
    valid = torch.ones(n, len(names), dtype=torch.bool)
    maps = maps.expand(-1, len(names), -1, -1)
    energy = energy_inside(maps, known_regions(data["test"], n), valid).tolist()
    return {f"energy_on_{name}": value for name, value in zip(names, energy, strict=True)}
