from dataclasses import replace

import pytest
import torch
from mtattr.attribute_estimation import AttributeEstimationNet
from mtattr.attribute_estimation.correction import correction_curve, curve_metrics, order_by_error, random_orders
from mtattr.attribute_estimation.interventions import MiddleLayer, accuracy_with
from torch import nn


class Trunk(nn.Module):
    num_features = 3

    def forward(self, images):
        return images


def net(variant="bottleneck", attributes=5) -> AttributeEstimationNet:
    torch.manual_seed(0)
    return AttributeEstimationNet(Trunk(), 4, attributes, variant, attribute_units=6, class_units=16)


def layer(images=300, attributes=5) -> MiddleLayer:
    generator = torch.Generator().manual_seed(1)
    o_a = torch.rand(images, attributes, generator=generator)
    labels = torch.cat(
        [torch.randint(0, 4, (images, 1), generator=generator), torch.rand(images, attributes, generator=generator) < 0.4], dim=1
    )
    return MiddleLayer(torch.randn(images, 3, generator=generator), o_a, labels.float())


def test_ends_of_the_curve_are_plain_and_told_accuracy():
    for variant in ("PM", "bottleneck"):
        network, given = net(variant), layer()
        plain = network.classify(given.pooled, given.attributes).argmax(1)
        told = network.classify(given.pooled, given.labels[:, 1:]).argmax(1)
        for order in random_orders(5):
            curve = correction_curve(network, given, order)
            assert curve.shape == (6,)
            assert curve[0] == (plain == given.classes).double().mean()
            assert curve[-1] == (told == given.classes).double().mean()


def test_told_all_the_truth_a_bottleneck_is_its_head_on_the_truth_whatever_the_image():
    network, given = net(), layer()
    other = replace(given, pooled=given.pooled.flip(0), attributes=given.attributes.flip(0))
    head = network.class_branch(given.labels[:, 1:]).argmax(1)
    expected = (head == given.classes).double().mean()
    for seen in (given, other):
        assert correction_curve(network, seen, torch.arange(5))[-1] == expected


def test_only_the_told_attributes_change():
    network, given, order = net(), layer(), torch.tensor([3, 0, 4, 1, 2])
    told = given.attributes.clone()
    told[:, [3, 0]] = given.labels[:, [4, 1]]
    assert correction_curve(network, given, order)[2] == accuracy_with(network, given, told)


def test_unknown_truth_leaves_the_estimate_and_unknown_classes_do_not_count():
    network, given = net(), layer()
    holes = given.labels.clone()
    holes[:, 1:] = torch.nan
    silent = correction_curve(network, replace(given, labels=holes), torch.arange(5))
    assert (silent == silent[0]).all()
    holes[:100, 0] = torch.nan
    rest = MiddleLayer(given.pooled[100:], given.attributes[100:], holes[100:])
    assert accuracy_with(network, replace(given, labels=holes), given.attributes) == accuracy_with(network, rest, rest.attributes)


def test_order_is_most_wrong_first_and_unknown_last():
    o_a = torch.tensor([[0.9, 0.1, 0.9, 0.9], [0.9, 0.1, 0.1, 0.9], [0.9, 0.9, 0.9, 0.9]])
    labels = torch.tensor([[1, 1, 1, torch.nan], [1, 1, torch.nan, torch.nan], [0, 0, 0, torch.nan]])
    assert order_by_error(o_a, labels).tolist() == [1, 2, 0, 3]


def test_orders_at_random_are_permutations_and_always_the_same():
    first, again = random_orders(7), random_orders(7)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(sorted(order.tolist()) == list(range(7)) for order in first)
    assert len({tuple(order.tolist()) for order in first}) > 1


def test_numbers_of_a_record_follow_from_the_curve():
    network, given, order = net(), layer(), torch.tensor([2, 4, 0, 1, 3])
    curve, found = correction_curve(network, given, order), curve_metrics(network, given, order)
    for k in (0, 1, 2, 4):
        assert found[f"corrected_{k}"] == curve[k].item()
    assert found["corrected_all"] == curve[5].item()
    assert found["told_gain"] == pytest.approx((curve[5] - curve[0]).item())
    assert found["corrected_area"] == pytest.approx((curve.sum() - (curve[0] + curve[5]) / 2).item() / 5)
    assert not {"corrected_5", "corrected_8", "corrected_random_0", "corrected_random_all"} & found.keys()
    rows = [correction_curve(network, given, each) for each in random_orders(5)]
    assert found["corrected_random_2"] == pytest.approx(sum(row[2].item() for row in rows) / len(rows))
