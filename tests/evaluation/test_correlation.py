import math

import numpy as np
import pytest
import torch

from mtattr.errors import InputError
from mtattr.evaluation.correlation import phi_coefficients, rank_correlation


def test_agrees_with_numpy_over_rows_that_know_both():
    generator = torch.Generator().manual_seed(0)
    labels = (torch.rand(400, 5, generator=generator) < torch.tensor([0.1, 0.3, 0.5, 0.8, 0.5])).float()
    labels[:, 4] = torch.where(torch.rand(400, generator=generator) < 0.8, labels[:, 2], labels[:, 4])
    labels[torch.rand(400, 5, generator=generator) < 0.1] = torch.nan
    found = phi_coefficients(labels)
    for a in range(5):
        for b in range(5):
            rows = ~(labels[:, a].isnan() | labels[:, b].isnan())
            expected = np.corrcoef(labels[rows, a].numpy(), labels[rows, b].numpy())[0, 1]
            assert float(found[a, b]) == pytest.approx(expected, abs=1e-10)


def test_by_hand():
    # n11 = 3, n10 = 1, n01 = 1, n00 = 5: (3 * 5 - 1 * 1) / sqrt(4 * 6 * 4 * 6) = 14 / 24
    labels = torch.tensor([[1.0, 1]] * 3 + [[1, 0]] + [[0, 1]] + [[0, 0]] * 5)
    assert float(phi_coefficients(labels)[0, 1]) == pytest.approx(14 / 24)


def test_a_constant_column_has_no_correlation():
    labels = torch.tensor([[1.0, 0], [1, 1], [1, float("nan")]])
    found = phi_coefficients(labels)
    assert found[0].isnan().all()
    assert float(found[1, 1]) == pytest.approx(1)
    with pytest.raises(InputError, match="0, 1 and NaN"):
        phi_coefficients(torch.tensor([[0.5, 1.0]]))


def test_rank_correlation_by_hand():
    # Ranks 1 2 3 4 against 2 1 4 3: 1 - 6 (1 + 1 + 1 + 1) / (4 (16 - 1)) = 0.6.
    assert rank_correlation(torch.tensor([1.0, 5.0, 6.0, 90.0]), torch.tensor([0.2, 0.1, 0.9, 0.4])) == pytest.approx(0.6)


def test_rank_correlation_leaves_unknown_tasks_out_and_names_what_it_cannot_rank():
    a, b = torch.tensor([1.0, 5.0, torch.nan, 6.0, 90.0]), torch.tensor([0.2, 0.1, 7.0, 0.9, 0.4])
    assert rank_correlation(a, b) == pytest.approx(0.6)
    assert math.isnan(rank_correlation(torch.ones(4), torch.arange(4.0)))
    assert math.isnan(rank_correlation(torch.arange(2.0), torch.arange(2.0)))
    with pytest.raises(InputError, match="one length"):
        rank_correlation(torch.ones(3), torch.ones(4))
