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

#: Colours of verdicts, dark enough to be read on white; the others hold.
_COLORS = {
    "not reproduced": "#B34700",
    "no difference": "#007A59",
    "inconclusive": "black",
    "not tested": "#6E6E6E",
}
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
        _, axes = figure(4.6, 1.1 + 0.5 * len(rows))
    for y, (name, found, smallest) in enumerate(rows):
        if smallest is not None:
            band = {"color": "#E6E6E6", "height": 0.44, "linewidth": 0}
            axes.barh(y + 0.2, 2 * unit * smallest, left=-unit * smallest, zorder=0.5, **band)
        _draw(axes, y + 0.2, found, unit)
        # Above the line, not beside it: a phone has no width to spare.
        place = {"transform": axes.get_yaxis_transform(), "fontsize": 10, "va": "center"}
        place["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        axes.text(0, y - 0.24, name, **place)
        axes.text(1, y - 0.24, _state(found), ha="right", color=_color(found), **place)
    axes.axvline(0, color="black", linewidth=1, zorder=1)
    axes.set(yticks=[], ylim=(len(rows) - 0.45, -0.55))
    axes.tick_params(axis="x", labelsize=10)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(label, fontsize=10)
    axes.figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return axes


def _color(found: Verdict) -> str:
    return _COLORS.get(found.verdict, _HOLDS)


def _draw(axes: Axes, y: float, found: Verdict, unit: float) -> None:
    seen, color = found.difference, _color(found)
    if seen is None or not math.isfinite(seen.mean):
        return
    if math.isfinite(seen.low):
        ends = (unit * seen.low, unit * seen.high)
        axes.plot(ends, (y, y), color=color, linewidth=2, solid_capstyle="butt")
    face = "white" if found.verdict == "not tested" else color
    axes.plot(unit * seen.mean, y, "o", color=color, markerfacecolor=face, markersize=6)


def _state(found: Verdict) -> str:
    if found.verdict != "not tested":
        return found.verdict
    if found.estimate is None:
        return "not run yet"
    if found.reason.startswith("network not trained"):
        return "not trained"
    return f"{found.n} seed{'s' * (found.n != 1)} so far"
