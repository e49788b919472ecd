"""Validation splits by hash, for sets whose official splits are training and test only.

SVHN (by row), CIFAR and `digits` (by a frozen random stream) have rules of their own. All five
rules are frozen: recorded results and the twins depend on them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from mtattr.errors import InputError

#: Share of the official training identities that validate: 100 of Market-1501's 751.
VALIDATION_SHARE = 0.1333


def is_validation(path: str, share: float = 0.1) -> bool:
    """True if the image of this path is held out of training, as about `share` of all paths are.

    The first 64 bits of the SHA-256 of the path's UTF-8 bytes, as a fraction of one, are compared
    with `share`. The answer depends on nothing but the path, and a larger share holds out all
    that a smaller one does. Raises `InputError` for a share outside [0, 1].
    """
    if not 0 <= share <= 1:
        raise InputError(f"is_validation: share must lie in [0, 1], got {share!r}")
    return int.from_bytes(_hash(path)[:8], "big") < share * 2**64


def held_out(paths: Sequence[str], share: float) -> np.ndarray:
    """Images held out of training, bool `(N,)`: those that `is_validation` takes.

    If it takes none of two or more, the one with the smallest hash is held out: the first that a
    growing share would take.
    """
    chosen = np.array([is_validation(path, share) for path in paths], dtype=bool)
    if len(paths) > 1 and not chosen.any():
        chosen[min(range(len(paths)), key=lambda i: _hash(paths[i]))] = True
    return chosen


def validation_identities(identities: Iterable[int], share: float = VALIDATION_SHARE) -> set[int]:
    """Identity numbers that validate, about `share` of those given; of very few, possibly none.

    Labels of pedestrians and faces belong to the person, so images of one person must never lie
    on both sides. A fixed hash of the number decides. Raises `InputError` for a share outside
    [0, 1].
    """
    if not 0 <= share <= 1:
        raise InputError(f"share of identities that validate must lie in 0..1, got {share!r}")
    return {number for number in map(int, identities) if _place(number) < share * 2**32}


def _place(number: int) -> int:
    return int.from_bytes(_hash(f"validation {number}")[:4], "big")


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
