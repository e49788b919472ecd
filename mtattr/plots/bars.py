"""Bars with intervals and floors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from mtattr.errors import InputError
from mtattr.plots.style import as_array, figure


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
    """Grouped bars with whiskers, one bar per series in each group.

    Args:
        groups: names of the G groups.
        series: name -> `(G,)` heights; NaN leaves a gap.
        intervals: name -> `(G,)` half widths of the whiskers; NaN or no name: none.
        floor: one value or `(G,)`, the dashed line that a useful method must pass.
        title: of the figure.
        label: of the vertical axis.
        limits: of the vertical axis.
        axes: where to draw; a new figure if None.
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
            axes.errorbar(
                places[seen], heights[seen], half[seen], fmt="none", ecolor="black", elinewidth=1.2
            )
    if floor is not None:
        lines = np.full(count, floor, float) if np.ndim(floor) == 0 else floor
        lines, starts = _one_per_group(lines, count, "floor"), np.arange(count) - 0.45
        dashed = {"colors": "black", "linestyles": "dashed", "linewidth": 1.5, "label": "floor"}
        axes.hlines(lines, starts, starts + 0.9, **dashed)
    axes.set_xticks(np.arange(count), list(groups))
    axes.set_ylabel(label)
    axes.set_title(title)
    if limits is not None:
        axes.set_ylim(*limits)
    columns = min(len(series) + 1, 4)
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.12), ncols=columns, borderaxespad=0.0)
    return axes


def _one_per_group(values: ArrayLike, count: int, name: str) -> np.ndarray:
    array = as_array(values).astype(float)
    if array.shape != (count,):
        expected = f"expected {count} values, one per group"
        raise InputError(f"bars_with_intervals: {name}: {expected}, got shape {array.shape}")
    return array
