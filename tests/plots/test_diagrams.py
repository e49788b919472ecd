"""Blocks joined by arrows, and trees."""

import numpy as np
import pytest
from mtattr import plots
from mtattr.errors import InputError

TREE = [(0,), (0, 0), (0, 1, 1)]  # a root's child, its two branches, three leaves


def drawn(fig) -> np.ndarray:
    fig.canvas.draw()
    return np.asarray(fig.canvas.buffer_rgba())


def test_a_block_diagram_draws_every_block_and_arrow():
    blocks = {"image": (0.5, 0.1), "trunk": (0.5, 0.5), "head": (0.5, 0.9)}
    axes = plots.block_diagram(blocks, [("image", "trunk")], highlighted=[("trunk", "head")], title="net")
    assert {text.get_text() for text in axes.texts} == {"", *blocks}
    arrows = [text.arrow_patch for text in axes.texts if getattr(text, "arrow_patch", None)]
    assert len({arrow.get_edgecolor() for arrow in arrows}) == len(arrows) == 2


def test_an_arrow_to_nowhere_is_named():
    with pytest.raises(InputError, match="'tail'"):
        plots.block_diagram({"head": (0, 0)}, [("head", "tail")])


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


def test_a_tree_that_does_not_fit():
    for parents, leaves, levels, marks in [
        (TREE, ["x", "y"], ["a", "b", "c"], None),
        (TREE, ["x", "y", "z"], ["a", "b"], None),
        (TREE, ["x", "y", "z"], ["a", "b", "c"], ["eyes"]),
        ([(0,), (0, 2), (0, 1, 1)], ["x", "y", "z"], ["a", "b", "c"], None),
    ]:
        with pytest.raises(InputError, match="tree_diagram"):
            plots.tree_diagram(parents, leaves, levels, marks=marks)
