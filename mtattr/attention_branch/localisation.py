"""Are the maps right? Where the region of every attribute is known, that can be measured, against maps that know nothing."""

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
    rank_correlation,
)

#: Images of the test split that are looked at, and pairs of image and task whose pixels are deleted.
IMAGES, PAIRS = 256, 128


def classes_of(data: ImageData, images: int) -> Tensor | None:
    """The true class of the first images where the one task is categorical (0 where unknown), else None."""
    return data.labels[:images, 0].nan_to_num(0) if data.tasks[0].kind == "categorical" else None


def shown(data: ImageData, images: int) -> Tensor:
    """Which maps can be judged, bool `(images, T)`: the attribute is present, or the class is known."""
    labels = data.labels[:images]
    return ~labels.isnan() if data.tasks[0].kind == "categorical" else labels == 1


def named(method: str, net: nn.Module) -> str:
    """What the measurements of a method are called: "map" for the network's own explanation, the method's name for a second one."""
    return "map" if method == methods_of(net)[0] else method


def localisation(
    net: nn.Module, data: ImageData, *, images: int = IMAGES, device: object = "cpu"
) -> dict[str, float]:
    """How well a network's maps hit the regions of a twin, on the first `images` images; empty without regions.

    For each method of the network, called as `named` says, `<name>_<score>`: the pointing game, the energy inside the region, and
    the intersection over union at equal area, averaged over images, then over tasks. Beside each `_centre` and `_random`, the same
    for a centred bump and for random maps of that size, and `_over_centre`, the difference. Only attributes that an image shows are
    judged, and a class by the map of the true class.
    """
    if data.region_of is None:
        return {}
    images = min(images, len(data))
    maps = {
        named(method, net): explanation_maps(
            net, data.images[:images], method, classes=classes_of(data, images), device=device
        )
        for method in methods_of(net)
    }
    return localisation_scores(maps, known_regions(data, images), shown(data, images))


def faithfulness(
    net: nn.Module, data: ImageData, *, pairs: int = PAIRS, device: object = "cpu"
) -> dict[str, float]:
    """Deletion and insertion of every method of the network, and of blind maps, for `pairs` shown attributes or classes.

    `<name>_deletion` and `<name>_insertion` are mean probabilities of the shown attribute or the true class, for each method, called as
    `named` says, and for the blind "centre" and "random"; `_insertion_over_centre` and `_deletion_under_centre` are the differences
    that should be positive. Pairs are taken image by image from the first on; empty where no image shows anything.
    """
    images = min(IMAGES, len(data))
    chosen = shown(data, images).nonzero()[:pairs]
    if not len(chosen):
        return {}
    rows, tasks = chosen.unbind(1)
    classes, last = classes_of(data, images), int(rows.max()) + 1
    pixels = take(data.images, rows, device)
    net.eval()

    def probability(x: Tensor, positions: Tensor) -> Tensor:
        logits = net(x).logits.float()
        if classes is not None:
            return (
                logits.softmax(1)
                .gather(1, classes[rows[positions]].long().to(device)[:, None])
                .squeeze(1)
            )
        return logits.sigmoid()[torch.arange(len(x)), tasks[positions].to(device)]

    maps = {}
    for method in methods_of(net):
        of_images = explanation_maps(
            net,
            data.images[:last],
            method,
            classes=None if classes is None else classes[:last],
            device=device,
        )
        maps[named(method, net)] = of_images[rows, tasks]
    own = list(maps)
    h, w = maps["map"].shape[1:]
    maps |= {
        "centre": centre_prior(h, w).expand(len(rows), h, w),
        "random": random_maps(len(rows), 1, h, w)[:, 0],
    }
    found = {}
    for name, of in maps.items():
        deletion, insertion = deletion_insertion(
            probability, pixels, of.to(device), steps=4, at_once=64
        )
        found |= {
            f"{name}_deletion": deletion.mean().item(),
            f"{name}_insertion": insertion.mean().item(),
        }
    for name in own:
        found[f"{name}_insertion_over_centre"] = (
            found[f"{name}_insertion"] - found["centre_insertion"]
        )
        found[f"{name}_deletion_under_centre"] = (
            found["centre_deletion"] - found[f"{name}_deletion"]
        )
    return found


def map_distance(a: Tensor, b: Tensor) -> float:
    """How differently two networks look at the same images: 1 minus the rank correlation of their maps, averaged over images.

    a, b: `(N, 1, h, w)` of one size. 0 for maps of the same order, 1 for unrelated ones; images with a constant map are left out.
    """
    values = [rank_correlation(x, y) for x, y in zip(a.flatten(1), b.flatten(1), strict=True)]
    return 1 - torch.tensor(values, dtype=torch.float64).nanmean().item()


def on_both_regions(data: Mapping[str, ImageData], maps: Tensor) -> dict[str, float]:
    """Energy of the same maps `(N, 1, h, w)` inside each task's region of data with several tasks, `energy_on_<task>`."""
    test = data["test"]
    n = len(maps)
    regions = known_regions(test, n)
    valid = torch.ones(n, len(test.tasks), dtype=torch.bool)
    energy = energy_inside(maps.expand(-1, len(test.tasks), -1, -1), regions, valid)
    return {
        f"energy_on_{name}": value
        for name, value in zip(test.tasks.names, energy.tolist(), strict=True)
    }
