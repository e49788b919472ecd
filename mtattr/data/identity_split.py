"""Which identities validate: a validation split of a set whose official splits are training and test only.

Labels of pedestrians and faces belong to the person, so images of one person must never lie on both sides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from mtattr.errors import InputError

#: Share of the official training identities that validate: 100 of Market-1501's 751.
VALIDATION_SHARE = 0.1333


def validation_identities(identities: Iterable[int], share: float = VALIDATION_SHARE) -> set[int]:
    """Those of the given identity numbers that belong to the validation split, about `share` of them.

    A fixed hash of the number decides, so the rule depends on no seed, and leaving identities out moves no other one
    between the splits. The share is met on average only: of very few identities possibly none validates.
    Raises `InputError` unless share lies in [0, 1].
    """
    if not 0 <= share <= 1:
        raise InputError(f"share of identities that validate must lie in 0..1, got {share!r}")
    return {number for number in map(int, identities) if _place(number) < share * 2**32}


def _place(number: int) -> int:
    """Where an identity number falls in 0..2**32-1."""
    return int.from_bytes(hashlib.sha256(f"validation {number}".encode()).digest()[:4], "big")
