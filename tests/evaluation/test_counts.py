import numpy as np
import pytest
import torch
from mtattr.errors import InputError
from mtattr.evaluation.counts import counts, f1_from, precision_from, recall_from
from sklearn.metrics import multilabel_confusion_matrix

from reference import confusion


def random_case(seed, n=60, t=5, unknown=0.3):
    generator = torch.Generator().manual_seed(seed)
    predictions = torch.rand(n, t, generator=generator) < 0.4
    labels = (torch.rand(n, t, generator=generator) < 0.3).float()
    return predictions, labels.masked_fill(torch.rand(n, t, generator=generator) < unknown, torch.nan)


def test_counts_equal_sklearn_when_all_labels_are_known():
    predictions, labels = random_case(0, unknown=0.0)
    expected = multilabel_confusion_matrix(labels.int().numpy(), predictions.int().numpy())
    np.testing.assert_array_equal(counts(predictions, labels).numpy(), expected)


@pytest.mark.parametrize("seed", range(3))
def test_counts_equal_the_loop_with_unknown_labels(seed):
    predictions, labels = random_case(seed)
    np.testing.assert_array_equal(counts(predictions, labels).numpy(), confusion(predictions.numpy(), labels.numpy()))


def test_rates_by_hand():
    cells = torch.tensor([[[5, 1], [2, 2]]])
    for rate, expected in ((precision_from, 2 / 3), (recall_from, 0.5), (f1_from, 4 / 7)):
        assert rate(cells).item() == pytest.approx(expected)


def test_undefined_is_nan_and_never_zero():
    for rate in (precision_from, recall_from, f1_from):
        assert rate(torch.zeros(1, 2, 2, dtype=torch.int64)).isnan().all(), rate


def test_f1_of_only_wrong_answers_is_zero_not_undefined():
    assert f1_from(torch.tensor([[[5, 1], [0, 0]]])).item() == 0.0


def test_soft_labels_are_cut_above_one_half():
    labels = torch.tensor([[0.4], [0.5], [0.6]])
    assert counts(torch.ones(3, 1), labels).tolist() == [[[0, 2], [0, 1]]]


def test_bad_input_is_named():
    with pytest.raises(InputError, match=r"\(N, T\)"):
        counts(torch.zeros(3, 1), torch.zeros(3, 2))
    with pytest.raises(InputError, match="NaN where the label is known"):
        counts(torch.full((1, 1), torch.nan), torch.zeros(1, 1))
    assert counts(torch.full((1, 1), torch.nan), torch.full((1, 1), torch.nan)).sum() == 0
