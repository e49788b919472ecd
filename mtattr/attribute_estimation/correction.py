"""Correction by hand: class accuracy against the number of attributes that are told.

Source: Koh et al. 2020, Concept Bottleneck Models, whose test-time interventions let a person
correct attributes one after another. Here the drawn truth does, or the labels if there is none.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtattr.attribute_estimation.interventions import MiddleLayer, accuracy_with
from mtattr.attribute_estimation.loss import tell
from mtattr.attribute_estimation.network import AttributeEstimationNet

#: Random orders whose curves are averaged.
RANDOM_ORDERS = 4


def order_by_error(attributes: Tensor, labels: Tensor) -> Tensor:
    """Attributes by their error rate at threshold 0.5, most wrong first, long `(K,)`.

    Ties go to the earlier attribute. Pass validation images: the order is fixed before the test.

    Args:
        attributes: o_a `(N, K)`.
        labels: `(N, K)`, NaN = unknown; soft ones are cut at 0.5.
    """
    wrong = ((attributes > 0.5) != (labels > 0.5)).double()
    rates = wrong.masked_fill(labels.isnan(), torch.nan).nanmean(dim=0).nan_to_num(nan=-1.0)
    return rates.argsort(descending=True, stable=True)


def random_orders(count: int, *, seed: int = 0) -> list[Tensor]:
    """`RANDOM_ORDERS` permutations of `count` attributes."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randperm(count, generator=generator) for _ in range(RANDOM_ORDERS)]


def correction_curve(net: AttributeEstimationNet, layer: MiddleLayer, order: Tensor) -> Tensor:
    """Class accuracy once the first k attributes of `order` are told, float64 `(K + 1,)`, k = 0..K.

    Args:
        layer: middle layer; its labels judge the class and tell the attributes.
        order: permutation of the K attributes.
    """
    truth = tell(layer.labels[:, 1:], layer.attributes)
    told, curve = layer.attributes.clone(), [accuracy_with(net, layer, layer.attributes)]
    for k in order.tolist():
        told[:, k] = truth[:, k]
        curve.append(accuracy_with(net, layer, told))
    return torch.tensor(curve, dtype=torch.float64)


def curve_metrics(
    net: AttributeEstimationNet, layer: MiddleLayer, order: Tensor
) -> dict[str, float]:
    """Curve in the order given, and mean curve of random orders, as numbers of a record.

    `corrected_k` for k = 0, 1, 2, 4, 8, ... below K; `corrected_all`; `corrected_area`, the mean
    height of the curve; `corrected_random_k` and `corrected_random_area`, of the same ends;
    `corrected_area_over_random`, their difference; `told_gain`, `corrected_all` - `corrected_0`.
    """
    curves = [correction_curve(net, layer, each) for each in random_orders(len(order))]
    by_order, at_random = correction_curve(net, layer, order), torch.stack(curves).mean(0)
    area, random_area = _area(by_order), _area(at_random)
    steps = corrected_steps(len(order))
    result = {f"corrected_{k}": by_order[k].item() for k in (0, *steps)}
    result |= {f"corrected_random_{k}": at_random[k].item() for k in steps}
    return result | {
        "corrected_all": by_order[-1].item(),
        "corrected_area": area,
        "corrected_random_area": random_area,
        "corrected_area_over_random": area - random_area,
        "told_gain": (by_order[-1] - by_order[0]).item(),
    }


def corrected_steps(count: int) -> Sequence[int]:
    """Numbers of told attributes that a record keeps: the powers of 2 below `count`."""
    return [2**i for i in range(count.bit_length()) if 2**i < count]


def _area(curve: Tensor) -> float:
    """Mean height over k = 0..K, by the trapezoid rule."""
    return torch.trapezoid(curve).item() / (len(curve) - 1)
