"""Forest plot of verdicts."""

import numpy as np
import pytest
from mtattr import plots
from mtattr.errors import InputError
from mtattr.evaluation.statistics import Estimate
from mtattr.evidence import Verdict


def verdict(word, mean=None, *, n=5, reason=""):
    estimate = None if mean is None else Estimate(mean, 0.002, n - 1, n)
    about = {"estimate": estimate, "difference": estimate and estimate.interval(), "n": n if estimate else 0, "generated": True}
    return Verdict("c", "digits", "reduced", word, reason, **about)


def drawn(axes):
    """Means, ends of intervals, and names with their words, from top to bottom."""
    points = [line for line in axes.lines if line.get_marker() == "o"]
    whiskers = [line.get_xdata() for line in axes.lines if line.get_marker() != "o" and len(set(line.get_xdata())) > 1]
    words = [text.get_text() for text in axes.texts]
    return points, whiskers, dict(zip(words[::2], words[1::2], strict=True))


def test_rows_show_difference_interval_band_and_verdict():
    found = verdict("not reproduced", -0.02)
    axes = plots.forest_plot(
        [("digits", found, 0.005), ("cars", verdict("not tested", reason="no record"), None)], unit=100, title="No gain"
    )
    (point,), (ends,), words = drawn(axes)
    assert point.get_xdata()[0] == pytest.approx(-2)
    np.testing.assert_allclose(ends, [100 * found.difference.low, 100 * found.difference.high])
    (band,) = axes.patches
    assert (band.get_x(), band.get_width()) == pytest.approx((-0.5, 1.0))
    assert words == {"digits": "not reproduced", "cars": "not run yet"}
    assert axes.figure.get_suptitle() == "No gain"


def test_what_was_not_tested_is_hollow_and_says_why():
    rows = [
        ("gate", verdict("not tested", 0.01, reason="network not trained: a in seed 1 covered 0.20"), None),
        ("few", verdict("not tested", 0.01, n=2, reason="2 usable seeds, a verdict needs 5"), None),
        ("one", verdict("not tested", 0.01, n=1, reason="1 usable seed, a verdict needs 5"), None),
        ("held", verdict("trend holds", 0.01), None),
    ]
    points, _, words = drawn(plots.forest_plot(rows))
    assert words == {"gate": "not trained", "few": "2 seeds so far", "one": "1 seed so far", "held": "trend holds"}
    assert [point.get_markerfacecolor() == "white" for point in points] == [True, True, True, False]


def test_a_forest_needs_a_row():
    with pytest.raises(InputError, match="at least one row"):
        plots.forest_plot([])
