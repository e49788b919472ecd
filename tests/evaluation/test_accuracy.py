import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mtattr.errors import InputError
from mtattr.evaluation.accuracy import (
    balanced_accuracy,
    class_accuracy,
    class_floor,
    mean_accuracy,
    mean_accuracy_floor,
    micro_accuracy,
    micro_floor,
    task_accuracy,
    task_floor,
)
from mtattr.tasks import Task, TaskSet
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from torchmetrics.functional.classification import multilabel_accuracy

MIXED = TaskSet([Task("class", "categorical", ("x", "y", "z")), Task("a"), Task("b"), Task("c")])


def random_case(seed, n=50, unknown=0.2):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, MIXED.num_units, generator=generator)
    labels = torch.cat([torch.randint(3, (n, 1), generator=generator), torch.rand(n, 3, generator=generator) < 0.3], 1).float()
    return logits, labels.masked_fill(torch.rand(n, 4, generator=generator) < unknown, torch.nan)


def permuted(logits, tasks, order):
    return torch.cat([logits[:, tasks.slices[t]] for t in order], 1), tasks.select(order)


def test_by_hand():
    logits = torch.tensor([[3.0, 0, 0, 1, -1, 1], [0, 3.0, 0, 1, -1, -1], [0, 0, 3.0, -1, 1, -1]])
    labels = torch.tensor([[0.0, 1, 0, 1], [0, 1, 1, 1], [2, 1, torch.nan, 1]])
    torch.testing.assert_close(task_accuracy(logits, labels, MIXED), torch.tensor([2 / 3, 2 / 3, 1 / 2, 1 / 3]).double())
    assert mean_accuracy(logits, labels, MIXED) == pytest.approx((2 / 3 + 2 / 3 + 1 / 2 + 1 / 3) / 4)
    assert micro_accuracy(logits, labels, MIXED) == pytest.approx(4 / 8)
    assert class_accuracy(logits, labels, MIXED) == pytest.approx(2 / 3)
    assert class_floor(labels, MIXED) == pytest.approx(2 / 3)
    assert micro_floor(labels, MIXED) == pytest.approx(1 / 8)
    assert mean_accuracy_floor(labels, MIXED) == pytest.approx((2 / 3 + 1 + 1 / 2 + 1) / 4)


@pytest.mark.parametrize("seed", range(3))
def test_equal_sklearn_task_by_task(seed):
    logits, labels = random_case(seed)
    accuracy, balanced = task_accuracy(logits, labels, MIXED), balanced_accuracy(logits, labels, MIXED)
    for t in range(4):
        known = ~labels[:, t].isnan()
        columns = logits[known][:, MIXED.slices[t]]
        answers = columns.argmax(1) if t == 0 else (columns[:, 0] > 0).long()
        truth = labels[known, t].long()
        assert accuracy[t].item() == pytest.approx(accuracy_score(truth, answers))
        assert balanced[t].item() == pytest.approx(balanced_accuracy_score(truth, answers))


def test_equal_torchmetrics_on_binary_tasks():
    logits, labels = random_case(5, unknown=0.0)
    tasks = TaskSet.binary("abc")
    logits, labels = logits[:, 3:], labels[:, 1:]
    macro = multilabel_accuracy(logits.sigmoid(), labels.int(), 3, average="macro").item()
    micro = multilabel_accuracy(logits.sigmoid(), labels.int(), 3, average="micro").item()
    assert mean_accuracy(logits, labels, tasks) == pytest.approx(macro)
    assert micro_accuracy(logits, labels, tasks) == pytest.approx(micro)


@given(st.integers(0, 10_000), st.permutations(range(4)))
@settings(max_examples=30, deadline=None)
def test_task_order_only_reorders(seed, order):
    logits, labels = random_case(seed, n=12)
    moved, tasks = permuted(logits, MIXED, order)
    moved_labels = labels[:, order]
    for per_task in (task_accuracy, balanced_accuracy):
        expected = per_task(logits, labels, MIXED)[order]
        torch.testing.assert_close(per_task(moved, moved_labels, tasks), expected, equal_nan=True)
    for pooled in (mean_accuracy, micro_accuracy, class_accuracy):
        assert pooled(moved, moved_labels, tasks) == pytest.approx(pooled(logits, labels, MIXED), nan_ok=True)
    for floor in (mean_accuracy_floor, micro_floor, class_floor):
        assert floor(moved_labels, tasks) == pytest.approx(floor(labels, MIXED), nan_ok=True)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_answers_where_the_label_is_unknown_do_not_matter(seed):
    logits, labels = random_case(seed, n=20, unknown=0.5)
    units = torch.cat([labels[:, t : t + 1].isnan().expand(-1, MIXED[t].num_units) for t in range(4)], 1)
    for noise in (logits.neg() * 10, torch.full_like(logits, torch.nan)):
        changed = torch.where(units, noise, logits)
        for metric in (task_accuracy, balanced_accuracy):
            torch.testing.assert_close(metric(changed, labels, MIXED), metric(logits, labels, MIXED), equal_nan=True)
        assert micro_accuracy(changed, labels, MIXED) == micro_accuracy(logits, labels, MIXED)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_floors_are_what_constant_answers_reach(seed):
    _, labels = random_case(seed, n=25)
    never = torch.full((25, MIXED.num_units), -1.0)
    assert micro_floor(labels, MIXED) == pytest.approx(micro_accuracy(never, labels, MIXED))
    constants = []
    for value in range(3):
        logits = never.clone() * (1 if value == 0 else -1)
        logits[:, value] = 5
        constants.append(task_accuracy(logits, labels, MIXED))
    # Among these three constant networks are all three classes, and both answers of every binary task.
    torch.testing.assert_close(task_floor(labels, MIXED), torch.stack(constants).max(0).values)


def test_a_task_without_known_labels_is_nan_and_left_out_of_the_mean():
    logits, labels = random_case(0)
    labels[:, 2] = torch.nan
    accuracy = task_accuracy(logits, labels, MIXED)
    assert accuracy.isnan().tolist() == [False, False, True, False]
    assert mean_accuracy(logits, labels, MIXED) == pytest.approx(accuracy[[0, 1, 3]].mean().item())
    assert math.isnan(mean_accuracy(logits, torch.full_like(labels, torch.nan), MIXED))
    assert math.isnan(micro_floor(torch.full_like(labels, torch.nan), MIXED))


def test_a_diverged_network_has_no_accuracy():
    logits, labels = random_case(0)
    labels[3] = 0.0
    logits[3, -1] = torch.nan
    assert task_accuracy(logits, labels, MIXED).isnan().tolist() == [False, False, False, True]
    assert math.isnan(mean_accuracy(logits, labels, MIXED))
    assert math.isnan(micro_accuracy(logits, labels, MIXED))


def test_balanced_accuracy_is_undefined_for_one_sided_labels():
    assert balanced_accuracy(torch.ones(4, 1), torch.ones(4, 1), TaskSet.binary("a")).isnan().all()


def test_bad_input_is_named():
    with pytest.raises(InputError, match="categorical"):
        class_accuracy(torch.zeros(2, 1), torch.zeros(2, 1), TaskSet.binary("a"))
    with pytest.raises(InputError, match=r"\(2, 6\)"):
        mean_accuracy(torch.zeros(2, 4), torch.zeros(2, 4), MIXED)
