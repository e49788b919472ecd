import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mtattr.data import load_dataset
from mtattr.data.digits import GLYPH, THRESHOLDS, measured_labels, measurements
from sklearn.datasets import load_digits

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def splits():
    return {split: load_dataset("digits", split, image_size=8) for split in SPLITS}


def drawn(*rows):
    """An 8 x 8 image from rows of text: `#` full ink, `+` half, `.` none."""
    return np.array([[{"#": 16, "+": 8, ".": 0}[mark] for mark in row] for row in rows])[None]


def positions(data):
    return [int(key.removeprefix("digit-")) for key in data.keys]


def test_splits_partition_the_set(splits):
    assert [len(splits[split]) for split in SPLITS] == [1077, 360, 360]
    assert sorted(row for data in splits.values() for row in positions(data)) == list(range(1797))


def test_splits_never_change(splits):
    for split, counts in [
        ("train", [107, 109, 106, 110, 108, 109, 109, 107, 104, 108]),
        ("val", [35, 36, 36, 36, 37, 37, 36, 36, 35, 36]),
        ("test", [36, 37, 35, 37, 36, 36, 36, 36, 35, 36]),
    ]:
        classes = splits[split].labels[:, 0].long()
        assert torch.bincount(classes).tolist() == counts
        assert splits[split].facts["counts"] == {str(c): n for c, n in enumerate(counts)}


def test_first_test_images_never_change(splits):
    assert positions(splits["test"])[:12] == [4, 6, 10, 26, 31, 33, 34, 37, 45, 47, 48, 67]


def test_splits_do_not_depend_on_the_seed(splits):
    assert load_dataset("digits", "val", image_size=8, seed=99).fingerprint == splits["val"].fingerprint


def test_classes_are_those_of_scikit_learn(splits):
    for data in splits.values():
        assert data.labels[:, 0].tolist() == load_digits().target[positions(data)].tolist()
        assert data.tasks[0].kind == "categorical"
        assert data.tasks[0].values == tuple("0123456789")
        assert [task.group for task in data.tasks] == ["class"] + ["glyph"] * 8 + ["measured"] * 7


def test_pixels_are_a_bilinear_enlargement():
    for size in [8, 9, 16, 37, 64]:
        data = load_dataset("digits", "val", image_size=size, limit=40)
        glyphs = torch.from_numpy(load_digits().images[positions(data)])[:, None]
        want = F.interpolate(glyphs, (size, size), mode="bilinear", align_corners=False).expand(-1, 3, -1, -1) * 255 / 16
        assert data.images.shape == (40, 3, size, size)
        assert (data.images - want).abs().max() <= 0.5 + 1e-6


def test_limit_takes_a_nested_random_subset(splits):
    few, more, other = (load_dataset("digits", "train", image_size=8, limit=n, seed=s) for n, s in ((50, 1), (80, 1), (50, 2)))
    assert len(few) == 50
    assert set(few.keys) < set(more.keys) < set(splits["train"].keys)
    assert set(few.keys) != set(other.keys)
    rows = [splits["train"].keys.index(key) for key in few.keys]
    assert torch.equal(few.labels, splits["train"].labels[rows])
    assert few.fingerprint == splits["train"].subset(rows).fingerprint
    assert len(load_dataset("digits", "val", image_size=8, limit=10**6)) == 360


def test_glyph_attributes_follow_from_the_class_and_tell_classes_apart(splits):
    labels = splits["train"].labels
    rows = {}
    for c in range(10):
        found = labels[labels[:, 0] == c][:, 1 : 1 + len(GLYPH)].unique(dim=0)
        assert len(found) == 1
        rows[c] = tuple(found[0].tolist())
    assert len(set(rows.values())) == 10


def test_loops_are_consistent():
    loops = set(GLYPH["closed loop"])
    assert set(GLYPH["loop at the top"]) < loops
    assert set(GLYPH["loop at the bottom"]) < loops
    assert set(GLYPH["loop at the top"]) & set(GLYPH["loop at the bottom"]) == {"8"}


