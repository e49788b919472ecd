"""The arguments that every loader shares: checks, and which images a `limit` keeps."""

from __future__ import annotations

import numpy as np

from mtattr.errors import InputError

#: A file of this name beside a set in an official layout says that it was drawn: runs on it are never runs on real data.
GENERATED_MARK = "GENERATED.txt"
SPLITS = ("train", "val", "test")
SMALLEST, LARGEST = 8, 1024


ImageSize = int | tuple[int, int]


def image_shape_of(image_size: ImageSize) -> tuple[int, int]:
    """(height, width) in pixels: a whole number means a square, a pair is height and width."""
    return (
        (int(image_size[0]), int(image_size[1]))
        if isinstance(image_size, tuple | list)
        else (int(image_size), int(image_size))
    )


def check_options(name: str, split: str, image_size: ImageSize, limit: int | None) -> None:
    """Raise `InputError` unless split, image size (one or two numbers, 8..1024) and limit (None or at least 1) are usable."""
    if split not in SPLITS:
        raise InputError(f"{name}: split {split!r} is unknown; there are {', '.join(SPLITS)}")
    sides = (
        image_size
        if isinstance(image_size, tuple | list) and len(image_size) == 2
        else (image_size,)
    )
    if not all(_is_whole(side) and SMALLEST <= side <= LARGEST for side in sides):
        raise InputError(
            f"{name}: image_size must be a whole number in {SMALLEST}..{LARGEST}, or a height and a width of this kind, got {image_size!r}"
        )
    if limit is not None and (not _is_whole(limit) or limit < 1):
        raise InputError(
            f"{name}: limit must be None or a whole number of at least 1, got {limit!r}"
        )


def limited_rows(n: int, limit: int | None, seed: int) -> np.ndarray:
    """Positions, in ascending order, of a random subset of `limit` out of `n` images; all of them without a limit.

    The subset depends on the seed alone, and a smaller limit keeps a part of what a larger one keeps. The official
    files are sorted by class, so that their first rows would not represent them.
    """
    if limit is None or limit >= n:
        return np.arange(n)
    # RandomState's stream is frozen across numpy versions, that of default_rng is not.
    return np.sort(np.random.RandomState(seed % 2**32).permutation(n)[:limit])


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
