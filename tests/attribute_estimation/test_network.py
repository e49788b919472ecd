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


@each(("variant", "units"), [("PM", 9), ("CM", 9), ("Ideal", 4), ("bottleneck", 9)])
def test_units_come_in_task_order(variant, units):
    output = net(variant)(IMAGES)
    assert output.logits.shape == (2, units)
    assert ("attributes" in output.extra) == (variant != "Ideal")


def test_parameter_counts_by_hand():
    branch_a, trunk = (7 * 11 + 11) + (11 * 5 + 5), 3 * 7 * 9 + 7
    expected = {"PM": trunk + branch_a + (12 * 6 + 6) + 28, "CM": trunk + branch_a + (7 * 6 + 6) + 28, "Ideal": trunk + (7 * 6 + 6) + 28}
    expected["bottleneck"] = trunk + branch_a + (5 * 6 + 6) + 28
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


def test_attributes_reach_the_class_of_pm_and_of_the_bottleneck_alone():
    for variant, reaches in (("PM", True), ("bottleneck", True), ("CM", False)):
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


def test_the_image_reaches_the_class_of_a_bottleneck_through_the_attributes_alone():
    """Jacobian of the class by the image = Jacobian by o_a times Jacobian of o_a by the image; PM's differs."""
    image = IMAGES[:1].double()
    for variant, alone in (("bottleneck", True), ("PM", False)):
        network = net(variant).double()
        of_class = torch.func.jacrev(lambda x, n=network: n(x).logits[0, :4])(image)
        of_o_a = torch.func.jacrev(lambda x, n=network: torch.sigmoid(n(x).logits[0, 4:]))(image)
        output = network(image)
        head = torch.func.jacrev(lambda o_a, n=network, x=output.extra["pooled"]: n.classify(x, o_a[None])[0])(
            output.extra["attributes"][0]
        )
        assert torch.allclose(of_class, torch.einsum("ck,kbihw->cbihw", head, of_o_a), rtol=1e-9, atol=1e-12) == alone
        other = network.classify(output.extra["pooled"] + 1, output.extra["attributes"])
        assert torch.equal(other, output.logits[:, :4]) == alone


def test_a_fixed_network_learns_its_class_branch_alone():
    torch.manual_seed(0)
    trunk = Trunk()
    trunk.conv = nn.Sequential(trunk.conv, nn.BatchNorm2d(7))
    network = AttributeEstimationNet(trunk, 4, 5, "bottleneck", attribute_units=11, class_units=6, fixed=True).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.1)
    network(IMAGES).logits.square().sum().backward()
    optimizer.step()
    changed = {name.split(".")[0] for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"class_branch"}


def test_bad_arguments():
    with pytest.raises(InputError, match="PM, CM, Ideal, bottleneck"):
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
    ],
)
def test_impossible_sizes_are_refused(changed):
    with pytest.raises(InputError):
        AttributeEstimationNet(**{"backbone": Trunk(), "num_classes": 3, "num_attributes": 4} | changed)
