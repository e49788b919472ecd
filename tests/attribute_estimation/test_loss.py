import pytest
import torch
import torch.nn.functional as F
from mtattr.attribute_estimation import joint_loss, loss_weights
from mtattr.attribute_estimation.loss import losses
from mtattr.nets import Output
from mtattr.tasks import Task, TaskSet
from mtattr.training import Batch

from cases import assert_refused


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
    for alpha in (-0.1, 1.1, True, "x"):
        assert_refused("alpha", loss_weights, 7, alpha)


def test_labels_may_be_of_any_type():
    c, a, classes, attributes = draw()
    expected = joint_loss(c, a, classes, attributes)
    for kind in (torch.bool, torch.int64, torch.uint8):
        assert joint_loss(c, a, classes, attributes.to(kind)) == expected


def test_without_reduction_it_is_the_loss_of_each_task_before_its_weight():
    c, a, classes, attributes = draw()
    attributes[2, 1] = torch.nan
    each = joint_loss(c, a, classes, attributes, reduction="none")
    assert each.shape == (5,)
    torch.testing.assert_close(each[0], F.cross_entropy(c, classes))
    torch.testing.assert_close((each * loss_weights(4, 0.3)).sum(), joint_loss(c, a, classes, attributes, 0.3))


def test_halves_with_the_global_counts_average_to_the_whole():
    c, a, classes, attributes = draw()
    attributes[:2, 1] = torch.nan
    known = torch.tensor([6, 6, 4, 6, 6]) / 2
    halves = [joint_loss(c[part], a[part], classes[part], attributes[part], known=known) for part in (slice(3), slice(3, 6))]
    torch.testing.assert_close(sum(halves) / 2, joint_loss(c, a, classes, attributes))


def test_what_a_plan_trains_is_the_joint_loss_before_its_weights():
    c, a, classes, attributes = draw()
    tasks = TaskSet([Task("class", "categorical", tuple("xyz")), *map(Task, "abcd")])
    labels = torch.cat([classes[:, None].float(), attributes], dim=1)
    found = losses(Output(torch.cat([c, a], dim=1)), Batch(None, labels), tasks)
    assert torch.equal(found, joint_loss(c, a, classes, attributes, reduction="none"))
    only = losses(Output(c), Batch(None, labels[:, :1]), tasks.select([0]))
    torch.testing.assert_close(only, F.cross_entropy(c, classes)[None])


def test_told_the_class_loss_is_that_of_the_head_on_the_annotated_attributes():
    c, a, classes, attributes = draw()
    tasks = TaskSet([Task("class", "categorical", tuple("xyz")), *map(Task, "abcd")])
    head, estimates = torch.nn.Linear(4, 3), torch.rand(6, 4, requires_grad=True)
    attributes[2, 1] = torch.nan
    batch = Batch(None, torch.cat([classes[:, None].float(), attributes], dim=1))
    logits = torch.cat([c, a], dim=1).requires_grad_()
    told = losses(Output(logits, extra={"attributes": estimates, "classify": head}), batch, tasks, told=True)
    filled = attributes.clone()
    filled[2, 1] = estimates[2, 1].item()
    torch.testing.assert_close(told[0], F.cross_entropy(head(filled), classes))
    assert torch.equal(told[1:], losses(Output(logits), batch, tasks)[1:])
    told[0].backward()
    assert estimates.grad is None
    assert not logits.grad.any()
    # On validation there are logits alone.
    assert torch.equal(losses(Output(logits), batch, tasks, told=True), losses(Output(logits), batch, tasks))


def test_what_does_not_fit_together_is_refused():
    good = {"class_logits": torch.zeros(4, 3), "attribute_logits": torch.zeros(4, 2), "classes": torch.zeros(4)}
    good |= {"attributes": torch.zeros(4, 2), "alpha": 0.5}
    assert joint_loss(**good).ndim == 0
    for changed in (
        *({"classes": value} for value in (torch.zeros(3), torch.zeros(4, 1), torch.full((4,), 9), torch.full((4,), -1))),
        *({"attributes": value} for value in (torch.zeros(4, 3), torch.full((4, 2), 2.0))),
        {"attribute_logits": torch.zeros(3, 2)},
        *({"class_logits": value} for value in (torch.zeros(3), torch.zeros(4, 1))),
        *({"alpha": value} for value in ("x", True)),
    ):
        assert_refused("", joint_loss, **good | changed)
