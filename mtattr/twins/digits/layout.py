"""The cluttered digits on disk, as SVHN's cropped digits are: two MATLAB files."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np

from mtattr.data.options import ImageSize, check_options, image_shape_of
from mtattr.errors import InputError
from mtattr.files import write_atomically
from mtattr.twins.digits.drawing import render
from mtattr.twins.digits.scene import SPLIT_SIZES, sample_scenes
from mtattr.twins.drawing.writing import mark_generated, new_folder, sizes_of

SIDE = 32


def image_key(split: str, i: int) -> str:
    """Name of image i of a split: the file and the row, as the real loader counts them."""
    if split == "test":
        return f"test-{i:06d}"
    return f"train-{_row(split, i):06d}"


def write_to(
    folder: str | os.PathLike,
    *,
    image_size: ImageSize = SIDE,
    limit: int | dict[str, int] | None = None,
    seed: int = 0,
) -> Path:
    """Write `train_32x32.mat` and `test_32x32.mat` to `folder` for the loader of the real SVHN.

    SVHN has no validation file: its loader takes a fixed tenth of the rows of the training file.
    limit: images of train and test, one number or {split: number}; None = the default sizes. Scenes
    of val stand in the rows that the loader will take, the first so many as there are rows (at
    least one). Labels are 1..10, with 10 for the digit 0. Returns the folder.
    Raises `InputError` if the folder holds anything, or for an image size other than 32, which the
    layout does not know.
    """

    if image_shape_of(image_size) != (SIDE, SIDE):
        raise InputError(
            f"cluttered-digits: image_size {image_size!r} cannot be written, "
            f"SVHN's files hold {SIDE} x {SIDE} pixels"
        )
    folder = new_folder(folder)
    sizes = sizes_of(SPLIT_SIZES, limit)
    for count in sizes.values():
        check_options("cluttered-digits", "train", image_size, count)
    validates = _validates(max(_row("train", sizes["train"] - 1), _row("val", 0)) + 1)
    mark_generated(folder, "cluttered-digits", "SVHN")
    images, digits = (
        np.empty((len(validates), 3, SIDE, SIDE), np.uint8),
        np.empty(len(validates), np.uint8),
    )
    for split, rows in (("train", ~validates), ("val", validates)):
        images[rows], digits[rows] = _drawn(split, int(rows.sum()), seed)
    _save(folder / "train_32x32.mat", images, digits)
    _save(folder / "test_32x32.mat", *_drawn("test", sizes["test"], seed))
    return folder


def _drawn(split: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    scenes = sample_scenes(split, count, seed)
    return render(scenes, SIDE).numpy(), scenes.labels[:, 0].numpy().astype(np.uint8)


def _save(path: Path, images: np.ndarray, digits: np.ndarray) -> None:
    """Images (N, 3, 32, 32) as X (32, 32, 3, N) and digits 0..9 as y (N, 1) in 1..10."""
    import io

    from scipy.io import savemat

    file = io.BytesIO()
    savemat(
        file,
        {
            "X": images.transpose(2, 3, 1, 0),
            "y": np.where(digits == 0, 10, digits).astype(np.uint8)[:, None],
        },
    )
    write_atomically(path, file.getvalue())


@functools.cache
def _rows(split: str, n: int) -> np.ndarray:
    mask = _validates(n)
    return np.flatnonzero(mask if split == "val" else ~mask)


def _row(split: str, i: int) -> int:
    """Row of the training file where image i of train or val stands."""
    n = 1024
    while len(_rows(split, n)) <= i:
        n *= 2
    return int(_rows(split, n)[i])


def _validates(n: int) -> np.ndarray:
    """Which of the first n rows the loader of the real set takes for validation, bool (n,)."""
    from mtattr.data.svhn import validation_rows

    return np.asarray(validation_rows(n))
