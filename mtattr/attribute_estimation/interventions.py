"""Interventions: changes of o_a by hand, and what becomes of the class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mtattr.attribute_estimation.network import AttributeEstimationNet
from mtattr.data.batches import take
from mtattr.data.image_data import ImageData


@dataclass(frozen=True)
class MiddleLayer:
    """Middle layer of N images.

    Args:
        pooled: x `(N, D)`.
        attributes: o_a `(N, K)`.
        labels: class index and attributes `(N, 1 + K)`, NaN = unknown.
    """

    pooled: Tensor
    attributes: Tensor
    labels: Tensor

    @property
    def classes(self) -> Tensor:
        """Class indices `(N,)`, NaN = unknown."""
        return self.labels[:, 0]


@torch.no_grad()
def middle_layer(
    net: AttributeEstimationNet, data: ImageData, *, device: object = "cpu", batch_size: int = 256
) -> MiddleLayer:
    """Middle layer of all images, in evaluation mode."""
    net.eval()
    parts = torch.arange(len(data)).split(batch_size)
    extras = [net(take(data.images, part, device)).extra for part in parts]
    x, o_a = (torch.cat([extra[k].float() for extra in extras]) for k in ("pooled", "attributes"))
    return MiddleLayer(x, o_a, data.labels.to(x.device))


@torch.no_grad()
def accuracy_with(net: AttributeEstimationNet, layer: MiddleLayer, attributes: Tensor) -> float:
    """Accuracy in [0, 1] of the known classes when the class branch reads `attributes` `(N, K)`."""
    right = net.classify(layer.pooled, attributes).argmax(dim=1) == layer.classes
    return right[~layer.classes.isnan()].double().mean().item()


def shuffle_drop(net: AttributeEstimationNet, layer: MiddleLayer, *, seed: int = 0) -> float:
    """Class accuracy lost when the o_a of all images are shuffled; about 0 if they are ignored."""
    order = torch.randperm(len(layer.labels), generator=torch.Generator().manual_seed(seed))
    shuffled = layer.attributes[order.to(layer.attributes.device)]
    return accuracy_with(net, layer, layer.attributes) - accuracy_with(net, layer, shuffled)


def rounded_drop(net: AttributeEstimationNet, layer: MiddleLayer) -> float:
    """Class accuracy lost when o_a is rounded to 0 or 1: what the class reads between yes and no.

    Probabilities can tell more about the class than the attributes that they stand for (leakage).
    """
    rounded = layer.attributes.round()
    return accuracy_with(net, layer, layer.attributes) - accuracy_with(net, layer, rounded)


@torch.no_grad()
def attribute_effects(net: AttributeEstimationNet, layer: MiddleLayer) -> Tensor:
    """Mean change of each class's log-probability when one attribute goes from 0 to 1, `(K, C)`."""
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
    """Share of images whose class changes when one attribute is set to 1 - rounded o_a, `(K,)`."""
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
    """Share of (attribute, class) pairs whose effect has the sign that the training labels suggest.

    Chance is 0.5; without a pair it is NaN.

    Args:
        effects: `(K, C)` of `attribute_effects`.
        attributes, classes: labels of the training split, `(N, K)` with NaN = unknown, and `(N,)`.
        least_gap: a pair counts if the attribute's rate in the class differs from its rate in the
            others by at least this; the sign is that of the difference.
    """
    agree = []
    for c in range(effects.shape[1]):
        inside = classes == c
        gap = attributes[inside].nanmean(dim=0) - attributes[~inside].nanmean(dim=0)
        counts = gap.abs() >= least_gap
        agree.append((torch.sign(effects[counts, c].cpu()) == torch.sign(gap[counts])).float())
    return torch.cat(agree).mean().item()
