import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mtattr.adaptive_sharing import somp

from cases import assert_refused
from reference import greedy_rows


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def residual(rows, picks):
    """Length of what all rows miss after a fit by the picked ones."""
    rows, fit = rows.numpy(), np.linalg.lstsq(rows[picks].T.numpy(), rows.T.numpy(), rcond=None)[0]
    return np.linalg.norm(rows - fit.T @ rows[picks])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("n", "d", "k"), [(8, 20, 5), (8, 20, 8), (20, 8, 5), (20, 8, 8), (12, 12, 12), (1, 4, 1), (6, 2, 2), (9, 5, 1)])
def test_equals_the_textbook_form_in_pick_order(n, d, k, seed):
    rows = noise(n, d, seed=seed) * noise(n, 1, seed=seed + 100).exp()
    picks = somp(rows, k)
    assert picks.tolist() == greedy_rows(rows.numpy(), k)
    assert (picks.dtype, picks.shape) == (torch.int64, (k,))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 9), st.data())
def test_picks_are_greedy_then_distinct_whatever_the_rows(seed, n, d, data):
    rows = noise(n, d, seed=seed)
    # Zero rows, copies and combinations of others.
    for row in range(n):
        kind = data.draw(st.sampled_from(["free", "free", "free", "zero", "copy", "sum"]))
        if kind == "zero":
            rows[row] = 0
        elif kind != "free" and row:
            rows[row] = rows[row - 1] * 2 + (rows[0] if kind == "sum" else 0)
    k = data.draw(st.integers(1, n))
    picks = somp(rows, k).tolist()
    assert len(set(picks)) == k
    assert set(picks) <= set(range(n))
    rank = int(np.linalg.matrix_rank(rows.numpy()))
    # As many rows as their space has dimensions, each adding one, then the longest of the others.
    assert np.linalg.matrix_rank(rows[picks].numpy()) == min(k, rank)
    left = rows.norm(dim=1)[picks[rank:]].tolist()
    assert left == sorted(left, reverse=True)


@pytest.mark.parametrize("seed", range(3))
def test_the_first_layer_has_fewer_dimensions_than_filters(seed):
    # 3 x 3 taps of 3 colours: 27 dimensions, and a thin model wants 32 of 64 filters.
    rows = noise(64, 27, seed=seed)
    picks = somp(rows, 32).tolist()
    assert len(set(picks)) == 32
    assert picks[:27] == greedy_rows(rows.numpy(), 32)
    lengths = rows.norm(dim=1)
    left = sorted(set(range(64)) - set(picks[:27]), key=lambda i: -lengths[i])
    assert picks[27:] == left[:5]


def test_zero_rows_come_last():
    rows = noise(6, 9)
    rows[[1, 4]] = 0
    assert somp(rows, 4).tolist() == [i for i in greedy_rows(rows.numpy(), 6) if i not in (1, 4)]
    assert somp(rows, 6).tolist()[4:] == [1, 4]
    assert somp(torch.zeros(3, 2), 2).tolist() == [0, 1]


def test_a_row_that_occurs_twice_is_picked_once_before_the_fill():
    rows = noise(5, 8)
    rows = torch.cat([rows, rows])
    picks = somp(rows, 7).tolist()
    assert sorted(i % 5 for i in picks[:5]) == list(range(5))
    assert len(set(picks)) == 7
    assert picks[:5] == greedy_rows(rows.numpy(), 7)


def test_a_multiple_of_a_chosen_row_adds_nothing():
    rows = torch.tensor([[3.0, 0.0], [-300.0, 0.0], [0.0, 1.0]])
    # Both multiples have equal atoms; once one is chosen, the short row is the only one that adds anything.
    assert somp(rows, 3).tolist() == [0, 2, 1]


def test_by_hand():
    # The long row explains most of the second; alone, the second has products with all.
    assert somp(torch.tensor([[0.0, 0.0, 1.0], [10.0, 0.0, 0.0], [2.0, 1.0, 0.0]]), 3).tolist() == [1, 0, 2]


@pytest.mark.parametrize("factor", [1e-3, -5.0, 1e6])
def test_the_scale_of_the_whole_matrix_does_not_matter(factor):
    rows = noise(15, 10)
    assert torch.equal(somp(rows * factor, 10), somp(rows, 10))


def test_the_sign_of_a_row_does_not_matter_but_its_length_does():
    rows = noise(15, 10)
    signs = torch.where(noise(15, 1, seed=3) > 0, 1.0, -1.0)
    assert torch.equal(somp(rows * signs, 10), somp(rows, 10))
    # As a dictionary atom a row counts by its direction, as a signal to be explained by its length.
    longer = rows.clone()
    longer[somp(rows, 10)[-1]] *= 1000
    assert not torch.equal(somp(longer, 10), somp(rows, 10))
    assert somp(longer, 10)[0] == somp(rows, 10)[-1]


@pytest.mark.parametrize("seed", range(3))
def test_a_rotation_of_the_columns_does_not_matter(seed):
    rows, (rotation, _) = noise(14, 9, seed=seed), torch.linalg.qr(noise(9, 9, seed=seed + 50))
    assert torch.equal(somp(rows @ rotation, 9), somp(rows, 9))
    padded = torch.cat([rows, torch.zeros(14, 4, dtype=torch.float64)], 1)
    assert torch.equal(somp(padded, 9), somp(rows, 9))


def test_picks_follow_their_rows_into_another_order():
    rows, order = noise(14, 9), torch.randperm(14, generator=torch.Generator().manual_seed(2))
    assert torch.equal(order[somp(rows[order], 9)], somp(rows, 9))


def test_fewer_picks_are_the_first_of_more():
    rows = noise(20, 12)
    every = somp(rows, 20)
    for k in range(1, 20):
        assert torch.equal(somp(rows, k)[: min(k, 12)], every[: min(k, 12)])


def test_it_is_better_than_rows_at_random():
    rows = noise(40, 12) @ noise(12, 30, seed=1) + noise(40, 30, seed=2)
    greedy = residual(rows, somp(rows, 8))
    generator = torch.Generator().manual_seed(0)
    others = [residual(rows, torch.randperm(40, generator=generator)[:8]) for _ in range(50)]
    assert greedy < min(others)


def test_low_precision_rows_are_computed_in_double():
    rows = noise(30, 20)
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        low = rows.to(dtype)
        assert torch.equal(somp(low, 15), somp(low.double(), 15))


def test_rows_are_left_as_they_are_and_need_no_gradient():
    rows = noise(6, 4).requires_grad_()
    before = rows.detach().clone()
    assert not somp(rows, 4).requires_grad
    assert torch.equal(rows, before)


def test_bad_arguments_are_refused():
    for k in (0, -1, 7, 2.0, True, "3", None):
        assert_refused(r"k must be a whole number in 1..6", somp, noise(6, 4), k)
    for shape in ((), (6,), (6, 4, 1)):
        assert_refused(r"rows \(N, d\)", somp, torch.ones(shape), 1)
    for bad in (float("nan"), float("inf"), -float("inf")):
        rows = noise(6, 4)
        rows[2, 1:3] = bad
        assert_refused("with 2 not finite", somp, rows, 3)