def test_measured_attributes_vary_within_every_class(splits):
    labels = splits["train"].labels
    rates = labels[:, 1 + len(GLYPH) :].mean(0)
    assert rates.min() > 0.3
    assert rates.max() < 0.7
    for t in range(len(THRESHOLDS)):
        varied = [labels[labels[:, 0] == c, 1 + len(GLYPH) + t].unique().numel() == 2 for c in range(10)]
        assert sum(varied) >= 8


def slow_measurements(glyph):
    """The formulas of the docstring, pixel by pixel."""
    ink = {(y, x): glyph[y][x] / 16 for y in range(8) for x in range(8)}
    total = math.fsum(ink.values())
    cy = math.fsum(v * y for (y, _), v in ink.items()) / total
    cx = math.fsum(v * x for (_, x), v in ink.items()) / total
    xx = math.fsum(v * (x - cx) ** 2 for (_, x), v in ink.items()) / total
    yy = math.fsum(v * (y - cy) ** 2 for (y, _), v in ink.items()) / total
    xy = math.fsum(v * (x - cx) * (y - cy) for (y, x), v in ink.items()) / total
    inked = {place for place, v in ink.items() if v >= 0.5}
    inside = [(y, x) for y, x in inked if {(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)} <= inked]
    return {
        "thick stroke": len(inside) / len(inked),
        "slanted to the right": -xy / yy,
        "wide": math.sqrt(xx / yy),
        "top heavy": math.fsum(v for (y, _), v in ink.items() if y < 4) / total,
        "left heavy": math.fsum(v for (_, x), v in ink.items() if x < 4) / total,
        "dark centre": math.fsum(ink[y, x] for y in (3, 4) for x in (3, 4)) / 4,
        "spread out": math.sqrt(xx + yy),
    }


def test_measurements_match_their_formulas(splits):
    images = load_digits().images
    rows = positions(splits["val"])[:60]
    found = measurements(images[rows])
    for i, row in enumerate(rows):
        want = slow_measurements(images[row])
        assert {name: pytest.approx(float(values[i])) for name, values in found.items()} == want
        for name, value in want.items():
            assert splits["val"].labels[i, splits["val"].tasks.index(name)] == (value > THRESHOLDS[name])


BLANK = ["........"] * 8
UPRIGHT = ["........", *["...##..."] * 6, "........"]


def present(image):
    return {name for name, value in zip(THRESHOLDS, measured_labels(image)[0], strict=True) if value}


def test_measured_attributes_of_drawn_images():
    for rows, expected in [
        (BLANK, set()),
        (UPRIGHT, {"dark centre"}),
        (["......#.", ".....#..", ".....#..", "....#...", "....#...", "...#....", "...#....", "..#....."], {"slanted to the right"}),
        (["..#.....", "...#....", "...#....", "....#...", "....#...", ".....#..", ".....#..", "......#."], set()),
        (["........", "........", "........", "########", "........", "........", "........", "........"], {"top heavy"}),
        (["####....", "####....", "####....", *["........"] * 5], {"thick stroke", "wide", "top heavy", "left heavy"}),
        ([*["........"] * 5, "....####", "....####", "....####"], {"thick stroke", "wide"}),
        (["########", "#......#", "#......#", "#......#", "#......#", "#......#", "#......#", "########"], {"wide", "spread out"}),
        (["++++++++"] * 8, {"thick stroke", "wide", "spread out"}),
    ]:
        assert present(drawn(*rows)) == expected


def test_mirroring_swaps_the_side_and_the_slant():
    glyphs = load_digits().images[:200]
    here, mirrored = measurements(glyphs), measurements(glyphs[:, :, ::-1])
    np.testing.assert_allclose(mirrored["slanted to the right"], -here["slanted to the right"], atol=1e-12)
    np.testing.assert_allclose(mirrored["left heavy"], 1 - here["left heavy"])
    for name in ("thick stroke", "wide", "top heavy", "dark centre", "spread out"):
        np.testing.assert_allclose(mirrored[name], here[name])
