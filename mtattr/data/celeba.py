"""CelebA (Liu, Luo, Wang and Tang, ICCV 2015): 40 binary attributes of faces, from the user's own copy."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mtattr.data.celeba_attributes import (
    NAMES,
    NUM_IMAGES,
    NUM_TRAIN_IMAGES,
    TASKS,
    TRAIN_POSITIVES,
)
from mtattr.data.celeba_tables import (
    ABOUT,
    MD5,
    Place,
    Tables,
    find_place,
    read_numbers,
    read_tables,
)
from mtattr.data.checksums import warn_of_other_copies
from mtattr.data.decode import Box, Files, decoded_images, find_image_folder
from mtattr.data.folders import is_generated
from mtattr.data.image_data import ImageData
from mtattr.data.options import SPLITS, ImageSize, check_options, limited_rows
from mtattr.errors import InputError

#: What the official files hold.
PUBLISHED = {
    "images": NUM_IMAGES,
    "train": NUM_TRAIN_IMAGES,
    "val": 19_867,
    "test": 19_962,
    "identities": 10_177,
}

# Folder of the images and what their names end in; the tables always say .jpg.
_PICTURES = {
    "aligned": (
        ("img_align_celeba", ".jpg"),
        ("img_align_celeba_png", ".png"),
        ("img_align_celeba", ".png"),
    ),
    "wild": (("img_celeba", ".jpg"),),
}


def load(
    split: str,
    *,
    root=None,
    image_size: ImageSize = 64,
    limit: int | None = None,
    seed: int = 0,
    images: str = "aligned",
    crop: str = "none",
    skip_bad: bool = False,
) -> ImageData:
    """One official split: images squeezed to `image_size`, labels 1 = present, 0 = absent, decoded once into the cache.

    root: the folder with `Anno`, `Eval` and `Img`, or with the tables and `img_align_celeba` themselves, or the one
    above a folder `celeba`; the tables may be the CSV files of copies in the wild. Only the attribute and partition
    tables and the images are needed; `identities` is None without `identity_CelebA.txt`.
    images: "aligned" (178 x 218 crops, aligned by the eyes) or "wild" (the original photographs in `img_celeba`).
    crop: "box" cuts photographs in the wild to the official box of the face, "none" keeps them whole; a row of zeros in
    the file of boxes says that there is none, and the photograph stays whole. Boxes refer to photographs in the wild only.
    skip_bad: leave out images that are missing or damaged and list them in `facts["skipped"]`; otherwise the first raises.
    `facts["rates"]` are the positive rates of the whole split, before `limit` and `skip_bad`.
    Raises `InputError`, naming the file and where it can the line, when anything is missing, damaged or contradictory;
    nothing is cached then. A table that is not the official one byte for byte gives a warning only.
    """
    check_options("celeba", split, image_size, limit)
    for option, value, allowed in (
        ("images", images, tuple(_PICTURES)),
        ("crop", crop, ("none", "box")),
    ):
        if value not in allowed:
            raise InputError(f"celeba: {option} {value!r} is not one of {', '.join(allowed)}")
    if crop == "box" and images != "wild":
        raise InputError(
            'celeba: crop "box" needs images="wild"; the official boxes do not refer to the aligned crops'
        )
    place = find_place(root)
    tables = read_tables(place)
    whole_split = np.flatnonzero(tables.split == SPLITS.index(split))
    if not len(whole_split):
        raise InputError(f"{place.table('list_eval_partition')}: the {split} split has no image")
    rows = whole_split[limited_rows(len(whole_split), limit, seed)]

    keys = tuple(tables.images[row] for row in rows)
    boxes, without_box = _boxes(place, keys) if crop == "box" else (None, [])
    folder, names, pictures = _find_images(place, keys, images)
    decoded, skipped = decoded_images(
        "celeba", Files(folder, names, boxes), image_size, split=split, skip_bad=skip_bad
    )
    kept = np.setdiff1d(np.arange(len(rows)), skipped)
    rows = rows[kept]
    generated = is_generated(Path(root).expanduser(), place.base)

    return ImageData(
        images=decoded,
        labels=torch.from_numpy(tables.present[rows].astype(np.float32)),
        tasks=TASKS,
        keys=tuple(keys[i] for i in kept),
        name="celeba",
        split=split,
        identities=None if tables.identities is None else torch.from_numpy(tables.identities[rows]),
        generated=generated,
        source="CelebA (Liu, Luo, Wang and Tang, ICCV 2015)",
        terms="Non-commercial research and education only, no redistribution; the laboratory does not own the photographs",
        facts={
            "layout": f"{place.layout}, images in {pictures}",
            "images": images,
            "crop": crop,
            "counts": _counts(tables),
            "published": PUBLISHED
            if tables.identities is not None
            else {k: n for k, n in PUBLISHED.items() if k != "identities"},
            "rates": dict(zip(NAMES, tables.present[whole_split].mean(0).tolist(), strict=True)),
            "published_rates": {name: n / NUM_TRAIN_IMAGES for name, n in TRAIN_POSITIVES.items()}
            if split == "train"
            else {},
            "checksums": {}
            if generated
            else warn_of_other_copies(
                {place.table(stem): md5 for stem, md5 in _official(place).items()}
            ),
            "skipped": [keys[i] for i in skipped],
            "without_box": without_box,
        }
        | (
            {}
            if tables.identities is None
            else {"identities": len(np.unique(tables.identities[rows]))}
        ),
    )


def read_landmarks(root, keys: Sequence[str], *, images: str = "aligned") -> Tensor:
    """Official landmarks of the given images: int64 `(N, 5, 2)`, x and y in pixels of the stored image, not of a resized one.

    The points are left eye, right eye, nose, left and right corner of the mouth, left and right as the viewer sees them.
    images: "aligned" or "wild", whichever the points should refer to. Points may lie outside the image.
    Raises `InputError` if the table is missing or damaged or has no row for a key.
    """
    if images not in _PICTURES:
        raise InputError(f"celeba: images {images!r} is not one of {', '.join(_PICTURES)}")
    stem = "list_landmarks_align_celeba" if images == "aligned" else "list_landmarks_celeba"
    numbers, _ = read_numbers(find_place(root), stem, tuple(keys), 10)
    return torch.from_numpy(numbers.reshape(-1, 5, 2))


def _boxes(place: Place, keys: tuple[str, ...]) -> tuple[tuple[Box, ...], list[str]]:
    """Corners of the face in each image in the wild, and the images for which the file has a row of zeros."""
    found, lines = read_numbers(place, "list_bbox_celeba", keys, 4)
    boxes, without = [], []
    for key, line, (x, y, width, height) in zip(keys, lines, found.tolist(), strict=True):
        if x == y == width == height == 0:
            without.append(key)
            boxes.append((0, 0, 2**31, 2**31))
        elif width < 1 or height < 1:
            path = place.table("list_bbox_celeba")
            raise InputError(
                f"{path}, line {line}: expected a box of at least one pixel, got the width {width} and the height {height}"
            )
        else:
            boxes.append((x, y, x + width, y + height))
    if without:
        warnings.warn(
            f"celeba: {len(without)} images have no box, the first is {without[0]}; they stay whole",
            stacklevel=3,
        )
    return tuple(boxes), without


def _find_images(
    place: Place, keys: tuple[str, ...], images: str
) -> tuple[Path, tuple[str, ...], str]:
    """The folder, the file names below it, and what a page may say of the place."""
    tried = []
    for name, suffix in _PICTURES[images]:
        # Unpacking with some tools puts a folder into a folder of the same name.
        candidates = [place.base / parent for parent in ("Img", ".", f"Img/{name}", name)]
        names = tuple(
            f"{name}/{Path(key).with_suffix(suffix).name}" if suffix == ".png" else f"{name}/{key}"
            for key in keys
        )
        tried.append((candidates, names))
        for folder in candidates:
            if any((folder / file).is_file() for file in names[:100]):
                return (
                    folder,
                    names,
                    (folder / name).relative_to(place.base).as_posix()
                    + (" (PNG)" if suffix == ".png" else ""),
                )
    candidates, names = tried[0]
    folder = find_image_folder(candidates, names, ABOUT)
    return folder, names, (folder / _PICTURES[images][0][0]).relative_to(place.base).as_posix()


def _official(place: Place) -> dict[str, str]:
    return {stem: md5 for stem, md5 in MD5.items() if place.table(stem).suffix == ".txt"}


def _counts(tables: Tables) -> dict[str, int]:
    counts = {"images": len(tables.images)} | {
        name: int((tables.split == i).sum()) for i, name in enumerate(SPLITS)
    }
    return (
        counts
        if tables.identities is None
        else counts | {"identities": len(np.unique(tables.identities))}
    )
