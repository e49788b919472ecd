"""Forest plot: differences with intervals, the smallest effect, and what was not tested."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.axes import Axes

from mtattr.errors import InputError
from mtattr.plots.style import figure

if TYPE_CHECKING:
    from mtattr.evidence import Verdict

#: Colours of verdicts; whatever else was tested is black.
_COLORS = {"not reproduced": "#D55E00", "no difference": "#009E73", "not tested": "#8C8C8C"}
_HOLDS = "#0072B2"


def forest_plot(
    rows: Sequence[tuple[str, Verdict, float | None]],
    *,
    unit: float = 1.0,
    title: str = "",
    label: str = "difference",
    axes: Axes | None = None,
) -> Axes:
    """One row per verdict: its difference with the 95 % interval, and the verdict in words.

    A row that was not tested is hollow and grey, and says why: the gate is visible.

    Args:
        rows: a name, a verdict and its smallest effect of interest, which is drawn as a band.
        unit: factor of all numbers, for example 100 for percentage points.
        title: what the figure says.
        label: of the horizontal axis.
        axes: where to draw; a new figure if None.
    """
    if not rows:
        raise InputError("forest_plot: expected at least one row")
    if axes is None:
        _, axes = figure(4.8, 1.1 + 0.52 * len(rows))
    for y, (_, found, smallest) in enumerate(rows):
        if smallest is not None:
            band = {"color": "#E6E6E6", "height": 0.86, "linewidth": 0}
            axes.barh(y, 2 * unit * smallest, left=-unit * smallest, zorder=0.5, **band)
        _draw(axes, y, found, unit)
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows], fontsize=10)
    axes.set_ylim(len(rows) - 0.45, -0.6)
    axes.tick_params(axis="x", labelsize=10)
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(label, fontsize=10)
    # To the left edge of the figure, names included: a message is longer than the panel is wide.
    axes.figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return axes


def _draw(axes: Axes, y: int, found: Verdict, unit: float) -> None:
    color = _COLORS.get(found.verdict, "black" if found.verdict == "inconclusive" else _HOLDS)
    seen = found.difference
    if seen is not None and seen.n and math.isfinite(seen.mean):
        face = "white" if found.verdict == "not tested" else color
        if math.isfinite(seen.low):
            ends = (unit * seen.low, unit * seen.high)
            axes.plot(ends, (y, y), color=color, linewidth=2, solid_capstyle="butt")
        axes.plot(unit * seen.mean, y, "o", color=color, markerfacecolor=face, markersize=6)
    place = {"transform": axes.get_yaxis_transform(), "fontsize": 9, "va": "center"}
    axes.text(1.02, y, _state(found), color=color, clip_on=False, **place)


def _state(found: Verdict) -> str:
    if found.verdict != "not tested":
        return found.verdict
    if found.estimate is None:
        return "not run yet"
    if found.reason.startswith("network not trained"):
        return "not trained"
    return f"{found.n} seed{'s' * (found.n != 1)} so far"
