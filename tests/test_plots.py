import matplotlib

matplotlib.use("Agg")

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from mtattr import plots
from mtattr.errors import InputError


@pytest.fixture(autouse=True)
def _close_figures():
    with matplotlib.rc_context():
        yield
    plt.close("all")


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


def test_bars_have_the_given_heights_and_whiskers():
    heights = {"PM": [0.8, 0.7], "CM": [0.6, np.nan]}
    axes = plots.bars_with_intervals(["a", "b"], heights, intervals={"PM": [0.1, np.nan]}, floor=[0.3, 0.4], label="accuracy")
    bars = sorted((bar.get_x(), bar.get_height()) for bar in axes.patches)
    np.testing.assert_array_equal([height for _, height in bars], [0.8, 0.6, 0.7, np.nan])
    whiskers = axes.containers[1].lines[2][0].get_segments()
    assert len(whiskers) == 1
    np.testing.assert_allclose(whiskers[0][:, 1], [0.7, 0.9])
    assert {text.get_text() for text in axes.get_legend().get_texts()} == {"PM", "CM", "floor"}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b"]
    floors = next(c for c in axes.collections if c.get_label() == "floor")
    np.testing.assert_allclose([segment[0, 1] for segment in floors.get_segments()], [0.3, 0.4])


def test_bars_of_one_group_do_not_overlap():
    axes = plots.bars_with_intervals(["a", "b", "c"], {name: [1, 1, 1] for name in "xyz"}, floor=0.5)
    edges = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches)
    assert all(left[1] <= right[0] + 1e-9 for left, right in itertools.pairwise(edges))


@pytest.mark.parametrize(
    "arguments",
    [
        {"groups": ["a"], "series": {"x": [1, 2]}},
        {"groups": [], "series": {"x": []}},
        {"groups": ["a"], "series": {}},
        {"groups": ["a"], "series": {"x": [1]}, "intervals": {"x": [1, 2]}},
        {"groups": ["a", "b"], "series": {"x": [1, 2]}, "floor": [1, 2, 3]},
    ],
)
def test_bars_refuse_lengths_that_disagree(arguments):
    with pytest.raises(InputError, match="expected"):
        plots.bars_with_intervals(**arguments)


def test_picture_forms_agree():
    rgb = torch.randint(0, 256, (3, 5, 7), dtype=torch.uint8)
    wanted = rgb.permute(1, 2, 0).numpy() / 255
    for form in (rgb, rgb.numpy(), rgb.permute(1, 2, 0), rgb.float() / 255):
        np.testing.assert_allclose(plots.to_picture(form), wanted, atol=1e-6)
    grey = plots.to_picture(np.full((5, 7), 0.25))
    assert grey.shape == (5, 7, 3)
    assert (grey == 0.25).all()


@pytest.mark.parametrize(
    "image", [np.zeros((4, 5, 5)), np.zeros(3), np.full((3, 4, 4), 2.0), np.full((3, 4, 4), -0.1), np.zeros((3, 4, 4), int)]
)
def test_picture_refuses_what_it_cannot_draw(image):
    with pytest.raises(InputError, match="expected an image"):
        plots.to_picture(image)


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


@pytest.mark.parametrize(
    ("region", "outline"),
    [(np.zeros(4), None), (np.full((4, 4), -1.0), None), (np.full((4, 4), np.nan), None), (np.zeros((4, 4)), np.zeros((2, 2)))],
)
def test_overlay_refuses_maps_that_do_not_fit(region, outline):
    with pytest.raises(InputError, match="overlay"):
        plots.overlay(np.zeros((3, 4, 4)), region, outline=outline)


def test_a_block_diagram_draws_every_block_and_arrow():
    blocks = {"image": (0.5, 0.1), "trunk": (0.5, 0.5), "head": (0.5, 0.9)}
    axes = plots.block_diagram(blocks, [("image", "trunk")], highlighted=[("trunk", "head")], title="net")
    assert {text.get_text() for text in axes.texts} == {"", *blocks}
    arrows = [text.arrow_patch for text in axes.texts if getattr(text, "arrow_patch", None)]
    assert len({arrow.get_edgecolor() for arrow in arrows}) == len(arrows) == 2


def test_an_arrow_to_nowhere_is_named():
    with pytest.raises(InputError, match="'tail'"):
        plots.block_diagram({"head": (0, 0)}, [("head", "tail")])


def test_a_grid_of_high_images_is_high():
    square, high = (plots.image_grid(torch.zeros(4, 3, side, 16, dtype=torch.uint8), columns=4, size=1.5) for side in (16, 32))
    assert square.get_figwidth() == high.get_figwidth() == 6
    assert high.get_figheight() == pytest.approx(2 * square.get_figheight())


TREE = [(0,), (0, 0), (0, 1, 1)]  # a root's child, its two branches, three leaves


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_a_tree_has_every_leaf_once_and_no_crossing_lines():
    parents = [(0, 0), (1, 0, 1, 0), (3, 0, 2, 1, 0)]
    axes = plots.tree_diagram(parents, list("abcde"), ["one", "two", "leaves"])
    assert sorted(texts(axes)) == list("abcde")
    height = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert len(set(height.values())) == 5
    # Leaves below one node stand beside each other: b and e share a branch of level two, d is alone.
    order = sorted(height, key=height.get, reverse=True)
    assert abs(order.index("b") - order.index("e")) == 1
    assert [label.get_text() for label in axes.get_xticklabels()] == ["one", "two"]
    assert (drawn(axes.figure)[..., 3] == 255).all()


def test_marks_of_a_tree_are_explained_when_they_recur():
    axes = plots.tree_diagram(TREE, ["x", "y", "z"], ["a", "b", "c"], marks=["eyes", "eyes", "hair"])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["eyes"]
    assert plots.tree_diagram(TREE, ["x", "y", "z"], ["a", "b", "c"]).get_legend() is None


@pytest.mark.parametrize(
    ("parents", "leaves", "levels", "marks"),
    [
        (TREE, ["x", "y"], ["a", "b", "c"], None),
        (TREE, ["x", "y", "z"], ["a", "b"], None),
        (TREE, ["x", "y", "z"], ["a", "b", "c"], ["eyes"]),
        ([(0,), (0, 2), (0, 1, 1)], ["x", "y", "z"], ["a", "b", "c"], None),
    ],
)
def test_a_tree_that_does_not_fit(parents, leaves, levels, marks):
    with pytest.raises(InputError, match="tree_diagram"):
        plots.tree_diagram(parents, leaves, levels, marks=marks)
