"""SVHN, house numbers cropped to 32 x 32 pixels (Netzer et al., 2011).

The one task is categorical and called `class`: the digit in the middle. The files store the digit
0 as 10.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch

from mtattr.data.batches import splitmix64
from mtattr.data.cache import cached_images
from mtattr.data.checksums import warn_of_other_copies
from mtattr.data.folders import is_generated, root_folder
from mtattr.data.image_data import ImageData
from mtattr.data.matlab import read_matlab
from mtattr.data.options import ImageSize, check_options, image_shape_of, limited_rows
from mtattr.data.small_images import resize_into
from mtattr.errors import InputError
from mtattr.tasks import Task, TaskSet

ABOUT = (
    '; SVHN is handed out on the "housenumbers" page of Stanford University, format 2 (cropped '
    "digits)"
)

MD5 = {
    "train": "e26dedcc434d2e4c54c9b2d4a06d8373",
    "test": "eb5a983be6a315427106f1b164d9cef3",
    "extra": "a93ce644f1a588dc4d68dda5feec44a7",
}
PUBLISHED = {"train": 73257, "test": 26032, "extra": 531131}
TASKS = TaskSet([Task("class", "categorical", tuple("0123456789"), group="class")])
SIDE = 32
# Any number would do; with this one the first row is a training image and small files have a
# validation image.
_HASH_START = 9
# The extra file unpacks to 1.6 GB.
_LARGEST = 1 << 32


def load(
    split: str,
    *,
    root=None,
    image_size: ImageSize = 64,
    limit: int | None = None,
    seed: int = 0,
    extra: bool = False,
    skip_bad: bool = False,
) -> ImageData:
    """One split of the cropped digits: about 65,900 train, 7,300 val and 26,032 test images.

    There is no official validation split: `validation_rows` holds one out of the training file.
    image_size 32 gives the stored pixels; other sizes are resized. Keys give the file and the row
    in it, from 0 on: `train-000007`.

    Args:
        root: folder with `train_32x32.mat`, `test_32x32.mat` and, if wanted, `extra_32x32.mat`.
        extra: add the 531,131 easier images of the extra file to train.
        skip_bad: no effect; images stored in one file are read together or not at all.

    Raises:
        InputError: a file is missing, damaged or contradictory; nothing is cached then.
    """
    check_options("svhn", split, image_size, limit)
    if not isinstance(extra, bool):
        raise InputError(f"svhn: extra must be True or False, got {extra!r}")
    root = root_folder("svhn", root, "train_32x32.mat and test_32x32.mat", ABOUT)
    parts = ["test" if split == "test" else "train"]
    if extra and split == "train":
        parts.append("extra")
    paths = {part: root / f"{part}_32x32.mat" for part in parts}
    digits = {part: _digits(path) for part, path in paths.items()}
    generated = is_generated(root)
    published = {} if generated else {paths[part]: MD5[part] for part in parts}
    checksums = warn_of_other_copies(published)
    rows = {part: np.arange(len(digits[part])) for part in parts}
    if split != "test":
        rows["train"] = np.flatnonzero(validation_rows(len(digits["train"])) == (split == "val"))
    of_part = np.repeat(np.arange(len(parts)), [len(rows[part]) for part in parts])
    if not len(of_part):
        few = f"the file has only {len(digits['train'])} in all"
        raise InputError(f"{paths['train']}: the {split} split has no image, {few}")
    found = np.bincount(np.concatenate([digits[part][rows[part]] for part in parts]), minlength=10)
    kept = limited_rows(len(of_part), limit, seed)
    rows = {
        part: rows[part][kept[of_part[kept] == p] - int((of_part < p).sum())]
        for p, part in enumerate(parts)
    }

    return ImageData(
        images=_images(paths, rows, {part: len(digits[part]) for part in parts}, image_size),
        labels=torch.from_numpy(
            np.concatenate([digits[part][rows[part]] for part in parts]).astype(np.float32)
        )[:, None],
        tasks=TASKS,
        keys=tuple(f"{part}-{row:06d}" for part in parts for row in rows[part]),
        name="svhn",
        split=split,
        generated=generated,
        source="SVHN, Street View House Numbers, cropped digits (Netzer et al., 2011)",
        terms="Non-commercial use only",
        facts={
            "layout": "cropped digits with extra" if "extra" in parts else "cropped digits",
            "counts": {f"{part} file": len(digits[part]) for part in parts}
            | dict(zip("0123456789", found.tolist(), strict=True)),
            "published": {}
            if split == "val"
            else {f"{part} file": PUBLISHED[part] for part in parts},
            "checksums": checksums,
            "skipped": [],
        },
    )


def validation_rows(n: int) -> np.ndarray:
    """The first n rows of the training file: bool `(n,)`, true for the tenth that validates.

    A hash of the row number decides, so that neither a seed, a machine nor the length of the file
    matters.
    """
    return splitmix64(0, np.arange(n) + _HASH_START) % np.uint64(10) == 0


def _read(path: Path, variable: str) -> np.ndarray:
    array = read_matlab(path, ABOUT, only=variable, largest=_LARGEST).get(variable)
    if not isinstance(array, np.ndarray):
        both = "expected the variables X and y with numbers"
        raise InputError(f"{path}: {both}, {variable} is missing or of another kind")
    return array


def _digits(path: Path) -> np.ndarray:
    y = _read(path, "y")
    if y.dtype.kind not in "uif" or y.ndim != 2 or 1 not in y.shape or not y.size:
        raise InputError(
            f"{path}: expected y of shape (N, 1) with numbers, got {y.dtype} {y.shape}"
        )
    y = y.ravel()
    bad = np.flatnonzero(~np.isin(y, np.arange(1, 11)))
    if len(bad):
        value = f"y has the value {y[bad[0]]} in row {bad[0] + 1}"
        raise InputError(f"{path}: {value}, expected a digit 1..9, or 10 for zero")
    return y.astype(np.int64) % 10


def _pixels(path: Path, n: int) -> np.ndarray:
    x = _read(path, "X")
    if x.ndim == 3:
        # MATLAB drops the last axis of a single image.
        x = x[..., None]
    if x.dtype != np.uint8 or x.shape[:3] != (SIDE, SIDE, 3):
        raise InputError(
            f"{path}: expected X as uint8 ({SIDE}, {SIDE}, 3, N), got {x.dtype} {x.shape}"
        )
    if x.shape[3] != n:
        raise InputError(f"{path}: {x.shape[3]} images in X but {n} digits in y")
    return x.transpose(3, 2, 0, 1)


def _images(
    paths: dict[str, Path],
    rows: dict[str, np.ndarray],
    counts: dict[str, int],
    image_size: ImageSize,
) -> torch.Tensor:
    digest = hashlib.sha256()
    for part, path in paths.items():
        state = path.stat()
        digest.update(f"{path.name} {state.st_size} {state.st_mtime_ns}\n".encode())
        digest.update(rows[part].tobytes())

    def fill(out: np.ndarray) -> None:
        start = 0
        for part, path in paths.items():
            stop = start + len(rows[part])
            resize_into(out[start:stop], _pixels(path, counts[part])[rows[part]])
            start = stop

    # The larger file takes a minute to unpack, so the stored size is cached like any other.
    shape = (sum(map(len, rows.values())), 3, *image_shape_of(image_size))
    return cached_images(
        "svhn", {"source": digest.hexdigest(), "image_size": list(shape[2:])}, shape, fill
    )
