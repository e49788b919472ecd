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
            axes.errorbar(
                places[seen], heights[seen], half[seen], fmt="none", ecolor="black", elinewidth=1.2
            )
    if floor is not None:
        lines = _one_per_group(
            np.broadcast_to(np.asarray(floor, float), (count,)) if np.ndim(floor) == 0 else floor,
            count,
            "floor",
        )
        starts = np.arange(count) - 0.45
        axes.hlines(
            lines,
            starts,
            starts + 0.9,
            colors="black",
            linestyles="dashed",
            linewidth=1.5,
            label="floor",
        )
    axes.set_xticks(np.arange(count), list(groups))
    axes.set_ylabel(label)
    axes.set_title(title)
    if limits is not None:
        axes.set_ylim(*limits)
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(0.0, -0.12),
        ncols=min(len(series) + 1, 4),
        borderaxespad=0.0,
    )
    return axes


def _one_per_group(values: ArrayLike, count: int, name: str) -> np.ndarray:
    array = as_array(values).astype(float)
    if array.shape != (count,):
        raise InputError(
            f"bars_with_intervals: {name}: expected {count} values, one a group, got shape {array.shape}"
        )
    return array
