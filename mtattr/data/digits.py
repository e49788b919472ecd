"""scikit-learn's handwritten digits with attributes: real images that need no download.

1797 digits of 8 x 8 pixels and 17 grey levels, from NIST forms filled in by 43 people (E. Alpaydin
and C. Kaynak, 1998, "Optical Recognition of Handwritten Digits", UCI repository; the test part, as
scikit-learn ships it).

Task 0 is categorical: the digit. Attributes of group `glyph` are fixed by the class, as a printed
digit shows them, and may be wrong for an unusual hand; together they distinguish all ten digits.
Attributes of group `measured` are computed from the 8 x 8 image.
"""

from __future__ import annotations

import numpy as np
import torch

from mtattr.data.image_data import ImageData
from mtattr.data.options import check_options, limited_rows
from mtattr.tasks import Task, TaskSet

GLYPH = {
    "closed loop": "0689",
    "loop at the top": "89",
    "loop at the bottom": "68",
    "vertical stroke": "14",
    "horizontal stroke": "2457",
    "diagonal stroke": "27",
    "bowl open to the left": "235",
    "mirror symmetric": "018",
}

# Fixed numbers, near the median of the training split where no natural value exists.
THRESHOLDS = {
    "thick stroke": 0.05,
    "slanted to the right": 0.0,
    "wide": 0.56,
    "top heavy": 0.5,
    "left heavy": 0.5,
    "dark centre": 0.64,
    "spread out": 2.6,
}

TASKS = TaskSet(
    [
        Task("class", "categorical", tuple("0123456789"), group="class"),
        *(Task(name, group="glyph") for name in GLYPH),
        *(Task(name, group="measured") for name in THRESHOLDS),
    ]
)

_SPLIT_SEED = 1797
_VAL, _TEST = 360, 360


def load(
    split: str, *, root=None, image_size: int = 64, limit: int | None = None, seed: int = 0
) -> ImageData:
    """One split of the digits: 1077 train, 360 val or 360 test images with equal class shares.

    They are enlarged to `image_size` by bilinear interpolation, with three equal channels. The
    splits do not depend on `seed`; `root` has no effect.
    """
    check_options("digits", split, image_size, limit)
    # Imported here: importing scikit-learn takes a second.
    from sklearn.datasets import load_digits

    digits = load_digits()
    rows = split_rows(digits.target)[split]
    rows = rows[limited_rows(len(rows), limit, seed)]
    glyphs = digits.images[rows]
    classes = torch.from_numpy(digits.target[rows]).float()
    labels = torch.cat(
        [classes[:, None], _glyph_labels(digits.target[rows]), measured_labels(glyphs)], dim=1
    )
    return ImageData(
        images=torch.from_numpy(enlarge(glyphs, image_size)),
        labels=labels,
        tasks=TASKS,
        keys=tuple(f"digit-{row:04d}" for row in rows),
        name="digits",
        split=split,
        source="Handwritten digits of 43 people (Alpaydin and Kaynak, UCI repository), the 1797 "
        "images in scikit-learn",
        terms="CC BY 4.0",
        facts={"counts": {str(c): int((classes == c).sum()) for c in range(10)}},
    )


def split_rows(classes: np.ndarray) -> dict[str, np.ndarray]:
    """Positions of the train, val and test images, which never change."""
    random = np.random.RandomState(_SPLIT_SEED)
    depth = np.empty(len(classes))
    for c in np.unique(classes):
        rows = random.permutation(np.flatnonzero(classes == c))
        depth[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    order = np.lexsort((classes, depth))
    test, val, train = np.split(order, [_TEST, _TEST + _VAL])
    return {"train": np.sort(train), "val": np.sort(val), "test": np.sort(test)}


def _glyph_labels(classes: np.ndarray) -> torch.Tensor:
    table = torch.tensor(
        [[float(str(c) in digits) for digits in GLYPH.values()] for c in range(10)]
    )
    return table[torch.from_numpy(classes).long()]


def measurements(glyphs: np.ndarray) -> dict[str, np.ndarray]:
    """Measurements behind the measured attributes, each `(N,)`, of images `(N, 8, 8)`, ink 0..16.

    With the second central moments m_xx, m_yy, m_xy of the ink (y points down, in pixels):

    - thick stroke: share of the inked pixels (at least half full) with four inked neighbours
    - slanted to the right: -m_xy / m_yy, the shear that would put the digit upright
    - wide: sqrt(m_xx / m_yy)
    - top heavy, left heavy: share of the ink in the upper four rows, in the left four columns
    - dark centre: mean ink, 0..1, of the four pixels in the middle
    - spread out: sqrt(m_xx + m_yy), the ink's root mean square distance from its centre

    A quotient by zero (no ink, or all in one row) counts as 0.
    """
    ink = np.asarray(glyphs, dtype=np.float64) / 16
    y, x = np.mgrid[: ink.shape[1], : ink.shape[2]]
    total = ink.sum((1, 2))

    def mean(values: np.ndarray) -> np.ndarray:
        return _quotient((ink * values).sum((1, 2)), total)

    dx = x - mean(x)[:, None, None]
    dy = y - mean(y)[:, None, None]
    xx, yy, xy = mean(dx * dx), mean(dy * dy), mean(dx * dy)
    inked = np.pad(ink >= 0.5, ((0, 0), (1, 1), (1, 1)))
    middle = inked[:, 1:-1, 1:-1]
    inside = (
        middle & inked[:, :-2, 1:-1] & inked[:, 2:, 1:-1] & inked[:, 1:-1, :-2] & inked[:, 1:-1, 2:]
    )
    return {
        "thick stroke": _quotient(inside.sum((1, 2)), middle.sum((1, 2))),
        "slanted to the right": _quotient(-xy, yy),
        "wide": np.sqrt(_quotient(xx, yy)),
        "top heavy": mean(y < 4),
        "left heavy": mean(x < 4),
        "dark centre": ink[:, 3:5, 3:5].mean((1, 2)),
        "spread out": np.sqrt(xx + yy),
    }


def measured_labels(glyphs: np.ndarray) -> torch.Tensor:
    """Float32 `(N, 7)`: 1 where a measurement exceeds its entry in `THRESHOLDS`."""
    found = measurements(glyphs)
    # The slack keeps a tie, such as ink exactly half on the left, from depending on rounding.
    return torch.from_numpy(
        np.stack([found[name] > t + 1e-9 for name, t in THRESHOLDS.items()], axis=1)
    ).float()


def _quotient(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.divide(top, bottom, out=np.zeros(len(bottom)), where=bottom > 1e-12)


def enlarge(glyphs: np.ndarray, size: int) -> np.ndarray:
    """Bilinear enlargement of `(N, 8, 8)`, ink 0..16, to uint8 `(N, 3, size, size)`, ink white.

    All sums are of whole numbers that float64 holds exactly, so every machine gets the same pixels.
    """
    side = glyphs.shape[1]
    centre = np.clip(((2 * np.arange(size) + 1) * side - size) / (2 * size), 0, side - 1)
    weights = np.rint(np.clip(1 - np.abs(centre[:, None] - np.arange(side)), 0, None) * 2 * size)
    out = np.empty((len(glyphs), 3, size, size), dtype=np.uint8)
    for i, glyph in enumerate(np.asarray(glyphs, dtype=np.float64)):
        exact = weights @ glyph @ weights.T * 255
        out[i] = np.floor((2 * exact + 64 * size**2) / (128 * size**2))
    return out
