"""Validation images for a set that comes without: chosen by the hash of each image's path."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from mtattr.errors import InputError

_SCALE = 2**64


def is_validation(path: str, share: float = 0.1) -> bool:
    """Whether the image of this path, as its list writes it, is held out of training: true for about `share` of all paths.

    The first 64 bits of the SHA-256 of the path's UTF-8 bytes, read as a fraction of one, are compared with `share` in
    [0, 1]. So the answer depends on nothing but the path: not on the machine, the order of a list or the other images,
    and a larger share holds out all that a smaller one does. Raises `InputError` for a share out of range.
    """
    if not 0 <= share <= 1:
        raise InputError(f"is_validation: share must lie in [0, 1], got {share!r}")
    return int.from_bytes(_hash(path)[:8], "big") < share * _SCALE


def held_out(paths: Sequence[str], share: float) -> np.ndarray:
    """Which images are held out of training: bool `(N,)`, those that `is_validation` takes for `share` in [0, 1].

    If it takes none of two images or more, as can happen in a small set, the one whose hash is smallest is held out: the
    first that a growing share would take.
    """
    chosen = np.array([is_validation(path, share) for path in paths], dtype=bool)
    if len(paths) > 1 and not chosen.any():
        chosen[min(range(len(paths)), key=lambda i: _hash(paths[i]))] = True
    return chosen


def _hash(path: str) -> bytes:
    return hashlib.sha256(path.encode()).digest()
