import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mtattr.errors import InputError
from mtattr.evaluation.ranking import average_precision, f1, top_k_accuracy, top_k_recall
from sklearn.metrics import average_precision_score, f1_score, top_k_accuracy_score
from torchmetrics.functional.classification import multilabel_average_precision

from reference import top_k_recall_images, top_k_recall_tasks


def random_case(seed, n=40, t=6, unknown=0.2, levels=None):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(n, t, generator=generator)
    if levels:
        scores = (scores * levels).floor() / levels
    labels = (torch.rand(n, t, generator=generator) < 0.3).float()
    return scores, labels.masked_fill(torch.rand(n, t, generator=generator) < unknown, torch.nan)


@pytest.mark.parametrize("levels", [None, 5, 1])
@pytest.mark.parametrize("seed", range(3))
def test_average_precision_equals_sklearn_with_and_without_ties(seed, levels):
    scores, labels = random_case(seed, levels=levels)
    ours = average_precision(scores, labels)
    for t in range(6):
        known = ~labels[:, t].isnan()
        assert ours[t].item() == pytest.approx(average_precision_score(labels[known, t], scores[known, t]))


def test_average_precision_equals_torchmetrics_over_more_tasks_than_one_chunk():
    scores, labels = random_case(0, t=130, unknown=0.0)
    expected = multilabel_average_precision(scores, labels.int(), 130, average=None)
    torch.testing.assert_close(average_precision(scores, labels).float(), expected)


def test_average_precision_takes_any_finite_or_infinite_score():
    scores = torch.tensor([[-torch.inf], [1.0], [-torch.inf], [0.0]])
    labels = torch.tensor([[1.0], [1.0], [torch.nan], [0.0]])
    assert average_precision(scores, labels).item() == pytest.approx((1 + 2 / 3) / 2)


def test_average_precision_is_nan_without_positives_or_with_a_nan_score():
    assert average_precision(torch.rand(4, 1), torch.zeros(4, 1)).isnan().all()
    assert average_precision(torch.rand(0, 2), torch.zeros(0, 2)).isnan().all()
    scores, labels = torch.tensor([[torch.nan], [0.5]]), torch.tensor([[0.0], [1.0]])
    assert average_precision(scores, labels).isnan().all()
    labels[0] = torch.nan
    assert average_precision(scores, labels).item() == 1.0


def test_f1_equals_sklearn():
    scores, labels = random_case(1)
    predictions = scores > 0.6
    for t, ours in enumerate(f1(predictions, labels)):
        known = ~labels[:, t].isnan()
        assert ours.item() == pytest.approx(f1_score(labels[known, t], predictions[known, t]))


def test_f1_is_nan_with_nothing_to_find_or_a_nan_answer():
    assert f1(torch.zeros(3, 1), torch.zeros(3, 1)).isnan().all()
    assert f1(torch.tensor([[torch.nan], [1.0]]), torch.tensor([[1.0], [1.0]])).isnan().all()


@pytest.mark.parametrize("k", [1, 3, 10])
def test_top_k_recall_equals_the_loops(k):
    scores, labels = random_case(2, t=12)
    assert top_k_recall(scores, labels, k) == pytest.approx(top_k_recall_images(scores.numpy(), labels.numpy(), k))
    scores, labels = random_case(3, t=12, unknown=0.0)
    ours = top_k_recall(scores, labels, k, average="tasks")
    assert ours == pytest.approx(top_k_recall_tasks(scores.numpy(), labels.numpy(), k))


def test_top_k_recall_by_hand():
    scores = torch.tensor([[0.9, 0.8, 0.1, 0.2], [0.9, 0.8, 0.1, 0.2], [0.9, 0.8, 0.1, 0.2]])
    labels = torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 0], [torch.nan, 0, 0, 1]])
    # Image 1: one of two found. Image 2: no positives, left out. Image 3: the unknown one takes no place, so 4th is in.
    assert top_k_recall(scores, labels, 2) == pytest.approx((0.5 + 1.0) / 2)


