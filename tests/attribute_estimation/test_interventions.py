import pytest
import torch
from mtattr.attribute_estimation import AttributeEstimationNet
from mtattr.attribute_estimation.interventions import (
    MiddleLayer,
    accuracy_with,
    attribute_effects,
    effect_agreement,
    flip_rates,
    middle_layer,
    rounded_drop,
    shuffle_drop,
)
from mtattr.data.image_data import ImageData
from mtattr.tasks import Task, TaskSet
from torch import nn


class Trunk(nn.Module):
    num_features = 2

    def forward(self, images):
        return images[:, :2]


def reader(*, weight_x: float, weight_o: float) -> AttributeEstimationNet:
    """A PM whose class is decided by x_0 and o_0 with given weights: class 1 if weight_x x_0 + weight_o (2 o_0 - 1) > 0."""
    net = AttributeEstimationNet(Trunk(), 2, 2, "PM", attribute_units=2, class_units=2)
    with torch.no_grad():
        hidden, out = net.class_branch[0], net.class_branch[2]
        hidden.weight.zero_()
        hidden.weight[0] = torch.tensor([weight_x, 0.0, 2 * weight_o, 0.0])
        hidden.weight[1] = -hidden.weight[0]
        hidden.bias.copy_(torch.tensor([-weight_o, weight_o]))
        out.weight.copy_(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
        out.bias.zero_()
    return net


def layer(images=200):
    generator = torch.Generator().manual_seed(0)
    classes = torch.randint(0, 2, (images,), generator=generator)
    attributes = torch.stack([classes.float(), torch.rand(images, generator=generator)], dim=1)
    labels = torch.cat([classes[:, None].float(), attributes.round()], dim=1)
    return MiddleLayer(2.0 * classes[:, None].repeat(1, 2) - 1, attributes, labels)


def test_a_class_branch_that_reads_only_attributes_loses_all_when_they_are_shuffled():
    net = reader(weight_x=0.0, weight_o=1.0)
    assert accuracy_with(net, layer(), layer().attributes) == 1.0
    assert shuffle_drop(net, layer()) == pytest.approx(0.5, abs=0.08)
    assert flip_rates(net, layer()).tolist() == [1.0, 0.0]


def test_a_class_branch_that_reads_only_the_image_loses_nothing():
    net = reader(weight_x=1.0, weight_o=0.0)
    assert shuffle_drop(net, layer()) == 0.0
    assert flip_rates(net, layer()).tolist() == [0.0, 0.0]


def test_rounding_costs_what_the_class_reads_between_yes_and_no():
    net, given = reader(weight_x=0.0, weight_o=1.0), layer()
    assert rounded_drop(net, given) == 0.0
    # The class in the probability on one side of one half: rounding takes it away.
    hidden = given.attributes.clone()
    hidden[:, 0] = 0.1 + 0.2 * given.classes
    with torch.no_grad():
        net.class_branch[0].bias.copy_(torch.tensor([-0.4, 0.4]))
    leaking = MiddleLayer(given.pooled, hidden, given.labels)
    assert accuracy_with(net, leaking, hidden) == 1.0
    assert rounded_drop(net, leaking) == pytest.approx((given.classes == 1).double().mean().item())


def test_effects_by_hand():
    net = reader(weight_x=0.0, weight_o=1.0)
    effects = attribute_effects(net, layer())
    # o_0 from 0 to 1 moves the logit gap between the classes from -1 to +1.
    gap = torch.tensor(1.0)
    change = torch.nn.functional.logsigmoid(gap) - torch.nn.functional.logsigmoid(-gap)
    torch.testing.assert_close(effects, torch.stack([torch.stack([-change, change]), torch.zeros(2)]))


def test_agreement_counts_pairs_with_a_gap_only():
    classes = torch.tensor([0, 0, 1, 1])
    attributes = torch.tensor([[1.0, 1, 0], [1, torch.nan, 1], [0, 1, 0], [0, 1, 1]])
    effects = torch.tensor([[2.0, -1.0], [9.0, 9.0], [5.0, 5.0]])
    assert effect_agreement(effects, attributes, classes) == 1.0
    assert effect_agreement(-effects, attributes, classes) == 0.0


def test_images_without_a_class_are_left_out():
    tasks = TaskSet([Task("class", "categorical", ("a", "b")), Task("p"), Task("q")])
    labels = torch.tensor([[0.0, 1, 0], [torch.nan, 1, 0], [1, 0, 0]])
    data = ImageData(torch.zeros(3, 3, 4, 4, dtype=torch.uint8), labels, tasks, ("x", "y", "z"), "toy", "test")
    net = reader(weight_x=1.0, weight_o=1.0)
    found = middle_layer(net, data)
    assert found.pooled.shape == found.attributes.shape == (3, 2)
    answers = net.classify(found.pooled, found.attributes).argmax(1)
    assert accuracy_with(net, found, found.attributes) == (answers[[0, 2]] == torch.tensor([0, 1])).double().mean()
