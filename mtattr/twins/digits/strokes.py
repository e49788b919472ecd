"""Pen strokes of handwritten 8 x 8 digits: lines one sample wide, from grey levels.

A glyph's 64 grey levels count the ink in cells of a finer scan. A cubic surface through them, cut
where there is much ink, is as fat as the pen; thinning leaves the middle of its strokes. Every
number on the way is a multiple of a power of two, so the lines are the same on every machine.
"""

from __future__ import annotations

import numpy as np

#: Cells of empty paper around a glyph, and samples per cell.
MARGIN, FINE = 2, 4
_CUT, _OPENING = 0.625, 2.25

#: Rows and columns from a sample to its eight neighbours, clockwise from above.
_AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))


def middle_lines(scans: np.ndarray) -> np.ndarray:
    """Middle of the strokes, bool (n, 48, 48), of ink 0..16 in cells, (n, 8, 8)."""
    images = _opened(np.pad(scans / 16, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN))))
    smooth = _cubic(images.shape[1], FINE)
    return thinned(smooth @ images @ smooth.T > _CUT)


def thinned(shapes: np.ndarray) -> np.ndarray:
    """Shapes, bool (n, h, w) and empty at the border, worn down to lines by Zhang and Suen's rules.

    In turns, samples of the south-east and of the north-west rim go, unless a line would end
    earlier or break.
    """
    flat = shapes.ravel().astype(np.uint8)
    live = np.flatnonzero(flat)
    steps = [dy * shapes.shape[2] + dx for dy, dx in _AROUND]
    worn = True
    while worn:
        worn = False
        for removable in _removable():
            around = sum(flat[live + step] << k for k, step in enumerate(steps))
            gone = removable[around]
            flat[live[gone]] = 0
            live = live[~gone]
            worn |= bool(gone.any())
    return flat.reshape(shapes.shape) > 0


def _removable() -> tuple[np.ndarray, np.ndarray]:
    """For each of the 256 neighbourhoods, whether the middle may go, in both half steps."""
    ink = (np.arange(256)[:, None] >> np.arange(8)) & 1
    count = ink.sum(1)
    once = ((ink == 0) & (np.roll(ink, -1, axis=1) == 1)).sum(1) == 1
    rim = (count >= 2) & (count <= 6) & once
    north, east, south, west = ink[:, ::2].T
    south_east = rim & (north * east * south == 0) & (east * south * west == 0)
    return south_east, rim & (north * east * west == 0) & (north * south * west == 0)


def _opened(images: np.ndarray) -> np.ndarray:
    """Images (n, k, k) with deeper gaps and higher strokes, so that loops stay open."""
    k = images.shape[1]
    near = np.eye(k) / 2 + (np.eye(k, k=1) + np.eye(k, k=-1)) / 4
    return images + _OPENING * (images - near @ images @ near)


def _cubic(n: int, fine: int) -> np.ndarray:
    """Weights (n * fine, n) of a cubic curve through n cell centres."""
    t = (np.arange(n * fine) + 0.5) / fine - 0.5
    left = np.floor(t)
    f = t - left
    curve = [
        f * (-0.5 + f * (1 - 0.5 * f)),
        1 + f * f * (1.5 * f - 2.5),
        f * (0.5 + f * (2 - 1.5 * f)),
        f * f * (0.5 * f - 0.5),
    ]
    smooth = np.zeros((n * fine, n))
    for step, weight in enumerate(curve, start=-1):
        column = np.clip(left + step, 0, n - 1).astype(int)
        np.add.at(smooth, (np.arange(n * fine), column), weight)
    return smooth
