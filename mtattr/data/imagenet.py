"""ImageNet, ILSVRC 2012 classification (Russakovsky et al., 2015), decoded while training runs.

The one task is categorical and called `class`; see `mtattr.data.streamed`.
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
from mtattr.data.options import ImageSize, check_choice, check_options, image_shape_of, limited_rows
from mtattr.data.streamed import StreamedImages, centre_box, files_digest
from mtattr.errors import InputError
from mtattr.tasks import Task, TaskSet

ABOUT = (
    "; ImageNet is handed out for non-commercial research and education, on request, on "
    "image-net.org"
)

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
    """One split with `images` as a stream: about 1,268,000 train, 13,000 val, 50,000 test images.

    The labels of the official test images are not public: "test" is the official validation
    folder, and "val" a hundredth of the training folder, held out by `mtattr.data.held_out` by the
    hash of `class/file`. Class names come from `LOC_synset_mapping.txt` or `words.txt` beside the
    folders, else classes are named by their ids; `facts["wnids"]` keeps the ids in label order.

    Args:
        root: folder with `train` and `val` (also `ILSVRC/Data/CLS-LOC` below it), each with one
            folder per class, named by its WordNet id.
        skip_bad: decode every image once, which takes minutes to hours, leave out those that
            cannot be decoded and list them in `facts["skipped"]`; otherwise a damaged file raises
            when training asks for it.
        crop: "center" cuts the middle as the usual evaluation does (short side to 8/7 of the
            output, then the output's size), "none" squeezes the whole image.

    Raises:
        InputError: folders disagree, are empty, or hold unsorted images.
    """
    check_options("imagenet", split, image_size, limit)
    check_choice("imagenet", "crop", crop, ("center", "none"))
    root = root_folder("imagenet", root, "train and val, with one folder per class", ABOUT)
    bases = (root, root / "ILSVRC" / "Data" / "CLS-LOC")
    base = next((folder for folder in bases if (folder / "train").is_dir()), root)
    wnids = _classes(base)
    part = "val" if split == "test" else "train"
    names, sizes, ignored = _listed(base / part, wnids)
    empty = [name for name, size in zip(names, sizes, strict=True) if not size]
    if empty and not skip_bad:
        expected = "expected an image, it is empty, a folder, or its link leads nowhere"
        raise InputError(f"{base / part / empty[0]}: {expected} ({len(empty)} files are so)")
    rows = np.arange(len(names))
    if split != "test":
        rows = np.flatnonzero(held_out(names, VALIDATION_SHARE) == (split == "val"))
    if not len(rows):
        few = f"{len(names)} training images are too few to hold some out"
        raise InputError(f"{base / part}: the {split} split has no image; {few}")
    in_split = len(rows)
    rows = rows[limited_rows(len(rows), limit, seed)]
    height, width = image_shape_of(image_size)
    files = Files(base / part, tuple(names[row] for row in rows))
    box_of = centre_box(CENTRE_SHARE, height / width) if crop == "center" else None
    images = StreamedImages(files, image_size, box_of=box_of)
    bad = images.unreadable() if skip_bad else []
    skipped = [names[rows[i]] for i in bad]
    if bad:
        kept = np.setdiff1d(np.arange(len(rows)), bad)
        if not len(kept):
            others = f"this and all other images of the {split} split are damaged"
            raise InputError(f"{base / part / skipped[0]}: {others}")
        rows, images = rows[kept], images[torch.from_numpy(kept)]

    class_of = {wnid: float(c) for c, wnid in enumerate(wnids)}
    keys = tuple(names[row] for row in rows)
    class_names = _class_names((root, base), wnids)
    return ImageData(
        images=images,
        labels=torch.tensor([[class_of[key.split("/")[0]]] for key in keys]),
        tasks=TaskSet([Task("class", "categorical", class_names, group="class")]),
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
            expected = "expected train and val, with one folder per class"
            raise InputError(f"{folder}: folder missing; {expected}{ABOUT}")
        entries = _entries(folder)
        found[part] = [e.name for e in entries if _is_folder(e) and e.name[0] != "."]
        others = [e.name for e in entries if e.name not in found[part]]
        loose = [name for name in others if _is_image(name)]
        if loose:
            many = f"this image lies in no class folder ({len(loose)} do not)"
            raise InputError(f"{folder / min(loose)}: {many}; expected folders by WordNet id")
        packed = [
            n for n in others if n.lower().endswith(".tar") and Path(n).stem not in found[part]
        ]
        if packed:
            unpack = f"unpack this archive into a folder of its name ({len(packed)} are packed)"
            raise InputError(f"{folder / packed[0]}: {unpack}")
        if len(found[part]) < 2:
            got = len(found[part])
            raise InputError(f"{folder}: expected at least two class folders, got {got}{ABOUT}")
    for here, there in (("train", "val"), ("val", "train")):
        missing = sorted(set(found[here]) - set(found[there]))
        if missing:
            which = f"class folder missing, which {here} has ({len(missing)} are)"
            raise InputError(f"{base / there / missing[0]}: {which}")
    return tuple(sorted(found["train"]))


def _listed(folder: Path, wnids: tuple[str, ...]) -> tuple[list[str], list[int], list[str]]:
    """Images as `class/file` in order, their sizes in bytes, and ignored files beside them."""
    names, sizes, ignored = [], [], []
    for wnid in wnids:
        before = len(names)
        for entry in _entries(folder / wnid):
            if _is_image(entry.name):
                names.append(f"{wnid}/{entry.name}")
                sizes.append(_size(entry))
            else:
                ignored.append(f"{wnid}/{entry.name}")
        if len(names) == before:
            expected = f"expected images ({', '.join(ENDINGS)}) in this class folder"
            raise InputError(f"{folder / wnid}: {expected}, it has none")
    return names, sizes, ignored


def _is_image(name: str) -> bool:
    return name.lower().endswith(ENDINGS) and name[0] != "."


def _entries(folder: Path) -> list[os.DirEntry]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror})") from None
    for entry in entries:
        try:
            entry.name.encode()
        except UnicodeEncodeError:
            name = os.fsencode(entry.name)
            raise InputError(f"{folder}: expected names in UTF-8, got {name!r}") from None
    return entries


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _size(entry: os.DirEntry) -> int:
    """Bytes of a file; 0 for a folder and for a link that leads nowhere."""
    try:
        return entry.stat().st_size if entry.is_file() else 0
    except OSError:
        return 0


def _class_names(folders: tuple[Path, Path], wnids: tuple[str, ...]) -> tuple[str, ...]:
    """The first name of each class, with its id if two classes share it; else the id."""
    lists = [f / name for name in ("LOC_synset_mapping.txt", "words.txt") for f in folders]
    path = next((path for path in lists if path.is_file()), None)
    if path is None:
        return wnids
    found = {}
    for line, text in table_rows(path, header=False):
        wnid, *rest = text.split(None, 1)
        if not rest:
            raise fault(path, line, f"expected a WordNet id and its names, got {text[:60]!r}")
        found[wnid] = rest[0].split(",")[0].strip()
    names = [found.get(wnid, wnid) for wnid in wnids]
    often = Counter(names)
    return tuple(
        f"{name} ({wnid})" if often[name] > 1 and wnid in found else name
        for name, wnid in zip(names, wnids, strict=True)
    )
