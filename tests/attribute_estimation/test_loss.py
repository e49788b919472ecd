import pytest
import torch
import torch.nn.functional as F
from mtattr.attribute_estimation import joint_loss, loss_weights
from mtattr.errors import InputError


def draw():
    generator = torch.Generator().manual_seed(0)
    c, a = torch.randn(6, 3, generator=generator), torch.randn(6, 4, generator=generator)
    return c, a, torch.tensor([0, 1, 2, 2, 1, 0]), (torch.rand(6, 4, generator=generator) < 0.4).float()


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
def test_equals_torch_on_known_labels(alpha):
    c, a, classes, attributes = draw()
    expected = alpha * F.cross_entropy(c, classes) + (1 - alpha) * F.binary_cross_entropy_with_logits(a, attributes)
    torch.testing.assert_close(joint_loss(c, a, classes, attributes, alpha), expected)


def test_by_hand():
    loss = joint_loss(torch.zeros(1, 4), torch.zeros(1, 2), torch.tensor([3]), torch.tensor([[1.0, 0.0]]))
    assert loss.item() == pytest.approx(0.5 * 1.3862943611 + 0.5 * 0.6931471806)


def test_unknown_attributes_do_not_count():
    c, a, classes, attributes = draw()
    attributes[2, 1] = torch.nan
    changed = a.clone()
    changed[2, 1] = 50.0
    torch.testing.assert_close(joint_loss(c, a, classes, attributes), joint_loss(c, changed, classes, attributes))


def test_weights_sum_to_one_and_alpha_is_checked():
    assert loss_weights(7, 0.3).sum().item() == pytest.approx(1.0)
    for alpha in (-0.1, 1.1):
        with pytest.raises(InputError, match="alpha"):
            loss_weights(7, alpha)


def test_labels_may_be_of_any_type():
    c, a, classes, attributes = draw()
    expected = joint_loss(c, a, classes, attributes)
    for kind in (torch.bool, torch.int64, torch.uint8):
        assert joint_loss(c, a, classes, attributes.to(kind)) == expected


@pytest.mark.parametrize(
    "changed",
    [
        {"classes": torch.zeros(3)},
        {"classes": torch.zeros(4, 1)},
        {"classes": torch.full((4,), 9)},
        {"classes": torch.full((4,), -1)},
        {"attributes": torch.zeros(4, 3)},
        {"attributes": torch.full((4, 2), 2.0)},
        {"attribute_logits": torch.zeros(3, 2)},
        {"class_logits": torch.zeros(3)},
        {"class_logits": torch.zeros(4, 1)},
        {"alpha": "x"},
        {"alpha": True},
    ],
)
def test_what_does_not_fit_together_is_refused(changed):
    good = {"class_logits": torch.zeros(4, 3), "attribute_logits": torch.zeros(4, 2), "classes": torch.zeros(4)}
    good |= {"attributes": torch.zeros(4, 2), "alpha": 0.5}
    assert joint_loss(**good).ndim == 0
    with pytest.raises(InputError):
        joint_loss(**good | changed)
