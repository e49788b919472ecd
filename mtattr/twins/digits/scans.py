"""scikit-learn's handwritten digits, the middle of their strokes, and which of them can be read."""

from __future__ import annotations

import functools

import numpy as np

from mtattr.data.digits import split_rows
from mtattr.twins.digits.strokes import FINE, middle_lines

#: Most similar other glyphs that must all be of a glyph's class.
VOTERS = 8
#: Closed loops of a digit, none where it is not named: a blot of ink may have filled them.
LOOPS = {0: 1, 6: 1, 8: 2, 9: 1}


@functools.cache
def handwriting() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's digits: ink 0..16 (1797, 8, 8), and classes (1797,)."""
    # Imported here: scikit-learn takes a second that nobody else should wait for.
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images, digits.target.astype(np.int64)


@functools.cache
def lines() -> np.ndarray:
    """Middle of the strokes of all glyphs, bool (1797, 48, 48), `FINE` samples a cell."""
    return middle_lines(handwriting()[0])


@functools.cache
def legible() -> np.ndarray:
    """Glyphs that a reader can name, bool (1797,).

    The `VOTERS` other glyphs with the most similar strokes are of the same class, and the strokes
    hang together and close as many loops as `LOOPS` says.
    """
    classes = handwriting()[1]
    strokes = _thickened(lines())
    wanted = np.array([LOOPS.get(c, 0) for c in range(10)])
    whole = _pieces(strokes, diagonal=True) == 1
    loops = _pieces(~strokes, diagonal=False) - 1
    return _like_its_class(strokes, classes) & whole & (loops == wanted[classes])


@functools.cache
def legible_rows(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Positions of a split's legible glyphs, ordered by class, and how many each class has (10,).

    The splits are those of the dataset `digits`, so no glyph is in two of them.
    """
    classes = handwriting()[1]
    rows = split_rows(classes)[split]
    rows = rows[legible()[rows]]
    return rows[np.argsort(classes[rows], kind="stable")], np.bincount(classes[rows], minlength=10)


def _thickened(shapes: np.ndarray) -> np.ndarray:
    """Shapes, bool (n, h, w), with every sample that touches them."""
    from scipy.ndimage import binary_dilation

    return binary_dilation(shapes, np.ones((1, 3, 3), bool))


def _like_its_class(strokes: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Whether the `VOTERS` nearest other glyphs all have the same class, bool (n,)."""
    n, side, half = *strokes.shape[:2], FINE // 2
    ink = strokes.reshape(n, side // half, half, side // half, half).sum((2, 4))
    # Cells that overlap by half, so that a stroke is near one that lies a little beside it.
    ink = ink[:, 1:] + ink[:, :-1]
    ink = (ink[:, :, 1:] + ink[:, :, :-1]).reshape(n, -1).astype(np.float64)
    # Whole numbers, so that sums are exact and no machine sees other neighbours.
    size = (ink**2).sum(1)
    apart = size[:, None] + size - 2 * ink @ ink.T
    np.fill_diagonal(apart, np.inf)
    nearest = np.argsort(apart, axis=1, kind="stable")[:, :VOTERS]
    return (classes[nearest] == classes[:, None]).all(1)


def _pieces(shapes: np.ndarray, *, diagonal: bool) -> np.ndarray:
    """Connected parts of each shape, (n,); `diagonal`: corners that touch connect."""
    from scipy.ndimage import generate_binary_structure, label

    touching = generate_binary_structure(2, 2 if diagonal else 1)
    return np.array([label(shape, touching)[1] for shape in shapes])
