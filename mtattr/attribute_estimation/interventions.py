"""Are the attributes reasons? Change o_a by hand and watch the class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mtattr.attribute_estimation.network import AttributeEstimationNet
from mtattr.data.batches import take
from mtattr.data.image_data import ImageData


@dataclass(frozen=True)
class MiddleLayer:
    """What the class branch of PM reads, for N images: x `(N, D)`, o_a `(N, K)`, and the class labels `(N,)`."""

    pooled: Tensor
    attributes: Tensor
    classes: Tensor


@torch.no_grad()
def middle_layer(
    net: AttributeEstimationNet, data: ImageData, *, device: object = "cpu", batch_size: int = 256
) -> MiddleLayer:
    """Compute x and o_a for all images with a known class, in evaluation mode."""
    net.eval()
    rows = (~data.labels[:, 0].isnan()).nonzero().flatten()
    extras = [net(take(data.images, part, device)).extra for part in rows.split(batch_size)]
    return MiddleLayer(
        torch.cat([extra["pooled"].float() for extra in extras]),
        torch.cat([extra["attributes"].float() for extra in extras]),
        data.labels[rows, 0].long().to(device),
    )


@torch.no_grad()
def accuracy_with(net: AttributeEstimationNet, layer: MiddleLayer, attributes: Tensor) -> float:
    """Class accuracy in [0, 1] when the class branch reads `attributes` `(N, K)` instead of o_a."""
    return (
        (net.classify(layer.pooled, attributes).argmax(dim=1) == layer.classes)
        .float()
        .mean()
        .item()
    )


def shuffle_drop(net: AttributeEstimationNet, layer: MiddleLayer, *, seed: int = 0) -> float:
    """Class accuracy lost when every image reads another image's o_a; about 0 if the class branch ignores o_a."""
    order = torch.randperm(len(layer.classes), generator=torch.Generator().manual_seed(seed)).to(
        layer.classes.device
    )
    return accuracy_with(net, layer, layer.attributes) - accuracy_with(
        net, layer, layer.attributes[order]
    )


@torch.no_grad()
def attribute_effects(net: AttributeEstimationNet, layer: MiddleLayer) -> Tensor:
    """Mean change of each class's log-probability when one attribute goes from 0 to 1, the others staying: `(K, C)`."""
    effects = []
    for k in range(layer.attributes.shape[1]):
        answers = []
        for value in (0.0, 1.0):
            changed = layer.attributes.clone()
            changed[:, k] = value
            answers.append(torch.log_softmax(net.classify(layer.pooled, changed), dim=1))
        effects.append((answers[1] - answers[0]).mean(dim=0))
    return torch.stack(effects)


@torch.no_grad()
def flip_rates(net: AttributeEstimationNet, layer: MiddleLayer) -> Tensor:
    """Share of images whose class changes when one attribute is set to its opposite (1 - rounded o_a): `(K,)`."""
    before = net.classify(layer.pooled, layer.attributes).argmax(dim=1)
    rates = []
    for k in range(layer.attributes.shape[1]):
        changed = layer.attributes.clone()
        changed[:, k] = 1 - changed[:, k].round()
        rates.append((net.classify(layer.pooled, changed).argmax(dim=1) != before).float().mean())
    return torch.stack(rates)


def effect_agreement(
    effects: Tensor, attributes: Tensor, classes: Tensor, *, least_gap: float = 0.1
) -> float:
    """Share of (attribute, class) pairs in which the effect points the way the training labels do, in [0, 1].

    effects `(K, C)` of `attribute_effects`; attributes `(N, K)` with NaN = unknown and classes `(N,)` of the training
    split. A pair counts when the attribute's rate in the class differs from its rate in the others by `least_gap` at
    least; the labels then say whether the attribute should speak for the class. 0.5 is chance; NaN without a pair.
    """
    agree = []
    for c in range(effects.shape[1]):
        inside = classes == c
        gap = attributes[inside].nanmean(dim=0) - attributes[~inside].nanmean(dim=0)
        counts = gap.abs() >= least_gap
        agree.append((torch.sign(effects[counts, c].cpu()) == torch.sign(gap[counts])).float())
    return torch.cat(agree).mean().item()