def test_ties_count_as_the_mean_over_random_orders():
    scores = torch.tensor([[0.9, 0.5, 0.5, 0.5, 0.1]])
    labels = torch.tensor([[0.0, 1, 0, 1, 0]])
    generator = torch.Generator().manual_seed(0)
    drawn = [top_k_recall(scores + 1e-3 * torch.rand(1, 5, generator=generator), labels, 2) for _ in range(2000)]
    assert top_k_recall(scores, labels, 2) == pytest.approx(1 / 3)
    assert np.mean(drawn) == pytest.approx(1 / 3, abs=0.03)


def test_a_constant_network_gets_chance():
    labels = torch.zeros(1, 40)
    labels[0, :7] = 1
    assert top_k_recall(torch.zeros(1, 40), labels, 10) == pytest.approx(10 / 40)


def test_known_score_of_minus_infinity_still_ranks_above_unknown_ones():
    assert top_k_recall(torch.tensor([[-torch.inf, 3.0]]), torch.tensor([[1.0, torch.nan]]), 1) == 1.0


@pytest.mark.parametrize("k", [1, 2, 4])
def test_top_k_accuracy_equals_sklearn(k):
    generator = torch.Generator().manual_seed(0)
    logits, classes = torch.randn(60, 5, generator=generator), torch.randint(5, (60,), generator=generator)
    expected = top_k_accuracy_score(classes, logits, k=k, labels=range(5))
    assert top_k_accuracy(logits, classes, k) == pytest.approx(expected)
    masked = classes.float()
    masked[:30] = torch.nan
    expected = top_k_accuracy_score(classes[30:], logits[30:], k=k, labels=range(5))
    assert top_k_accuracy(logits, masked, k) == pytest.approx(expected)


def test_no_positive_or_no_class_is_nan():
    assert math.isnan(top_k_recall(torch.rand(2, 3), torch.zeros(2, 3)))
    assert math.isnan(top_k_accuracy(torch.rand(2, 3), torch.full((2,), torch.nan), 1))


def test_bad_input_is_named():
    with pytest.raises(InputError, match="k must be"):
        top_k_recall(torch.rand(2, 3), torch.ones(2, 3), 0)
    with pytest.raises(InputError, match="average"):
        top_k_recall(torch.rand(2, 3), torch.ones(2, 3), average="macro")
    with pytest.raises(InputError, match="scores and labels"):
        average_precision(torch.rand(2, 3), torch.ones(2, 4))


@given(st.integers(0, 10_000), st.permutations(range(6)), st.sampled_from([None, 3]))
@settings(max_examples=40, deadline=None)
def test_task_order_only_reorders(seed, order, levels):
    scores, labels = random_case(seed, n=9, levels=levels)
    torch.testing.assert_close(
        average_precision(scores[:, order], labels[:, order]), average_precision(scores, labels)[order], equal_nan=True
    )
    for average in ("images", "tasks"):
        moved = top_k_recall(scores[:, order], labels[:, order], 3, average=average)
        assert moved == pytest.approx(top_k_recall(scores, labels, 3, average=average), nan_ok=True)


@given(st.integers(0, 10_000), st.sampled_from([-torch.inf, -3.0, 0.5, 3.0, torch.inf]))
@settings(max_examples=40, deadline=None)
def test_scores_where_the_label_is_unknown_do_not_matter(seed, value):
    scores, labels = random_case(seed, n=9, unknown=0.5)
    changed = scores.masked_fill(labels.isnan(), value)
    torch.testing.assert_close(average_precision(changed, labels), average_precision(scores, labels), equal_nan=True)
    torch.testing.assert_close(f1(changed > 0.5, labels), f1(scores > 0.5, labels), equal_nan=True)
    assert top_k_recall(changed, labels, 2) == pytest.approx(top_k_recall(scores, labels, 2), nan_ok=True)
