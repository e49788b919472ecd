"""CelebA (Liu, Luo, Wang and Tang, ICCV 2015): 40 binary attributes of faces."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mtattr.data.annotations import fault
from mtattr.data.celeba_attributes import (
    NAMES,
    NUM_IMAGES,
    NUM_TRAIN_IMAGES,
    TASKS,
    TRAIN_POSITIVES,
)
from mtattr.data.celeba_tables import ABOUT, MD5, Place, find_place, read_numbers, read_tables
from mtattr.data.checksums import warn_of_other_copies
from mtattr.data.decode import Box, Files, decoded_images, find_image_folder
from mtattr.data.folders import is_generated, user_path
from mtattr.data.image_data import ImageData
from mtattr.data.options import SPLITS, ImageSize, check_choice, check_options, limited_rows
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
    """One official split: images squeezed to `image_size` and cached, labels 1 = present.

    `facts["rates"]` are the positive rates of the whole split, before `limit` and `skip_bad`. A
    table that differs from the official one by a byte gives a warning only.

    Args:
        root: folder with `Anno`, `Eval` and `Img`, or with the tables and `img_align_celeba`
            themselves, or the one above a folder `celeba`; the tables may be the CSV files of
            copies. `identities` is None without `identity_CelebA.txt`.
        images: "aligned" (crops of 178 x 218 pixels, aligned by the eyes) or "wild" (the original
            photographs in `img_celeba`).
        crop: "box" cuts photographs in the wild to the official box of the face; those without
            one stay whole. "none" keeps all whole.
        skip_bad: leave out images that are missing or damaged and list them in
            `facts["skipped"]`; otherwise the first one raises.

    Raises:
        InputError: a file is missing, damaged or contradictory; nothing is cached then.
    """
    check_options("celeba", split, image_size, limit)
    check_choice("celeba", "images", images, _PICTURES)
    check_choice("celeba", "crop", crop, ("none", "box"))
    if crop == "box" and images != "wild":
        raise InputError(
            'celeba: crop "box" needs images="wild"; the official boxes do not refer to the '
            "aligned crops"
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
    files = Files(folder, names, boxes)
    decoded, kept, skipped = decoded_images(
        "celeba", files, image_size, split=split, skip_bad=skip_bad
    )
    rows = rows[kept]
    generated = is_generated(user_path(root), place.base)
    official = {stem: md5 for stem, md5 in MD5.items() if place.table(stem).suffix == ".txt"}
    counts = {"images": len(tables.images)}
    counts |= {name: int((tables.split == i).sum()) for i, name in enumerate(SPLITS)}
    published, people, of_people = PUBLISHED, None, {}
    if tables.identities is None:
        published = {what: n for what, n in PUBLISHED.items() if what != "identities"}
    else:
        counts["identities"] = len(np.unique(tables.identities))
        people = torch.from_numpy(tables.identities[rows])
        of_people = {"identities": len(people.unique())}

    return ImageData(
        images=decoded,
        labels=torch.from_numpy(tables.present[rows].astype(np.float32)),
        tasks=TASKS,
        keys=tuple(keys[i] for i in kept),
        name="celeba",
        split=split,
        identities=people,
        generated=generated,
        source="CelebA (Liu, Luo, Wang and Tang, ICCV 2015)",
        terms="Non-commercial research and education only, no redistribution; the laboratory does "
        "not own the photographs",
        facts={
            "layout": f"{place.layout}, images in {pictures}",
            "images": images,
            "crop": crop,
            "counts": counts,
            "published": published,
            "rates": dict(zip(NAMES, tables.present[whole_split].mean(0).tolist(), strict=True)),
            "published_rates": {name: n / NUM_TRAIN_IMAGES for name, n in TRAIN_POSITIVES.items()}
            if split == "train"
            else {},
            "checksums": {}
            if generated
            else warn_of_other_copies({place.table(stem): md5 for stem, md5 in official.items()}),
            "skipped": [keys[i] for i in skipped],
            "without_box": without_box,
        }
        | of_people,
    )


def read_landmarks(root, keys: Sequence[str], *, images: str = "aligned") -> Tensor:
    """Official landmarks of the given images: int64 `(N, 5, 2)`, x and y in stored pixels.

    The points are left eye, right eye, nose, left and right corner of the mouth, left and right
    as the viewer sees them; they may lie outside the image.

    Args:
        images: "aligned" or "wild", the pictures that the points refer to.

    Raises:
        InputError: the table is missing or damaged, or has no row for a key.
    """
    check_choice("celeba", "images", images, _PICTURES)
    stem = "list_landmarks_align_celeba" if images == "aligned" else "list_landmarks_celeba"
    numbers, _ = read_numbers(find_place(root), stem, tuple(keys), 10)
    return torch.from_numpy(numbers.reshape(-1, 5, 2))


def _boxes(place: Place, keys: tuple[str, ...]) -> tuple[tuple[Box, ...], list[str]]:
    """Corners of the face in each image in the wild, and the images with a row of zeros."""
    found, lines = read_numbers(place, "list_bbox_celeba", keys, 4)
    boxes, without = [], []
    for key, line, (x, y, width, height) in zip(keys, lines, found.tolist(), strict=True):
        if x == y == width == height == 0:
            without.append(key)
            boxes.append((0, 0, 2**31, 2**31))
        elif width < 1 or height < 1:
            expected = "expected a box of at least one pixel"
            got = f"got the width {width} and the height {height}"
            raise fault(place.table("list_bbox_celeba"), line, f"{expected}, {got}")
        else:
            boxes.append((x, y, x + width, y + height))
    if without:
        warnings.warn(
            f"celeba: {len(without)} images have no box, the first is {without[0]}; "
            "they stay whole",
            stacklevel=3,
        )
    return tuple(boxes), without


def _find_images(
    place: Place, keys: tuple[str, ...], images: str
) -> tuple[Path, tuple[str, ...], str]:
    """The folder, the file names below it, and the place in words for a page."""
    tried = []
    for name, suffix in _PICTURES[images]:
        # Unpacking with some tools puts a folder into a folder of the same name.
        candidates = [place.base / parent for parent in ("Img", ".", f"Img/{name}", name)]
        png = suffix == ".png"
        names = tuple(f"{name}/{Path(key).with_suffix(suffix) if png else key}" for key in keys)
        tried.append((candidates, names))
        for folder in candidates:
            if any((folder / file).is_file() for file in names[:100]):
                words = (folder / name).relative_to(place.base).as_posix()
                return folder, names, words + " (PNG)" * png
    candidates, names = tried[0]
    folder = find_image_folder(candidates, names, ABOUT)
    words = (folder / _PICTURES[images][0][0]).relative_to(place.base).as_posix()
    return folder, names, words
