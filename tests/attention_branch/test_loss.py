import math

import pytest
import torch
import torch.nn.functional as F
from mtattr.attention_branch import attention_branch_loss
from mtattr.attention_branch.loss import losses
from mtattr.nets import Output
from mtattr.tasks import Task, TaskSet
from mtattr.training import Batch, per_task_loss
from torch import nn

NAN = math.nan
CLASS = TaskSet([Task("class", "categorical", tuple("abcde"))])
FACES = TaskSet.binary("xyz")


def random(*size, seed=0):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))


def test_eq_3_is_the_sum_of_both_cross_entropies():
    perception, attention, labels = random(6, 5), random(6, 5, seed=1), torch.tensor([0, 4, 2, 2, 1, 3])
    expected = F.cross_entropy(attention, labels) + F.cross_entropy(perception, labels)
    found = attention_branch_loss(perception, attention, labels[:, None].float(), CLASS)
    assert found.shape == (1,)
    torch.testing.assert_close(found[0], expected)


def test_eq_3_by_hand():
    tasks = TaskSet([Task("class", "categorical", ("no", "yes"))])
    # Softmax of 0 and log 3 is 1/4 and 3/4; of equal logits 1/2 and 1/2.
    found = attention_branch_loss(torch.tensor([[0.0, math.log(3)]]), torch.tensor([[2.0, 2.0]]), torch.tensor([[1.0]]), tasks)
    assert found.item() == pytest.approx(math.log(4 / 3) + math.log(2))


def test_attributes_have_the_sum_of_both_sigmoid_cross_entropies_each():
    perception, attention, labels = random(8, 3), random(8, 3, seed=1), (random(8, 3, seed=2) > 0).float()
    expected = nn.BCEWithLogitsLoss(reduction="none")(perception, labels) + nn.BCEWithLogitsLoss(reduction="none")(attention, labels)
    torch.testing.assert_close(attention_branch_loss(perception, attention, labels, FACES), expected.mean(0))


def test_unknown_labels_are_left_out_of_both():
    labels = torch.tensor([[1.0, NAN, 0.0], [NAN, NAN, 1.0]])
    perception, attention = random(2, 3).requires_grad_(), random(2, 3, seed=1).requires_grad_()
    found = attention_branch_loss(perception, attention, labels, FACES)
    torch.testing.assert_close(found[0], F.softplus(-perception[0, 0]) + F.softplus(-attention[0, 0]))
    assert found[1] == 0
    found.sum().backward()
    for logits in (perception, attention):
        assert torch.equal(logits.grad != 0, ~labels.isnan())


def test_both_branches_weigh_the_same():
    one, other, labels = random(5, 3), random(5, 3, seed=1), (random(5, 3, seed=2) > 0).float()
    torch.testing.assert_close(attention_branch_loss(one, other, labels, FACES), attention_branch_loss(other, one, labels, FACES))


def test_halves_with_the_global_counts_average_to_the_whole():
    perception, attention, labels = random(8, 3), random(8, 3, seed=1), (random(8, 3, seed=2) > 0).float()
    labels[:3, 1] = NAN
    known = torch.tensor([8.0, 5, 8]) / 2
    halves = [attention_branch_loss(perception[p], attention[p], labels[p], FACES, known=known) for p in (slice(4), slice(4, 8))]
    torch.testing.assert_close(sum(halves) / 2, attention_branch_loss(perception, attention, labels, FACES))


def test_what_a_plan_trains_is_eq_3_or_the_perception_alone():
    perception, attention, labels = random(8, 3), random(8, 3, seed=1), (random(8, 3, seed=2) > 0).float()
    batch = Batch(None, labels, torch.tensor([16.0, 8.0, 4.0]))
    both = losses(Output(perception, extra={"attention_logits": attention}), batch, FACES)
    assert torch.equal(both, attention_branch_loss(perception, attention, labels, FACES, known=batch.known))
    assert torch.equal(losses(Output(perception), batch, FACES), per_task_loss(perception, labels, FACES, known=batch.known))
