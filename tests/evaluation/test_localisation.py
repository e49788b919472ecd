import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mtattr.errors import InputError
from mtattr.evaluation import localisation as module
from mtattr.evaluation.localisation import centre_prior, energy_inside, localisation_scores, pointing_game, random_maps, region_iou

from reference import localisation

MEASURES = (pointing_game, energy_inside, region_iou)


def random_case(seed, n=3, t=4, small=(3, 4), large=(9, 10)):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(n, t, *small, generator=generator)
    regions = torch.rand(n, t, *large, generator=generator)
    return maps, regions, torch.rand(n, t, generator=generator) < 0.7


@pytest.mark.parametrize("seed", range(3))
def test_equal_the_textbook_loops(seed):
    maps, regions, valid = random_case(seed)
    ours = [measure(maps, regions, valid, per_image=True) for measure in MEASURES]
    for n, t in np.ndindex(3, 4):
        for found, expected in zip(ours, localisation(maps[n, t].numpy(), regions[n, t].numpy()), strict=True):
            if valid[n, t]:
                assert found[n, t].item() == pytest.approx(expected, abs=1e-5)
            else:
                assert found[n, t].isnan()


def test_by_hand():
    maps = torch.tensor([[[[0.0, 3.0, 1.0], [0.0, 0.0, -9.0]]]])
    regions = torch.tensor([[[[0.0, 1.0, 0.0], [0.4, 0.5, 0.0]]]])
    valid = torch.ones(1, 1, dtype=torch.bool)
    assert pointing_game(maps, regions, valid).tolist() == [1.0]
    assert energy_inside(maps, regions, valid).tolist() == [0.75]
    # The two highest pixels are 3 (inside) and 1 (outside): one shared of three.
    assert region_iou(maps, regions, valid).item() == pytest.approx(1 / 3)


def test_the_region_itself_is_the_best_map():
    regions = torch.zeros(1, 2, 8, 8)
    regions[0, 0, 2:4, 3:6] = 1
    regions[0, 1, 7, 7] = 1
    valid = torch.ones(1, 2, dtype=torch.bool)
    for measure in MEASURES:
        assert measure(regions, regions, valid).tolist() == [1.0, 1.0]
        assert measure(1 - regions, regions, valid).tolist() == [0.0, 0.0]


def test_a_region_that_fills_the_image_cannot_be_missed():
    maps, _, valid = random_case(0)
    for measure in MEASURES:
        score = measure(maps, torch.ones(3, 4, 9, 10), valid, per_image=True)
        torch.testing.assert_close(score[valid], torch.ones(int(valid.sum()), dtype=torch.float64))


def test_a_map_is_enlarged_onto_the_region():
    maps = torch.tensor([[[[0.0, 0.0], [0.0, 1.0]]]])
    regions = torch.zeros(1, 1, 16, 16)
    regions[..., 8:, 8:] = 1
    valid = torch.ones(1, 1, dtype=torch.bool)
    assert pointing_game(maps, regions, valid).item() == 1.0
    assert region_iou(maps, regions, valid).item() > 0.7


def test_flat_maps_find_nothing():
    regions = torch.zeros(1, 1, 4, 4)
    regions[..., :2, :2] = 1
    valid = torch.ones(1, 1, dtype=torch.bool)
    zero, flat = torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 0.7)
    assert [measure(zero, regions, valid).item() for measure in MEASURES] == [0.0, 0.0, 0.0]
    assert [measure(flat, regions, valid).item() for measure in MEASURES] == pytest.approx([0.0, 0.25, 0.0])


def test_several_peaks_count_with_the_share_inside():
    maps = torch.tensor([[[[1.0, 0.0, 1.0, 1.0]]]])
    regions = torch.tensor([[[[1.0, 1.0, 0.0, 0.0]]]])
    valid = torch.ones(1, 1, dtype=torch.bool)
    assert pointing_game(maps, regions, valid).item() == pytest.approx(1 / 3)
    # Two of three tied pixels are taken: 2/3 of a pixel overlaps, of 2 + 2 - 2/3.
    assert region_iou(maps, regions, valid).item() == pytest.approx((2 / 3) / (4 - 2 / 3))


@given(st.integers(0, 10_000), st.permutations(range(4)))
@settings(max_examples=20, deadline=None)
def test_order_range_and_unjudged_maps(seed, order):
    maps, regions, valid = random_case(seed)
    for measure in MEASURES:
        score = measure(maps, regions, valid)
        moved = measure(maps[:, order], regions[:, order], valid[:, order])
        torch.testing.assert_close(moved, score[order], equal_nan=True)
        changed = maps.masked_fill(~valid[..., None, None], torch.nan)
        torch.testing.assert_close(measure(changed, regions, valid), score, equal_nan=True)
        assert ((score >= 0) & (score <= 1) | score.isnan()).all()
        torch.testing.assert_close(score, measure(maps, regions, valid, per_image=True).nanmean(0), equal_nan=True)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_scale_does_not_matter(seed):
    maps, regions, valid = random_case(seed)
    for measure in MEASURES:
        torch.testing.assert_close(measure(8 * maps, regions, valid), measure(maps, regions, valid), equal_nan=True)


