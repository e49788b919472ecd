import math

import numpy as np
import pytest
import torch
from mtattr.errors import InputError
from mtattr.evaluation import mantel_test, phi_coefficients, rank_correlation, row_correlations
from scipy import stats

from reference import mantel


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


def symmetric(size, seed=0, ties=False):
    matrix = torch.randn(size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return ((matrix + matrix.T) * (1 if ties else 1e6)).round()


@pytest.mark.parametrize(("size", "ties"), [(4, False), (5, True), (7, False), (7, True)])
def test_mantel_is_spearman_over_pairs_and_a_slow_loop_over_shuffles(size, ties):
    a, b = symmetric(size, 1, ties), symmetric(size, 2, ties)
    found = mantel_test(a, b, permutations=60, seed=5)
    pairs = np.triu_indices(size, 1)
    assert found["correlation"] == pytest.approx(stats.spearmanr(a.numpy()[pairs], b.numpy()[pairs]).statistic)
    generator = torch.Generator().manual_seed(5)
    orders = [torch.randperm(size, generator=generator).tolist() for _ in range(60)]
    assert (found["correlation"], found["chance"], found["p"]) == pytest.approx(mantel(a, b, orders))


def test_mantel_by_hand():
    # Pairs 01 02 03 12 13 23 have the ranks 1 2 3 4 5 6 and 2 1 3 4 6 5: 1 - 6 * 4 / (6 * 35).
    a, b = torch.zeros(4, 4), torch.zeros(4, 4)
    first, second = torch.triu_indices(4, 4, 1)
    a[first, second] = a[second, first] = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 9.0])
    b[first, second] = b[second, first] = torch.tensor([-1.0, -2.0, 0.0, 1.0, 7.0, 5.0])
    assert mantel_test(a, b)["correlation"] == pytest.approx(1 - 4 / 35)


def test_mantel_of_equal_matrices_is_1_and_no_shuffle_reaches_it():
    a = symmetric(12)
    found = mantel_test(a, a.exp2().clamp(max=1e9) + a, permutations=199)
    assert found["correlation"] == pytest.approx(1)
    assert found["p"] == 1 / 200
    assert 0 < found["chance"] < 0.5
    assert mantel_test(a, -a)["correlation"] == pytest.approx(-1)
    assert mantel_test(a, -a)["p"] == 1


def test_mantel_of_unrelated_matrices_has_any_p():
    found = [mantel_test(symmetric(8, seed), symmetric(8, 100 + seed), permutations=99)["p"] for seed in range(40)]
    assert all(0 < p <= 1 for p in found)
    assert stats.kstest(found, "uniform").pvalue > 0.01
    assert sum(p <= 0.05 for p in found) <= 6


def test_mantel_shuffles_by_its_seed_and_leaves_the_random_numbers_of_others():
    a, b = symmetric(8, 1), symmetric(8, 2)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    found = mantel_test(a, b, seed=3)
    assert torch.equal(torch.rand(1), expected)
    assert found == mantel_test(a, b, seed=3)
    assert found["chance"] != mantel_test(a, b, seed=4)["chance"]


def test_mantel_leaves_out_things_of_which_nothing_is_known():
    a, b = symmetric(9, 1), symmetric(9, 2)
    for matrix, unknown in ((a, 2), (b, 7)):
        matrix[unknown] = torch.nan
        matrix[:, unknown] = torch.nan
    kept = torch.tensor([i for i in range(9) if i not in (2, 7)])
    assert mantel_test(a, b) == pytest.approx(mantel_test(a[kept][:, kept], b[kept][:, kept]))
    # The diagonal says nothing.
    a[2, 2] = b[7, 7] = 1
    assert mantel_test(a.fill_diagonal_(torch.nan), b) == pytest.approx(mantel_test(a[kept][:, kept], b[kept][:, kept]))


def test_mantel_does_not_look_at_the_diagonal_or_the_order_of_things():
    a, b, order = symmetric(8, 1), symmetric(8, 2), torch.tensor([5, 2, 7, 0, 3, 6, 1, 4])
    expected = mantel_test(a, b, permutations=0)
    assert mantel_test(a + 50 * torch.eye(8), b, permutations=0) == pytest.approx(expected, nan_ok=True)
    assert mantel_test(a[order][:, order], b[order][:, order], permutations=0) == pytest.approx(expected, nan_ok=True)
    assert mantel_test(b, a, permutations=0) == pytest.approx(expected, nan_ok=True)
    assert math.isnan(expected["chance"])
    assert math.isnan(expected["p"])


def test_mantel_knows_nothing_of_few_things_or_constant_ones():
    few = [(symmetric(size, 1), symmetric(size, 2)) for size in (0, 1, 3)]
    constant = [(torch.eye(6), symmetric(6, 2)), (symmetric(6, 1), torch.full((6, 6), 0.3))]
    for case, (one, other) in enumerate([*few, *constant]):
        found = mantel_test(one, other)
        assert set(found) == {"correlation", "chance", "p"}, case
        assert all(map(math.isnan, found.values())), case


def test_mantel_knows_nothing_when_three_things_are_left():
    a = symmetric(5)
    a[:2] = a[:, :2] = torch.nan
    assert all(map(math.isnan, mantel_test(a, symmetric(5, 1)).values()))


def test_mantel_names_bad_arguments():
    good, gap, skew = symmetric(6), symmetric(6, 1), symmetric(6, 2)
    gap[2, 4] = gap[4, 2] = torch.nan
    skew[0, 4] += 1e7
    square, whole = "two square matrices of one size, got", "permutations must be a whole number of at least 0"
    cases = [
        *(
            (torch.zeros(a), torch.zeros(b), 9, square)
            for a, b in [((3, 4), (3, 4)), ((4, 4), (5, 5)), ((4,), (4,)), ((2, 4, 4), (2, 4, 4))]
        ),
        (gap, good, 9, "expected NaN only in whole rows"),
        (good, gap, 9, "expected NaN only in whole rows"),
        (skew, good, 9, "symmetric"),
        *((good, good, bad, whole) for bad in (-1, 1.5, "9")),
    ]
    for case, (a, b, permutations, message) in enumerate(cases):
        with pytest.raises(InputError) as caught:
            mantel_test(a, b, permutations=permutations)
        assert message in str(caught.value), case


def test_each_row_has_scipys_rank_correlation_and_a_constant_one_none():
    generator = torch.Generator().manual_seed(0)
    a = torch.randint(0, 6, (8, 20), generator=generator).float()
    b = torch.randn(8, 20, generator=generator) + 0.3 * a
    a[3] = 2.0
    found = row_correlations(a, b)
    for i in range(8):
        expected = math.nan if i == 3 else stats.spearmanr(a[i], b[i]).statistic
        assert found[i].item() == pytest.approx(expected, nan_ok=True)
    with pytest.raises(InputError, match=r"expected two matrices of one shape, got \(8, 20\) and \(20,\)"):
        row_correlations(a, b[0])
