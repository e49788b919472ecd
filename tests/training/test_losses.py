import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from mtattr.tasks import Task, TaskSet
from mtattr.training import per_task_loss

TASKS = TaskSet([Task("class", "categorical", ("a", "b", "c")), Task("dark"), Task("round")])


def draw(seed, images=7):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(images, 5, generator=generator, dtype=torch.float64)
    labels = torch.stack([torch.randint(0, k, (images,), generator=generator) for k in (3, 2, 2)], dim=1).double()
    return logits, labels


def test_equals_the_loss_written_out():
    logits, labels = draw(0)
    expected = torch.stack(
        [
            -torch.log_softmax(logits[:, :3], 1).gather(1, labels[:, :1].long()).mean(),
            -(labels[:, 1] * torch.sigmoid(logits[:, 3]).log() + (1 - labels[:, 1]) * torch.sigmoid(-logits[:, 3]).log()).mean(),
            F.binary_cross_entropy_with_logits(logits[:, 4], labels[:, 2]),
        ]
    )
    torch.testing.assert_close(per_task_loss(logits, labels, TASKS), expected)


@given(seed=st.integers(0, 99), mask=st.lists(st.booleans(), min_size=21, max_size=21))
@settings(max_examples=40, deadline=None)
def test_unknown_labels_neither_count_nor_give_gradient(seed, mask):
    logits, labels = draw(seed)
    unknown = torch.tensor(mask).view(7, 3)
    labels[unknown] = torch.nan
    logits.requires_grad_()
    losses = per_task_loss(logits, labels, TASKS)
    losses.sum().backward()
    assert losses.isfinite().all()
    of_unit = unknown[:, [0, 0, 0, 1, 2]]
    assert (logits.grad[of_unit] == 0).all()
    for t in range(3):
        rows = ~unknown[:, t]
        if rows.any():
            alone = per_task_loss(logits[rows], labels[rows], TASKS)[t]
            torch.testing.assert_close(losses[t], alone)
        else:
            assert losses[t] == 0


@given(seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_task_order_does_not_matter(seed):
    logits, labels = draw(seed)
    turned = per_task_loss(logits[:, [4, 3, 0, 1, 2]], labels[:, [2, 1, 0]], TASKS.select([2, 1, 0]))
    torch.testing.assert_close(turned.flip(0), per_task_loss(logits, labels, TASKS))


def test_shares_of_a_batch_average_to_the_whole():
    logits, labels = draw(3, images=8)
    labels[:3, 1] = torch.nan
    whole = per_task_loss(logits, labels, TASKS)
    known = (~labels.isnan()).sum(0) / 2
    halves = [per_task_loss(logits[part], labels[part], TASKS, known=known) for part in (slice(4), slice(4, 8))]
    torch.testing.assert_close(sum(halves) / 2, whole)


def test_soft_labels_are_targets():
    tasks = TaskSet.binary(["x"])
    soft = per_task_loss(torch.tensor([[0.3]]), torch.tensor([[0.25]]), tasks)
    hard = [per_task_loss(torch.tensor([[0.3]]), torch.tensor([[v]]), tasks) for v in (0.0, 1.0)]
    assert soft.item() == pytest.approx(0.75 * hard[0].item() + 0.25 * hard[1].item())
