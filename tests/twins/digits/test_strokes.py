import numpy as np
from mtattr.twins.digits.strokes import thinned
from scipy.ndimage import label


def drawn(*text):
    return np.pad(np.array([[c == "#" for c in row] for row in text]), 2)[None]


def test_a_bar_wears_down_to_a_line_of_its_length():
    line = thinned(drawn(*["#" * 12] * 3))[0]
    assert (line.sum(0) <= 1).all()
    assert 9 <= line.sum() <= 12


def test_thinning_keeps_pieces_and_holes():
    rng = np.random.default_rng(0)
    shapes = np.pad(np.kron(rng.random((20, 6, 6)) < 0.6, np.ones((1, 4, 4))) > 0, ((0, 0), (2, 2), (2, 2)))
    for shape, line in zip(shapes, thinned(shapes), strict=True):
        assert (shape | ~line).all()
        assert line.sum() < 0.5 * shape.sum()
        assert label(line, np.ones((3, 3)))[1] == label(shape, np.ones((3, 3)))[1]
        assert label(~line)[1] == label(~shape)[1]
