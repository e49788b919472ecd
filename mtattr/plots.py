"""One style for every figure of the book, and the few kinds of figure that several chapters draw.

Figures have an opaque white background, so they stay readable in a dark theme, and letters large enough for a phone.
The helpers know nothing of papers; they return matplotlib objects that a notebook may change further.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from mtattr.errors import InputError


def use_style() -> None:
    """Make the book's matplotlib style the current one; figures drawn before stay as they are."""
    with as_file(files("mtattr").joinpath("mtattr.mplstyle")) as path:
        plt.style.use(path)


def figure(width: float = 6.4, height: float = 4.0, *, rows: int = 1, columns: int = 1, **options) -> tuple[Figure, Axes]:
    """A new figure in the book's style and its axes.

    width and height are in inches. With one row and one column the second value is an `Axes`, otherwise an array of
    them with shape `(rows, columns)`. `options` go to `matplotlib.pyplot.subplots`.
    """
    use_style()
    fig, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False, **options)
    return fig, axes[0, 0] if rows == columns == 1 else axes


def bars_with_intervals(
    groups: Sequence[str],
    series: Mapping[str, ArrayLike],
    *,
    intervals: Mapping[str, ArrayLike] | None = None,
    floor: float | ArrayLike | None = None,
    title: str = "",
    label: str = "",
    limits: tuple[float, float] | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Grouped bars with whiskers: one group per name in `groups`, one bar per entry of `series` in each group.

    series: name -> `(G,)` heights; NaN leaves a gap. intervals: name -> `(G,)` half widths of an interval around the
    height; NaN or a missing name draws no whisker. floor: one value, or `(G,)` one per group, drawn as a dashed line that
    a useful method must pass. label names the vertical axis, limits its range.
    Raises `InputError` if a length differs from the number of groups.
    """
    count = len(groups)
    if not series or not count:
        raise InputError("bars_with_intervals: expected at least one group and one series")
    if axes is None:
        _, axes = figure()
    intervals = intervals or {}
    width = 0.8 / len(series)
    for i, (name, heights) in enumerate(series.items()):
        heights = _one_per_group(heights, count, name)
        places = np.arange(count) + (i - (len(series) - 1) / 2) * width
        axes.bar(places, heights, width * 0.92, label=name)
        if name in intervals:
            half = _one_per_group(intervals[name], count, f"interval of {name}")
            seen = np.isfinite(half) & np.isfinite(heights)
            axes.errorbar(places[seen], heights[seen], half[seen], fmt="none", ecolor="black", elinewidth=1.2)
    if floor is not None:
        lines = _one_per_group(np.broadcast_to(np.asarray(floor, float), (count,)) if np.ndim(floor) == 0 else floor, count, "floor")
        starts = np.arange(count) - 0.45
        axes.hlines(lines, starts, starts + 0.9, colors="black", linestyles="dashed", linewidth=1.5, label="floor")
    axes.set_xticks(np.arange(count), list(groups))
    axes.set_ylabel(label)
    axes.set_title(title)
    if limits is not None:
        axes.set_ylim(*limits)
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.12), ncols=min(len(series) + 1, 4), borderaxespad=0.0)
    return axes


def image_grid(
    images: ArrayLike | torch.Tensor,
    titles: Sequence[str] | None = None,
    *,
    columns: int = 4,
    size: float = 1.8,
    title: str = "",
) -> Figure:
    """A grid of images, each under its title.

    images: `(N, 3, H, W)` or `(N, H, W, 3)`, uint8 in 0..255 or float in [0, 1]; `(N, H, W)` is drawn in grey.
    size: width of an image in inches. title: one line above all, the place to name scale and generated data.
    Raises `InputError` for another shape, values out of range, or as many titles as there are not images.
    """
    pictures = [to_picture(image) for image in images]
    if not pictures:
        raise InputError("image_grid: expected at least one image")
    if titles is not None and len(titles) != len(pictures):
        raise InputError(f"image_grid: {len(pictures)} images but {len(titles)} titles")
    columns = min(columns, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    lines = max((text.count("\n") + 1 for text in titles), default=0) if titles is not None else 0
    height, width = pictures[0].shape[:2]
    tall = rows * (size * height / width + 0.2 * lines) + 0.35 * bool(title)
    fig, axes = figure(columns * size, tall, rows=rows, columns=columns)
    for i, place in enumerate(np.atleast_1d(axes).flat):
        place.set_axis_off()
        if i < len(pictures):
            place.imshow(pictures[i])
            place.set_title(titles[i] if titles is not None else "", fontsize=10, loc="center")
    fig.suptitle(title, fontsize=12)
    return fig


def overlay(
    image: ArrayLike | torch.Tensor,
    region: ArrayLike | torch.Tensor,
    *,
    outline: ArrayLike | torch.Tensor | None = None,
    title: str = "",
    color: str = "#D55E00",
    strength: float = 0.7,
    axes: Axes | None = None,
) -> Axes:
    """An image with a region or an explanation map laid over it in one colour.

    image: as one image of `image_grid`. region: `(h, w)` non-negative; it is divided by its maximum, so maps of any range can be
    shown, and enlarged to the image by repeating pixels. outline: `(H, W)` in [0, 1], whose line at one half is drawn in
    black on white, for example the true region beside a map. strength: opacity where the region is largest, in [0, 1].
    Raises `InputError` if a shape does not fit or the region has negative or unknown values.
    """
    picture = to_picture(image)
    weight = _as_array(region).astype(float)
    if weight.ndim != 2 or not np.isfinite(weight).all() or (weight < 0).any():
        raise InputError(f"overlay: a region must be (h, w) and not negative, got shape {weight.shape}")
    height, width = picture.shape[:2]
    weight = weight[np.ix_(np.arange(height) * weight.shape[0] // height, np.arange(width) * weight.shape[1] // width)]
    weight = strength * weight / max(weight.max(), 1e-12)
    if axes is None:
        _, axes = figure(3.2, 3.4)
    axes.imshow(picture * (1 - weight[..., None]) + np.array(to_rgb(color)) * weight[..., None])
    if outline is not None:
        edge = _as_array(outline).astype(float)
        if edge.shape != (height, width):
            raise InputError(f"overlay: expected an outline of shape {(height, width)}, got {edge.shape}")
        if edge.min() < 0.5 < edge.max():
            axes.contour(edge, levels=[0.5], colors="white", linewidths=3)
            axes.contour(edge, levels=[0.5], colors="black", linewidths=1)
    axes.set_axis_off()
    axes.set_title(title, fontsize=10, loc="center")
    return axes


def block_diagram(
    blocks: Mapping[str, tuple[float, float]],
    arrows: Sequence[tuple[str, str]],
    *,
    highlighted: Sequence[tuple[str, str]] = (),
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Named blocks at places in [0, 1] x [0, 1], y upwards, joined by arrows from name to name.

    highlighted: arrows drawn in the accent colour. Raises `InputError` for an arrow to a block that is not there.
    """
    if unknown := [end for arrow in (*arrows, *highlighted) for end in arrow if end not in blocks]:
        raise InputError(f"block_diagram: an arrow meets {unknown[0]!r}, which is none of {', '.join(blocks)}")
    if axes is None:
        _, axes = figure(3.2, 3.2)
    for (start, end), color in [*((arrow, "#404040") for arrow in arrows), *((arrow, "#D55E00") for arrow in highlighted)]:
        (x0, y0), (x1, y1) = blocks[start], blocks[end]
        axes.annotate("", (x1, y1 - 0.06), (x0, y0 + 0.06), arrowprops={"arrowstyle": "->", "lw": 1.8, "color": color})
    for name, (x, y) in blocks.items():
        axes.text(x, y, name, ha="center", va="center", fontsize=9, bbox={"boxstyle": "round", "fc": "#DCEAF4", "ec": "#0072B2"})
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
    """A tree from its root on the left to its leaves on the right, a node for each branch of each level.

    parents: for every level the node of the level before that each node hangs on; the first level hangs on one root, 0, and
    the last one holds the leaves. levels: their names. Leaves are sorted so that no lines cross. marks: a word for each leaf;
    equal words get a dot of one colour before the leaf's name, and the legend explains those that occur twice or more.
    Raises `InputError` if names, marks or parents do not fit.
    """
    if len(parents) != len(levels) or len(parents[-1]) != len(leaves) or (marks is not None and len(marks) != len(leaves)):
        raise InputError(f"tree_diagram: expected a name for each of {len(parents)} levels and {len(parents[-1])} leaves")
    sizes = [1, *(len(level) for level in parents)]
    if any(not 0 <= parent < below for below, level in zip(sizes, parents, strict=False) for parent in level):
        raise InputError("tree_diagram: a node hangs on one that is not there")
    paths = [[leaf] for leaf in range(len(leaves))]
    for level in reversed(parents):
        paths = [[level[path[0]], *path] for path in paths]  # from the root down
    order = sorted(range(len(leaves)), key=lambda leaf: paths[leaf])
    height = {leaf: -place for place, leaf in enumerate(order)}
    if axes is None:
        _, axes = figure(5.2, 1.1 + 0.165 * len(leaves))
    places = [
        {node: np.mean([height[leaf] for leaf in order if paths[leaf][depth] == node]) for node in range(sizes[depth])}
        for depth in range(len(sizes))
    ]
    for depth in range(1, len(sizes)):
        for node, parent in enumerate(parents[depth - 1]):
            if node not in places[depth]:
                continue
            low, high = places[depth - 1][parent], places[depth][node]
            axes.plot([depth - 1, depth - 0.5, depth], [low, high, high], color="#404040", linewidth=1.3, solid_capstyle="round")
    for depth in range(len(sizes) - 1):
        axes.plot([depth] * len(places[depth]), list(places[depth].values()), "o", color="#0072B2", markersize=4)
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
        axes.legend(
            fontsize=8, ncols=4, loc="upper left", bbox_to_anchor=(-0.02, -0.11), columnspacing=0.8, handletextpad=0.1, borderaxespad=0.0
        )
    axes.set_xticks(range(1, len(levels)), levels[:-1], rotation=90, fontsize=8)
    axes.set(title=title, xlim=(-0.2, len(levels) + 7.5), ylim=(-len(leaves) + 0.3, 0.7), yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return axes


def to_picture(image: ArrayLike | torch.Tensor) -> np.ndarray:
    """One image as float `(H, W, 3)` in [0, 1], which matplotlib draws as it is.

    image: `(3, H, W)`, `(H, W, 3)` or grey `(H, W)`; uint8 in 0..255 or float in [0, 1]. `InputError` for anything else.
    """
    array = _as_array(image)
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    elif array.ndim == 3 and array.shape[0] == 3:
        array = array.transpose(1, 2, 0)
    if array.ndim != 3 or array.shape[2] != 3:
        raise InputError(f"expected an image (3, H, W), (H, W, 3) or (H, W), got {tuple(array.shape)}")
    if array.dtype == np.uint8:
        return array / 255.0
    if not np.issubdtype(array.dtype, np.floating) or not ((array >= 0) & (array <= 1)).all():
        raise InputError(f"expected an image of uint8, or of floats in [0, 1], got {array.dtype} up to {array.max()}")
    return array.astype(float)


def _as_array(values: ArrayLike | torch.Tensor) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def _one_per_group(values: ArrayLike, count: int, name: str) -> np.ndarray:
    array = _as_array(values).astype(float)
    if array.shape != (count,):
        raise InputError(f"bars_with_intervals: {name}: expected {count} values, one a group, got shape {array.shape}")
    return array
