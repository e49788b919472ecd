"""Validation images for a set that comes without: chosen by their paths."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from mtattr.data.path_split import is_validation


def held_out(paths: Sequence[str], share: float) -> np.ndarray:
    """Which images are held out of training: bool `(N,)`, those that `is_validation` takes for `share` in [0, 1].

    If it takes none of two images or more, as can happen in a small set, the one whose hash is smallest is held out: the
    first that a growing share would take.
    """
    chosen = np.array([is_validation(path, share) for path in paths], dtype=bool)
    if len(paths) > 1 and not chosen.any():
        chosen[min(range(len(paths)), key=lambda i: hashlib.sha256(paths[i].encode()).digest())] = True
    return chosen
