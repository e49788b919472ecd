"""The style of every figure, and pictures as matplotlib draws them."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from mtattr import plots
from mtattr.errors import InputError


def drawn(fig) -> np.ndarray:
    fig.canvas.draw()
    return np.asarray(fig.canvas.buffer_rgba())


def test_style_is_opaque_and_large_enough_for_a_phone():
    plots.use_style()
    assert not plt.rcParams["savefig.transparent"]
    assert to_rgb(plt.rcParams["figure.facecolor"]) == (1, 1, 1)
    assert min(plt.rcParams[key] for key in ("xtick.labelsize", "ytick.labelsize", "axes.labelsize", "legend.fontsize")) >= 10
    fig, axes = plots.figure()
    axes.plot([0, 1])
    assert (drawn(fig)[..., 3] == 255).all()


# Machado, Oliveira and Fernandes (2009), full severity.
DEFICIENCIES = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_first_colours_stay_apart_without_full_colour_vision(deficiency):
    plots.use_style()
    colours = np.array([to_rgb(c) for c in plt.rcParams["axes.prop_cycle"].by_key()["color"]])[:5]
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(DEFICIENCIES[deficiency]).T, 0, 1)
    xyz = seen @ np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]).T / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    lab = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(lab, 2)) > 10


def test_figure_gives_one_axes_or_an_array():
    _, single = plots.figure(3, 2)
    fig, many = plots.figure(3, 2, rows=2, columns=3)
    assert isinstance(single, plt.Axes)
    assert many.shape == (2, 3)
    assert tuple(fig.get_size_inches()) == (3, 2)


def test_picture_forms_agree():
    rgb = torch.randint(0, 256, (3, 5, 7), dtype=torch.uint8)
    wanted = rgb.permute(1, 2, 0).numpy() / 255
    for form in (rgb, rgb.numpy(), rgb.permute(1, 2, 0), rgb.float() / 255):
        np.testing.assert_allclose(plots.to_picture(form), wanted, atol=1e-6)
    grey = plots.to_picture(np.full((5, 7), 0.25))
    assert grey.shape == (5, 7, 3)
    assert (grey == 0.25).all()


def test_picture_refuses_what_it_cannot_draw():
    for image in [np.zeros((4, 5, 5)), np.zeros(3), np.full((3, 4, 4), 2.0), np.full((3, 4, 4), -0.1), np.zeros((3, 4, 4), int)]:
        with pytest.raises(InputError, match="expected an image"):
            plots.to_picture(image)
