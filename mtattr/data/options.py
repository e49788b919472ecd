"""Arguments that every loader shares: checks, and the images that a `limit` keeps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from mtattr.errors import InputError, whole_number

#: Marks a folder whose images were drawn: runs on it are never runs on real data.
GENERATED_MARK = "GENERATED.txt"
SPLITS = ("train", "val", "test")
SMALLEST, LARGEST = 8, 1024


ImageSize = int | tuple[int, int]


def image_shape_of(image_size: ImageSize) -> tuple[int, int]:
    """(height, width) in pixels: a whole number means a square."""
    pair = isinstance(image_size, tuple | list)
    height, width = image_size if pair else (image_size, image_size)
    return int(height), int(width)


def check_options(name: str, split: str, image_size: ImageSize, limit: int | None) -> None:
    """Raise `InputError` unless split, image size and limit are usable."""
    check_choice(name, "split", split, SPLITS)
    pair = isinstance(image_size, tuple | list) and len(image_size) == 2
    for side in image_size if pair else (image_size,):
        if type(side) is bool or not isinstance(side, int | np.integer):
            side = 0
        if not SMALLEST <= side <= LARGEST:
            raise InputError(
                f"{name}: image_size must be a whole number in {SMALLEST}..{LARGEST}, "
                f"or such a height and a width, got {image_size!r}"
            )
    if limit is not None:
        whole_number(f"{name}: limit", limit)


def check_choice(name: str, option: str, value: object, allowed: Iterable[str | None]) -> None:
    """Raise `InputError` unless the value of a dataset's option is one of those allowed."""
    if value not in tuple(allowed):
        raise InputError(f"{name}: {option} {value!r} is not one of {', '.join(allowed)}")


def checked_names(what: str, given: str | Sequence[str], known: Collection[str]) -> list[str]:
    """Names given as a sequence, or as one text with commas: all known and all different."""
    names = given.split(",") if isinstance(given, str) else given
    if isinstance(names, Sequence) and all(isinstance(name, str) for name in names):
        names = [name.strip() for name in names]
        if len(set(names) & set(known)) == len(names):
            return names
    shown = ", ".join([*known][:60]) + ", ..." * (len(known) > 60)
    raise InputError(f"{what} must be different names out of {shown}, got {given!r}")


def limited_rows(n: int, limit: int | None, seed: int) -> np.ndarray:
    """Positions, in ascending order, of a random sample of `limit` out of `n` images.

    The sample depends on the seed alone, and a smaller limit keeps a part of what a larger one
    keeps. The first rows would not do: the official files are sorted by class.
    """
    if limit is None or limit >= n:
        return np.arange(n)
    # RandomState's stream is frozen across numpy versions, that of default_rng is not.
    return np.sort(np.random.RandomState(seed % 2**32).permutation(n)[:limit])
