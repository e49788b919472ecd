import warnings

import numpy as np
import pytest
import torch
from mtattr.channel_attention import attribute_correlation, feature_correlation, neighbours
from mtattr.errors import InputError
from scipy import stats

from cases import each
from reference import pearson

K, C = 7, 5


def means_of(rows=K, columns=C, seed=0, dtype=torch.float32):
    return torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@each("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_both_are_pearsons_correlation(dtype):
    means = means_of(dtype=dtype)
    values = means.double().numpy()
    found = feature_correlation(means), attribute_correlation(means)
    for matrix, expected in zip(found, (np.corrcoef(values.T), np.corrcoef(values)), strict=True):
        assert matrix.dtype == torch.float64
        np.testing.assert_allclose(matrix.numpy(), expected, atol=1e-12)
        assert matrix.abs().max() <= 1
    for i, j in np.ndindex(C, C):
        assert found[0][i, j].item() == pytest.approx(stats.pearsonr(values[:, i], values[:, j]).statistic)
        assert found[0][i, j].item() == pytest.approx(pearson(values[:, i].tolist(), values[:, j].tolist()))


def test_by_hand():
    # Over three attributes: 1 2 3 against 1 3 2 and 6 4 2.
    means = torch.tensor([[1.0, 1.0, 6.0], [2.0, 3.0, 4.0], [3.0, 2.0, 2.0]])
    expected = torch.tensor([[1.0, 0.5, -1.0], [0.5, 1.0, -0.5], [-1.0, -0.5, 1.0]], dtype=torch.float64)
    torch.testing.assert_close(feature_correlation(means), expected)
    torch.testing.assert_close(attribute_correlation(means.T), expected)


def test_images_may_be_rows_as_well():
    means = torch.stack([means_of(seed=seed) for seed in range(3)])
    np.testing.assert_allclose(feature_correlation(means.flatten(0, 1)).numpy(), np.corrcoef(means.reshape(-1, C).double().numpy().T))


def test_another_order_of_attributes_or_channels_moves_rows_and_columns():
    means, channels, attributes = means_of(), torch.tensor([3, 1, 4, 0, 2]), torch.tensor([6, 2, 0, 5, 1, 4, 3])
    moved = means[attributes][:, channels]
    torch.testing.assert_close(feature_correlation(moved), feature_correlation(means)[channels][:, channels])
    torch.testing.assert_close(attribute_correlation(moved), attribute_correlation(means)[attributes][:, attributes])


def test_level_and_scale_of_a_channel_do_not_matter():
    means = means_of(dtype=torch.float64)
    torch.testing.assert_close(feature_correlation(means * torch.arange(1, C + 1) + torch.arange(C)), feature_correlation(means))
    # The smallest of masks are no constant ones.
    torch.testing.assert_close(feature_correlation(means * 1e-30), feature_correlation(means))


def test_equal_and_opposite_channels_stay_within_1():
    means = means_of(40, 1, dtype=torch.float64)
    found = feature_correlation(torch.cat([means, means, 1 - means, 3 * means], 1))
    assert found.abs().max() <= 1
    torch.testing.assert_close(found[0], torch.tensor([1.0, 1.0, -1.0, 1.0], dtype=torch.float64))


@each("value", [0.0, 0.5, 0.1])
def test_a_constant_channel_or_attribute_has_none_and_is_named(value):
    means = means_of()
    means[:, 3] = value
    with pytest.warns(UserWarning, match=r"^no correlation \(NaN\) for channel 3: the mean mask is the same for all attributes$") as caught:
        found = feature_correlation(means)
    assert caught[0].filename == __file__
    of_others = torch.arange(C) != 3
    assert found[3].isnan().all()
    assert found[:, 3].isnan().all()
    torch.testing.assert_close(found[of_others][:, of_others], feature_correlation(means[:, of_others]))
    with pytest.warns(UserWarning, match=r"^no correlation \(NaN\) for attribute 3: the mean mask is the same for all channels$") as caught:
        found = attribute_correlation(means.T)
    assert caught[0].filename == __file__
    assert found[3].isnan().all()


def test_last_digits_make_no_correlation_but_small_differences_do():
    means = means_of(40)
    means[:, 1] = 0.3 + 1e-7 * means[:, 0]
    means[:, 2] = 0.3 + 1e-4 * means[:, 0]
    with pytest.warns(UserWarning, match="for channel 1: the mean mask"):
        found = feature_correlation(means)
    assert found[1].isnan().all()
    assert found[0, 2].item() == pytest.approx(1, abs=1e-3)


def test_of_many_constant_ones_eight_are_named():
    means = torch.ones(3, 12)
    for count, named in ((8, "0, 1, 2, 3, 4, 5, 6, 7:"), (9, r"0, 1, 2, 3, 4, 5, 6, 7, \.\.\.:")):
        with pytest.warns(UserWarning, match=f"for channel {named} the mean mask"):
            feature_correlation(means[:, :count])


def test_varied_masks_warn_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        feature_correlation(means_of())
        attribute_correlation(means_of())


@each("shape", [(C,), (2, K, C), ()])
@each("function", [feature_correlation, attribute_correlation])
def test_other_shapes_are_refused(function, shape):
    with pytest.raises(InputError, match=r"expected mean masks \(K, C\)"):
        function(torch.rand(shape))


def test_nan_and_too_few_rows_are_refused():
    means = means_of()
    means[2, 1] = torch.nan
    for function in (feature_correlation, attribute_correlation):
        with pytest.raises(InputError, match=r"without NaN, got shape .* with 1 NaN"):
            function(means)
    with pytest.raises(InputError, match="a correlation over attributes needs at least two of them, got 1"):
        feature_correlation(means_of(rows=1))
    with pytest.raises(InputError, match="a correlation over channels needs at least two of them, got 1"):
        attribute_correlation(means_of(columns=1))
    with pytest.raises(InputError, match="got 0"):
        feature_correlation(means_of(rows=0))


NAN = torch.nan
MATRIX = torch.tensor(
    [[1.0, 0.5, 0.9, 0.5, NAN], [0.5, 1.0, -0.2, 0.5, NAN], [0.9, -0.2, 1.0, 0.1, NAN], [0.5, 0.5, 0.1, 1.0, NAN], [NAN] * 5]
)


def test_neighbours_are_the_highest_others_ties_in_their_order():
    assert neighbours(MATRIX, 0) == [(2, pytest.approx(0.9)), (1, 0.5), (3, 0.5)]
    assert neighbours(MATRIX, 0, 2) == [(2, pytest.approx(0.9)), (1, 0.5)]
    assert neighbours(MATRIX, 1) == [(0, 0.5), (3, 0.5), (2, pytest.approx(-0.2))]
    assert neighbours(MATRIX, 4) == []
    assert neighbours(MATRIX, 0, 0) == []
    assert [type(part) for part in neighbours(MATRIX, 0)[0]] == [int, float]


def test_of_many_ties_the_first_come_first():
    assert neighbours(torch.full((300, 300), 0.5), 4, 6) == [(i, 0.5) for i in (0, 1, 2, 3, 5, 6)]


def test_asking_for_neighbours_leaves_the_matrix():
    before = MATRIX.clone()
    neighbours(MATRIX, 2)
    torch.testing.assert_close(MATRIX, before, rtol=0, atol=0, equal_nan=True)


@each(("shape", "index"), [((3, 4), 0), ((3,), 0), ((3, 3), 3), ((3, 3), -1), ((2, 3, 3), 0)])
def test_neighbours_need_a_square_matrix_and_an_index_in_it(shape, index):
    with pytest.raises(InputError, match="expected a square matrix with an index in it, got shape"):
        neighbours(torch.zeros(shape), index)
