"""Explanation maps over their image, with the range that they have."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from mtattr import plots
from mtattr.errors import InputError

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)


def shown(axes) -> np.ndarray:
    return np.asarray(axes.images[0].get_array())


def test_image_and_map_are_blended_by_their_shares():
    image = torch.full((3, 8, 8), 0.5)
    axes = plots.map_overlay(image, torch.arange(64.0).view(8, 8))
    low, high = (np.array(plt.get_cmap("viridis")(end)[:3]) for end in (0.0, 1.0))
    assert np.allclose(shown(axes)[0, 0], 0.55 * 0.5 + 0.45 * low, atol=1e-6)
    assert np.allclose(shown(axes)[-1, -1], 0.55 * 0.5 + 0.45 * high, atol=1e-6)


@pytest.mark.parametrize(("low", "high"), [(-100.0, 100.0), (0.4, 0.41), (-3.0, -2.0)])
def test_the_bar_tells_the_raw_range(low, high):
    map_ = torch.linspace(low, high, 16).view(4, 4)
    axes = plots.map_overlay(torch.rand(3, 8, 8), map_)
    bar = next(other for other in axes.figure.axes if other is not axes)
    assert [float(label.get_text()) for label in bar.get_yticklabels()] == pytest.approx([low, high], rel=0.01)


def test_limits_keep_the_colours_of_two_maps_comparable():
    image, weak = torch.zeros(3, 4, 4), torch.full((4, 4), 0.2)
    one, two = (shown(plots.map_overlay(image, map_, limits=(0, 1), bar=False)) for map_ in (weak, 2 * weak))
    assert not np.allclose(one, two)
    assert np.allclose(shown(plots.map_overlay(image, weak, bar=False)), shown(plots.map_overlay(image, 2 * weak, bar=False)))


def test_a_map_is_enlarged_bilinearly():
    map_ = torch.rand(3, 4)
    large = torch.nn.functional.interpolate(map_[None, None], size=(9, 12), mode="bilinear")[0, 0]
    small = plots.map_overlay(torch.rand(3, 9, 12), map_, limits=(0, 1), bar=False)
    other = plots.map_overlay(small.images[0].get_array() * 0 + 0.5, large, limits=(0, 1), bar=False)
    first = plots.map_overlay(np.full((9, 12, 3), 0.5), map_, limits=(0, 1), bar=False)
    assert np.allclose(shown(first), shown(other), atol=1e-6)


def test_normalisation_is_undone():
    image = torch.rand(3, 6, 6)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    assert np.allclose(plots.unnormalise((image - mean) / std, MEAN, STD), image, atol=1e-6)
    map_ = torch.rand(6, 6)
    plain = plots.map_overlay(image, map_, bar=False)
    back = plots.map_overlay((image - mean) / std, map_, mean=MEAN, std=STD, bar=False)
    assert np.allclose(shown(plain), shown(back), atol=1e-5)


def test_other_statistics_than_the_images_are_noticed():
    with pytest.raises(InputError, match="statistics of the image"):
        plots.unnormalise(torch.full((3, 4, 4), 9.0), MEAN, STD)


def test_a_flat_map_and_an_outline_are_drawn():
    outline = np.zeros((6, 6))
    outline[2:4, 2:4] = 1
    axes = plots.map_overlay(torch.rand(3, 6, 6), torch.ones(2, 2), outline=outline)
    assert len(axes.collections) == 2


def test_what_does_not_fit_is_refused():
    for map_, outline, message in [
        (torch.tensor([[0.0, float("nan")]]), None, "1 not finite"),
        (torch.rand(1, 4, 4), None, "map .h, w."),
        (torch.rand(2, 2), np.zeros((5, 5)), "outline"),
    ]:
        with pytest.raises(InputError, match=message):
            plots.map_overlay(torch.rand(3, 8, 8), map_, outline=outline)
