import pytest
import torch
from mtattr.attribute_estimation import AttributeEstimationNet
from mtattr.errors import InputError
from torch import nn

from cases import each


class Trunk(nn.Module):
    num_features = 7

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 7, 3, padding=1)

    def forward(self, images):
        return self.conv(images)


def net(variant="PM", **options):
    torch.manual_seed(0)
    return AttributeEstimationNet(Trunk(), 4, 5, variant, attribute_units=11, class_units=6, **options)


IMAGES = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@each(("variant", "units"), [("PM", 9), ("CM", 9), ("Ideal", 4)])
def test_units_come_in_task_order(variant, units):
    output = net(variant)(IMAGES)
    assert output.logits.shape == (2, units)
    assert ("attributes" in output.extra) == (variant != "Ideal")


def test_parameter_counts_by_hand():
    branch_a, trunk = (7 * 11 + 11) + (11 * 5 + 5), 3 * 7 * 9 + 7
    expected = {"PM": trunk + branch_a + (12 * 6 + 6) + 28, "CM": trunk + branch_a + (7 * 6 + 6) + 28, "Ideal": trunk + (7 * 6 + 6) + 28}
    for variant, count in expected.items():
        assert sum(p.numel() for p in net(variant).parameters()) == count


def test_probabilities_not_logits_are_concatenated():
    pm = net()
    output = pm(IMAGES)
    x = pm.backbone(IMAGES).mean((2, 3))
    o_a = torch.sigmoid(output.logits[:, 4:])
    z = torch.cat([x, o_a], dim=1)
    hidden = torch.relu(z @ pm.class_branch[0].weight.T + pm.class_branch[0].bias)
    torch.testing.assert_close(output.logits[:, :4], hidden @ pm.class_branch[2].weight.T + pm.class_branch[2].bias)


def test_only_pm_lets_attributes_reach_the_class():
    for variant, reaches in (("PM", True), ("CM", False)):
        network = net(variant)
        before = network(IMAGES).logits
        with torch.no_grad():
            network.attribute_branch[2].bias += 3.0
        assert torch.equal(network(IMAGES).logits[:, :4], before[:, :4]) != reaches


def test_detach_cuts_the_gradient_and_keeps_the_answer():
    whole, cut = net(), net(detach=True)
    assert torch.equal(whole(IMAGES).logits, cut(IMAGES).logits)
    for network in (whole, cut):
        network(IMAGES).logits[:, :4].sum().backward()
    assert whole.attribute_branch[0].weight.grad.abs().sum() > 0
    assert not cut.attribute_branch[0].weight.grad.any()


def test_bad_arguments():
    with pytest.raises(InputError, match="PM, CM, Ideal"):
        net("XM")
    with pytest.raises(InputError, match="num_classes must be a whole number of at least 2"):
        AttributeEstimationNet(Trunk(), 1, 5)


@each(
    "changed",
    [
        {"num_classes": 1},
        {"num_classes": 3.5},
        {"num_classes": "3"},
        {"num_attributes": 0},
        {"num_attributes": -1, "variant": "Ideal"},
        {"attribute_units": 0},
        {"class_units": -1},
        {"class_units": 1.5},
        {"backbone": None},
        {"backbone": torch.nn.Linear(2, 2)},
    ],
)
def test_impossible_sizes_and_backbones_are_refused(changed):
    with pytest.raises(InputError):
        AttributeEstimationNet(**{"backbone": "small_inception", "num_classes": 3, "num_attributes": 4} | changed)
