"""Bars with intervals and floors."""

import itertools

import numpy as np
import pytest
from mtattr import plots
from mtattr.errors import InputError


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


def test_bars_refuse_lengths_that_disagree():
    for arguments in [
        {"groups": ["a"], "series": {"x": [1, 2]}},
        {"groups": [], "series": {"x": []}},
        {"groups": ["a"], "series": {}},
        {"groups": ["a"], "series": {"x": [1]}, "intervals": {"x": [1, 2]}},
        {"groups": ["a", "b"], "series": {"x": [1, 2]}, "floor": [1, 2, 3]},
    ]:
        with pytest.raises(InputError, match="expected"):
            plots.bars_with_intervals(**arguments)
