import math

import pytest
import torch
import torch.nn.functional as F
from mtattr.attention_branch import attention_branch_loss
from mtattr.attention_branch.loss import attention_losses
from mtattr.nets import Output
from mtattr.tasks import Task, TaskSet
from mtattr.training.losses import per_task_loss
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


def test_what_the_loop_adds_makes_the_loss_of_the_paper():
    perception, attention, labels = random(8, 3), random(8, 3, seed=1), (random(8, 3, seed=2) > 0).float()
    output = Output(perception, extra={"attention_logits": attention})
    added = attention_losses(output, None, labels, FACES)
    torch.testing.assert_close(added, per_task_loss(attention, labels, FACES))
    total = per_task_loss(perception, labels, FACES) + added
    torch.testing.assert_close(total, attention_branch_loss(perception, attention, labels, FACES))


def test_what_the_loop_adds_is_divided_by_the_count_of_all_processes():
    attention, labels = random(8, 3, seed=1), (random(8, 3, seed=2) > 0).float()
    output = Output(random(8, 3), extra={"attention_logits": attention})
    mine = attention_losses(output, None, labels, FACES)
    shared = attention_losses(output, None, labels, FACES, known=torch.tensor([16.0, 8.0, 4.0]))
    torch.testing.assert_close(shared, mine * torch.tensor([0.5, 1, 2]))
