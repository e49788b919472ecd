"""Blocks joined by arrows, and trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from mtattr.errors import InputError
from mtattr.plots.style import figure


def block_diagram(
    blocks: Mapping[str, tuple[float, float]],
    arrows: Sequence[tuple[str, str]],
    *,
    highlighted: Sequence[tuple[str, str]] = (),
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Named blocks at places in [0, 1] x [0, 1], y upwards, joined by arrows from name to name.

    `highlighted` arrows have the accent colour.
    """
    if unknown := [end for arrow in (*arrows, *highlighted) for end in arrow if end not in blocks]:
        raise InputError(
            f"block_diagram: an arrow meets {unknown[0]!r}, which is none of {', '.join(blocks)}"
        )
    if axes is None:
        _, axes = figure(3.2, 3.2)
    for (start, end), color in [
        *((arrow, "#404040") for arrow in arrows),
        *((arrow, "#D55E00") for arrow in highlighted),
    ]:
        (x0, y0), (x1, y1) = blocks[start], blocks[end]
        arrow = {"arrowstyle": "->", "lw": 1.8, "color": color}
        axes.annotate("", (x1, y1 - 0.06), (x0, y0 + 0.06), arrowprops=arrow)
    box = {"boxstyle": "round", "fc": "#DCEAF4", "ec": "#0072B2"}
    for name, (x, y) in blocks.items():
        axes.text(x, y, name, ha="center", va="center", fontsize=9, bbox=box)
    axes.set(title=title, xlim=(-0.1, 1.1), ylim=(0, 1))
    axes.set_axis_off()
    return axes


def tree_diagram(
    parents: Sequence[Sequence[int]],
    leaves: Sequence[str],
    levels: Sequence[str],
    *,
    marks: Sequence[str] | None = None,
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """A tree from its root on the left to its leaves on the right, sorted so that no lines cross.

    Args:
        parents: per level, each node's parent in the level before; the first level's is the root,
            0, and the last level holds the leaves.
        leaves: names of the leaves.
        levels: names of the levels.
        marks: a word per leaf; one that occurs twice or more gets a colour and a legend.
        title: of the figure.
        axes: where to draw; a new figure if None.
    """
    count = len(parents[-1])
    if (len(levels), len(leaves), len(marks or leaves)) != (len(parents), count, count):
        expected = f"a name for each of {len(parents)} levels and {count} leaves"
        raise InputError(f"tree_diagram: expected {expected}")
    sizes = [1, *(len(level) for level in parents)]
    for below, level in zip(sizes, parents, strict=False):
        if not all(0 <= parent < below for parent in level):
            raise InputError("tree_diagram: a node hangs on one that is not there")
    paths = [[leaf] for leaf in range(len(leaves))]
    for level in reversed(parents):
        paths = [[level[path[0]], *path] for path in paths]  # from the root down
    order = sorted(range(len(leaves)), key=lambda leaf: paths[leaf])
    height = {leaf: -place for place, leaf in enumerate(order)}
    if axes is None:
        _, axes = figure(5.2, 1.1 + 0.165 * len(leaves))
    places = [
        {
            node: np.mean([height[leaf] for leaf in order if paths[leaf][depth] == node])
            for node in range(sizes[depth])
        }
        for depth in range(len(sizes))
    ]
    for depth in range(1, len(sizes)):
        for node, parent in enumerate(parents[depth - 1]):
            if node not in places[depth]:
                continue
            low, high = places[depth - 1][parent], places[depth][node]
            line = {"color": "#404040", "linewidth": 1.3, "solid_capstyle": "round"}
            axes.plot([depth - 1, depth - 0.5, depth], [low, high, high], **line)
    for depth, nodes in enumerate(places[:-1]):
        axes.plot([depth] * len(nodes), list(nodes.values()), "o", color="#0072B2", markersize=4)
    words = [word for word in dict.fromkeys(marks or ()) if list(marks).count(word) > 1]
    kinds = {word: (f"C{k % 7}", "os^Dv"[k // 7 % 5]) for k, word in enumerate(words)}
    for leaf in range(len(leaves)):
        if marks is not None and marks[leaf] in kinds:
            color, shape = kinds[marks[leaf]]
            axes.plot(len(parents) + 0.35, height[leaf], shape, color=color, markersize=5)
        axes.text(len(parents) + 0.75, height[leaf], leaves[leaf], va="center", fontsize=8)
    for word, (color, shape) in kinds.items():
        axes.plot([], [], shape, color=color, label=word)
    if kinds:
        gaps = {"columnspacing": 0.8, "handletextpad": 0.1, "borderaxespad": 0.0}
        axes.legend(fontsize=8, ncols=4, loc="upper left", bbox_to_anchor=(-0.02, -0.11), **gaps)
    axes.set_xticks(range(1, len(levels)), levels[:-1], rotation=90, fontsize=8)
    axes.set(title=title, xlim=(-0.2, len(levels) + 7.5), ylim=(-len(leaves) + 0.3, 0.7), yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return axes
