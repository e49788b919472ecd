"""ImageNet, ILSVRC 2012 classification (Russakovsky et al., 2015), streamed from the user's own folders.

The one task is categorical and called `class`. Images are decoded while training runs: see `mtattr.data.streamed`.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from mtattr.data.annotations import fault, table_rows
from mtattr.data.decode import Files
from mtattr.data.folders import is_generated, root_folder
from mtattr.data.held_out import held_out
from mtattr.data.image_data import ImageData
from mtattr.data.options import ImageSize, check_options, image_shape_of, limited_rows
from mtattr.data.streamed import StreamedImages, centre_box, files_digest
from mtattr.errors import InputError
from mtattr.tasks import Task, TaskSet

ABOUT = "; ImageNet is handed out for non-commercial research and education, on request, on image-net.org"

PUBLISHED = {
    "train": {"train folder": 1281167, "classes": 1000},
    "test": {"val folder": 50000, "classes": 1000},
}
VALIDATION_SHARE = 0.01
# The usual evaluation cuts 224 pixels out of 256.
CENTRE_SHARE = 224 / 256
ENDINGS = (".jpeg", ".jpg", ".png")


def load(
    split: str,
    *,
    root=None,
    image_size: ImageSize = 64,
    limit: int | None = None,
    seed: int = 0,
    skip_bad: bool = False,
    crop: str = "none",
) -> ImageData:
    """One split with `images` as a stream: about 1,268,000 train and 13,000 val images, and the official 50,000 as test.

    root: the folder with `train` and `val` (also `ILSVRC/Data/CLS-LOC` below it), each with a folder for every class, named
    by its WordNet id. The labels of the official test images are not public: "test" is the official validation folder, and
    "val" a hundredth of the training folder, held out by `mtattr.data.held_out` by the hash of `class/file`.
    crop: "center" cuts the middle as the usual evaluation does (short side to 8/7 of the output, then the output's size
    from the middle), "none" squeezes the whole image. Class names come from `LOC_synset_mapping.txt` or `words.txt` beside
    the folders, else classes are named by their ids; `facts["wnids"]` keeps the ids in the order of the labels.
    skip_bad: decode every image once, which takes minutes to hours, and leave out those that cannot be, listed in
    `facts["skipped"]`; otherwise a damaged file raises when training asks for it.
    Raises `InputError`, naming file or folder, when folders disagree, are empty, or hold unsorted images.
    """
    check_options("imagenet", split, image_size, limit)
    if crop not in ("center", "none"):
        raise InputError(f"imagenet: crop {crop!r} is not one of center, none")
    root = root_folder("imagenet", root, "train and val, with a folder for every class", ABOUT)
    base = next(
        (
            folder
            for folder in (root, root / "ILSVRC" / "Data" / "CLS-LOC")
            if (folder / "train").is_dir()
        ),
        root,
    )
    wnids = _classes(base)
    part = "val" if split == "test" else "train"
    names, sizes, ignored = _listed(base / part, wnids)
    empty = [name for name, size in zip(names, sizes, strict=True) if not size]
    if empty and not skip_bad:
        raise InputError(
            f"{base / part / empty[0]}: expected an image, it is empty, a folder, or its link leads nowhere ({len(empty)} files are so)"
        )
    rows = np.arange(len(names))
    if split != "test":
        rows = np.flatnonzero(held_out(names, VALIDATION_SHARE) == (split == "val"))
    if not len(rows):
        raise InputError(
            f"{base / part}: the {split} split has no image; {len(names)} training images are too few to hold some out"
        )
    in_split = len(rows)
    rows = rows[limited_rows(len(rows), limit, seed)]
    height, width = image_shape_of(image_size)
    files = Files(base / part, tuple(names[row] for row in rows))
    images = StreamedImages(
        files,
        image_size,
        box_of=centre_box(CENTRE_SHARE, height / width) if crop == "center" else None,
    )
    bad = images.unreadable() if skip_bad else []
    skipped = [names[rows[i]] for i in bad]
    if bad:
        kept = np.setdiff1d(np.arange(len(rows)), bad)
        if not len(kept):
            raise InputError(
                f"{base / part / skipped[0]}: this and all other images of the {split} split are damaged"
            )
        rows, images = rows[kept], images[torch.from_numpy(kept)]

    class_of = {wnid: float(c) for c, wnid in enumerate(wnids)}
    keys = tuple(names[row] for row in rows)
    return ImageData(
        images=images,
        labels=torch.tensor([[class_of[key.split("/")[0]]] for key in keys]),
        tasks=TaskSet(
            [Task("class", "categorical", _class_names(root, base, wnids), group="class")]
        ),
        keys=keys,
        name="imagenet",
        split=split,
        generated=is_generated(root, base),
        source="ImageNet, ILSVRC 2012 classification (Russakovsky et al., 2015)",
        terms="Non-commercial research and education only, on request from image-net.org",
        facts={
            "layout": "folders train and val",
            "crop": crop,
            "counts": {
                f"{part} folder": len(names),
                "classes": len(wnids),
                f"{split} split": in_split,
                "other files": len(ignored),
            },
            "published": PUBLISHED.get(split, {}),
            "checksums": {},
            "ignored": ignored[:20],
            "wnids": list(wnids),
            # The crop changes the pixels and no file.
            "files_digest": files_digest(
                [f"{crop} {key}" for key in keys], [sizes[row] for row in rows]
            ),
            "skipped": skipped,
        },
    )


def _classes(base: Path) -> tuple[str, ...]:
    """Names of the class folders, which train and val must share."""
    found = {}
    for part in ("train", "val"):
        folder = base / part
        if not folder.is_dir():
            raise InputError(
                f"{folder}: folder missing; expected train and val, with a folder for every class{ABOUT}"
            )
        found[part] = []
        loose, archives = [], []
        for entry in _entries(folder):
            if _is_folder(entry) and not entry.name.startswith("."):
                found[part].append(entry.name)
            elif entry.name.lower().endswith(ENDINGS) and not entry.name.startswith("."):
                loose.append(entry.name)
            elif entry.name.lower().endswith(".tar"):
                archives.append(entry.name)
        if loose:
            raise InputError(
                f"{folder / min(loose)}: this image lies in no class folder ({len(loose)} do not); expected folders named by WordNet id"
            )
        packed = sorted(name for name in archives if Path(name).stem not in found[part])
        if packed:
            raise InputError(
                f"{folder / packed[0]}: unpack this archive into a folder of its name ({len(packed)} are packed)"
            )
        if len(found[part]) < 2:
            raise InputError(
                f"{folder}: expected at least two class folders, got {len(found[part])}{ABOUT}"
            )
    for here, there in (("train", "val"), ("val", "train")):
        missing = sorted(set(found[here]) - set(found[there]))
        if missing:
            raise InputError(
                f"{base / there / missing[0]}: class folder missing, which {here} has ({len(missing)} are)"
            )
    return tuple(sorted(found["train"]))


def _listed(folder: Path, wnids: tuple[str, ...]) -> tuple[list[str], list[int], list[str]]:
    """Images as `class/file` in order, their sizes in bytes, and other files in the class folders, which count for nothing."""
    names, sizes, ignored = [], [], []
    for wnid in wnids:
        before = len(names)
        for entry in _entries(folder / wnid):
            if entry.name.lower().endswith(ENDINGS) and not entry.name.startswith("."):
                names.append(f"{wnid}/{entry.name}")
                sizes.append(_size(entry))
            else:
                ignored.append(f"{wnid}/{entry.name}")
        if len(names) == before:
            raise InputError(
                f"{folder / wnid}: expected images ({', '.join(ENDINGS)}) in this class folder, it has none"
            )
    return names, sizes, ignored


def _entries(folder: Path) -> list[os.DirEntry]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror})") from None
    for entry in entries:
        try:
            entry.name.encode()
        except UnicodeEncodeError:
            raise InputError(
                f"{folder}: expected names in UTF-8, got {os.fsencode(entry.name)!r}"
            ) from None
    return entries


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _size(entry: os.DirEntry) -> int:
    """Bytes of a file, 0 for what is none and for a link that leads nowhere."""
    try:
        return entry.stat().st_size if entry.is_file() else 0
    except OSError:
        return 0


def _class_names(root: Path, base: Path, wnids: tuple[str, ...]) -> tuple[str, ...]:
    """The first name of each class; an id where none is known, and beside a name that two classes share."""
    path = next(
        (
            f / file
            for file in ("LOC_synset_mapping.txt", "words.txt")
            for f in (root, base)
            if (f / file).is_file()
        ),
        None,
    )
    if path is None:
        return wnids
    found = {}
    for line, text in table_rows(path, header=False):
        wnid, *rest = text.split(None, 1)
        if not rest:
            raise fault(path, line, f"expected a WordNet id and its names, got {text[:60]!r}")
        found[wnid] = rest[0].split(",")[0].strip()
    often = Counter(found.get(wnid, wnid) for wnid in wnids)
    return tuple(
        found[wnid]
        if wnid in found and often[found[wnid]] == 1
        else _with_id(found.get(wnid), wnid)
        for wnid in wnids
    )


def _with_id(name: str | None, wnid: str) -> str:
    return wnid if name is None else f"{name} ({wnid})"
