"""Which images of a set without a validation split are held out for validation: decided by each image's path alone."""

from __future__ import annotations

import hashlib

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
    number = int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "big")
    return number < share * _SCALE
