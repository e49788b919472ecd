"""Grids of images, and images with a region laid over them."""

import numpy as np
import pytest
import torch
from mtattr import plots
from mtattr.errors import InputError


def drawn(fig) -> np.ndarray:
    fig.canvas.draw()
    return np.asarray(fig.canvas.buffer_rgba())


def test_grid_shows_every_image_under_its_title():
    images = torch.randint(0, 256, (5, 3, 8, 8), dtype=torch.uint8)
    fig = plots.image_grid(images, [f"image {i}" for i in range(5)], columns=3, title="generated data")
    shown = [axes for axes in fig.axes if axes.images]
    assert [axes.get_title(loc="center") for axes in shown] == [f"image {i}" for i in range(5)]
    for axes, image in zip(shown, images, strict=True):
        np.testing.assert_allclose(axes.images[0].get_array(), image.permute(1, 2, 0) / 255)
    assert fig.get_suptitle() == "generated data"


def test_grid_refuses_wrong_titles_and_nothing():
    with pytest.raises(InputError, match="2 images but 1 titles"):
        plots.image_grid(np.zeros((2, 3, 4, 4)), ["one"])
    with pytest.raises(InputError, match="at least one image"):
        plots.image_grid(np.zeros((0, 3, 4, 4)))


def test_overlay_colours_only_the_region_whatever_its_range():
    image = np.full((3, 4, 4), 0.5)
    region = np.zeros((2, 2))
    region[0, 1] = 40.0
    axes = plots.overlay(image, region, color="#ff0000", strength=0.5)
    shown = axes.images[0].get_array()
    np.testing.assert_allclose(shown[:2, 2:], np.broadcast_to([0.75, 0.25, 0.25], (2, 2, 3)))
    np.testing.assert_allclose(shown[2:], 0.5)
    np.testing.assert_allclose(shown[:, :2], 0.5)
    empty = plots.overlay(image, np.zeros((4, 4)))
    np.testing.assert_allclose(empty.images[0].get_array(), 0.5)


def test_overlay_draws_the_outline_on_the_border_of_the_region():
    outline = np.zeros((8, 8))
    outline[2:6, 2:6] = 1
    axes = plots.overlay(np.zeros((3, 8, 8)), np.zeros((8, 8)), outline=outline)
    corners = np.concatenate([path.vertices for contour in axes.collections for path in contour.get_paths()])
    assert corners.min() == pytest.approx(1.5)
    assert corners.max() == pytest.approx(5.5)


def test_overlay_refuses_maps_that_do_not_fit():
    for region, outline in [
        (np.zeros(4), None),
        (np.full((4, 4), -1.0), None),
        (np.full((4, 4), np.nan), None),
        (np.zeros((4, 4)), np.zeros((2, 2))),
    ]:
        with pytest.raises(InputError, match="overlay"):
            plots.overlay(np.zeros((3, 4, 4)), region, outline=outline)


def test_a_grid_of_high_images_is_high():
    square, high = (plots.image_grid(torch.zeros(4, 3, side, 16, dtype=torch.uint8), columns=4, size=1.5) for side in (16, 32))
    assert square.get_figwidth() == high.get_figwidth() == 6
    assert high.get_figheight() == pytest.approx(2 * square.get_figheight())


TREE = [(0,), (0, 0), (0, 1, 1)]  # a root's child, its two branches, three leaves
