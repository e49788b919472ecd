"""Grad-CAM of attributes against the known regions of a twin."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.attribute_estimation.network import AttributeEstimationNet
from mtattr.data.batches import take
from mtattr.data.image_data import ImageData
from mtattr.evaluation.gradcam import grad_cam
from mtattr.evaluation.localisation import centre_prior, energy_inside, pointing_game, random_maps
from mtattr.evaluation.regions import known_regions


def attribute_maps(
    net: AttributeEstimationNet, images: Tensor, *, device: object = "cpu", batch_size: int = 50
) -> Tensor:
    """Grad-CAM of each attribute's logit on the last feature map, `(N, K, h, w)`, at least 0.

    Args:
        images: uint8 `(N, 3, H, W)`.
    """
    net.eval()
    maps = []
    for rows in torch.arange(len(images)).split(batch_size):
        with torch.enable_grad():
            output = net(take(images, rows, device).requires_grad_())
            found = grad_cam(output.extra["features"], output.logits[:, net.num_classes :])
        maps.append(found.float().cpu())
    return torch.cat(maps)


def localisation(
    net: AttributeEstimationNet, data: ImageData, *, images: int = 256, device: object = "cpu"
) -> dict[str, float]:
    """Scores of the attributes' Grad-CAM maps on the first `images` images; empty without regions.

    For each attribute that an image shows: the share of the map's mass inside the attribute's
    region (energy) and whether its peak lies inside (pointing), averaged over images, then over
    attributes. Three floors: a bump on the image's centre, random maps, and a map that is 1 on the
    whole object (task 0's region).
    """
    if data.region_of is None:
        return {}
    images = min(images, len(data))
    regions = known_regions(data, images)
    whole, regions = regions[:, :1], regions[:, 1:]
    valid = data.labels[:images, 1:] == 1
    maps = attribute_maps(net, data.images[:images], device=device)
    n, k, h, w = maps.shape
    rivals = {
        "": maps,
        "_centre": centre_prior(h, w).expand(n, k, h, w),
        "_random": random_maps(n, k, h, w),
        "_object": whole.expand(n, k, *whole.shape[-2:]),
    }
    result = {}
    for name, rival in rivals.items():
        for score, measure in (("energy", energy_inside), ("pointing", pointing_game)):
            result[f"localisation_{score}{name}"] = measure(rival, regions, valid).nanmean().item()
    key = "localisation_energy"
    gains = {f"{key}_over_{it}": result[key] - result[f"{key}_{it}"] for it in ("centre", "object")}
    return result | gains
