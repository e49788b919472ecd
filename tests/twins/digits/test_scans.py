import numpy as np
from mtattr.twins.digits.scans import handwriting, legible, legible_rows, lines
from scipy.ndimage import binary_dilation, label


def test_legible_glyphs_close_the_loops_of_their_digit_in_one_piece():
    for glyph, c in zip(lines()[legible()], handwriting()[1][legible()], strict=True):
        pen = binary_dilation(glyph, np.ones((3, 3)))
        assert label(pen, np.ones((3, 3)))[1] == 1
        assert label(~pen)[1] - 1 == {0: 1, 6: 1, 8: 2, 9: 1}.get(c, 0)


def test_most_glyphs_are_legible_and_none_of_the_classes_is_lost():
    assert 0.7 < legible().mean() < 0.9
    for split in ("train", "val", "test"):
        rows, counts = legible_rows(split)
        assert (np.bincount(handwriting()[1][rows], minlength=10) == counts).all()
        assert counts.min() >= 18


def test_which_glyphs_are_legible_is_the_same_on_every_machine():
    assert np.flatnonzero(legible()).sum() == 1247812
