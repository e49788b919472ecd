"""Identity numbers of the pedestrian twins and their splits, whatever seed and limit."""

from __future__ import annotations

import functools
import hashlib

from mtattr.data.held_out import validation_identities

#: Share of the numbers below 10,000 that are identities: Market-1501 numbers them without gaps,
#: DukeMTMC-reID does not.
_USED = {"market1501": 1.0, "duke": 0.254}
_TRAIN_SHARE = {"market1501": 751 / 1501, "duke": 702 / 1812}
_GALLERY_ONLY = {"market1501": 0.0, "duke": 408 / 1110}


def _place(domain: str, purpose: str, number: int) -> float:
    digest = hashlib.sha256(f"{domain}-twin {purpose} {number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


@functools.cache
def role_identities(domain: str, role: str) -> tuple[int, ...]:
    """All identity numbers of an official half, "train" or "test", ascending."""
    return tuple(
        number
        for number in range(1, 10_000)
        if _place(domain, "use", number) < _USED[domain]
        and (_place(domain, "role", number) < _TRAIN_SHARE[domain]) == (role == "train")
    )


@functools.cache
def split_identities(domain: str, split: str) -> tuple[tuple[int, int], ...]:
    """Pairs (position within the official half, identity number) of a split, ascending.

    Validation identities are carved from the training half by `validation_identities`, the rule of
    the real loaders.
    """
    numbers = role_identities(domain, "test" if split == "test" else "train")
    held_out = validation_identities(numbers) if split != "test" else set()
    return tuple(
        (k, number)
        for k, number in enumerate(numbers)
        if split == "test" or (number in held_out) == (split == "val")
    )


def in_gallery_only(domain: str, number: int) -> bool:
    """True for a test identity that is never a query: DukeMTMC-reID has 408 of them."""
    return _place(domain, "gallery", number) < _GALLERY_ONLY[domain]