def test_parts_equal_the_whole(monkeypatch):
    maps, regions, valid = random_case(0, n=5)
    whole = [measure(maps, regions, valid) for measure in MEASURES]
    monkeypatch.setattr(module, "_PIXELS_AT_ONCE", 300)
    for measure, expected in zip(MEASURES, whole, strict=True):
        torch.testing.assert_close(measure(maps, regions, valid), expected, equal_nan=True)


def test_no_region_or_no_valid_image_is_nan():
    maps, regions, _ = random_case(0)
    regions[:, 0] = 0.3
    valid = torch.ones(3, 4, dtype=torch.bool)
    valid[:, 1] = False
    for measure in MEASURES:
        assert measure(maps, regions, valid).isnan().tolist() == [True, True, False, False]


def test_random_maps_reach_chance_and_repeat():
    maps = random_maps(400, 1, 8, 8, seed=3)
    regions = torch.zeros(400, 1, 8, 8)
    regions[..., :4] = 1
    valid = torch.ones(400, 1, dtype=torch.bool)
    assert maps.equal(random_maps(400, 1, 8, 8, seed=3))
    assert not maps.equal(random_maps(400, 1, 8, 8, seed=4))
    assert pointing_game(maps, regions, valid).item() == pytest.approx(0.5, abs=0.08)
    assert energy_inside(maps, regions, valid).item() == pytest.approx(0.5, abs=0.02)
    assert region_iou(maps, regions, valid).item() == pytest.approx(1 / 3, abs=0.02)


def test_centre_prior_is_highest_in_the_middle_and_symmetric():
    prior = centre_prior(5, 7)
    assert prior.shape == (5, 7)
    assert prior.argmax().item() == 2 * 7 + 3
    assert prior[2, 3] == 1.0
    torch.testing.assert_close(prior, prior.flip(0).flip(1))
    assert prior.min() > 0


def test_bad_input_is_named():
    maps, regions, valid = random_case(0)
    with pytest.raises(InputError, match="expected maps"):
        pointing_game(maps[:, :3], regions, valid)
    maps[0, 0] = torch.nan
    valid[0, 0] = True
    with pytest.raises(InputError, match="NaN"):
        region_iou(maps, regions, valid)


@pytest.mark.parametrize("seed", range(2))
def test_scores_are_means_over_images_and_then_over_tasks_beside_those_of_blind_maps(seed):
    maps, regions, valid = random_case(seed, n=4)
    maps, valid[0] = maps.exp(), True
    found = localisation_scores({"mine": maps, "coarse": maps[..., :3, :3]}, regions, valid)
    expected = {}
    for name, (h, w) in {"mine": (3, 4), "coarse": (3, 3)}.items():
        kinds = {"": maps[..., :h, :w], "_centre": centre_prior(h, w).expand(4, 4, h, w), "_random": random_maps(4, 4, h, w, seed=0)}
        for kind, of in kinds.items():
            each = np.full((3, 4, 4), np.nan)
            for n, t in valid.nonzero().tolist():
                each[:, n, t] = localisation(of[n, t].numpy(), regions[n, t].numpy())
            for score, values in zip(("pointing", "energy", "iou"), np.nanmean(np.nanmean(each, axis=1), axis=1), strict=True):
                expected[f"{name}_{score}{kind}"] = values
        for score in ("pointing", "energy", "iou"):
            key = f"{name}_{score}"
            expected[f"{key}_over_centre"] = expected[key] - expected[f"{key}_centre"]
    assert found == pytest.approx(expected, abs=1e-5)


def test_every_task_counts_as_much_whatever_its_images():
    maps, regions = torch.zeros(4, 2, 2, 2), torch.zeros(4, 2, 2, 2)
    regions[..., 0, 0] = 1
    maps[..., 1, 1] = 1
    maps[0, 0] = regions[0, 0]
    valid = torch.tensor([[True, True], [False, True], [False, True], [False, True]])
    assert localisation_scores({"x": maps}, regions, valid)["x_pointing"] == 0.5
    # A task without an image does not count.
    valid[:, 1] = False
    assert localisation_scores({"x": maps}, regions, valid)["x_pointing"] == 1.0
    assert all(np.isnan(value) for value in localisation_scores({"x": maps}, regions, valid & False).values())


def test_no_maps_have_no_scores_and_maps_that_do_not_fit_are_refused():
    maps, regions, valid = random_case(0)
    assert localisation_scores({}, regions, valid) == {}
    with pytest.raises(InputError, match="expected maps"):
        localisation_scores({"x": maps[:, :3]}, regions, valid)


def test_maps_of_other_dimensions_are_refused():
    maps, regions, valid = random_case(0)
    with pytest.raises(InputError, match="expected maps"):
        localisation_scores({"x": maps[0]}, regions, valid)
