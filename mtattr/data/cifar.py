"""CIFAR-10 and CIFAR-100 (Krizhevsky, "Learning Multiple Layers of Features ...", 2009).

Both versions of the official archives are read: the "python version", whose pickle files are never
executed, and the "binary version". The one task is categorical and called `class`.
"""

from __future__ import annotations

import numpy as np
import torch

from mtattr.data.checksums import warn_of_other_copies
from mtattr.data.cifar_files import LAYOUTS, find_layout, read_class_names, read_part
from mtattr.data.folders import is_generated, root_folder
from mtattr.data.image_data import ImageData
from mtattr.data.options import ImageSize, check_choice, check_options, limited_rows
from mtattr.data.small_images import resized_images
from mtattr.errors import InputError
from mtattr.tasks import Task, TaskSet

ABOUT = (
    "; CIFAR-10 and CIFAR-100 are handed out on Alex Krizhevsky's page at the University of "
    'Toronto ("python" or "binary version")'
)

PUBLISHED = {"train": 50000, "test": 10000}

# MD5 of the files in the archives of the python version, as torchvision lists them.
MD5 = {
    "cifar10": {
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
        "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
    },
    "cifar100": {
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
        "meta": "7973b15100ade9c7d40fb424638fde48",
    },
}

VALIDATION_SHARE = 0.1
_SPLIT_SEED = 2009


def load_cifar10(
    split: str,
    *,
    root=None,
    image_size: ImageSize = 64,
    limit: int | None = None,
    seed: int = 0,
    skip_bad: bool = False,
) -> ImageData:
    """One split of CIFAR-10: 45,000 train, 5,000 val and 10,000 test images of ten classes.

    There is no official validation split: `validation_rows` holds one out of the training images.
    image_size 32 gives the stored pixels; other sizes are resized and cached.

    Args:
        root: folder with `cifar-10-batches-py` or `cifar-10-batches-bin`, or that folder itself.
        skip_bad: no effect; images stored in one file are read together or not at all.

    Raises:
        InputError: a file is missing or damaged; other copies than the published only warn.
    """
    return _load("cifar10", "class", split, root, image_size, limit, seed)


def load_cifar100(
    split: str,
    *,
    root=None,
    image_size: ImageSize = 64,
    limit: int | None = None,
    seed: int = 0,
    labels: str = "fine",
    skip_bad: bool = False,
) -> ImageData:
    """One split of CIFAR-100, as `load_cifar10`: folder `cifar-100-python` or `cifar-100-binary`.

    Args:
        labels: "fine" (100 classes) or "coarse" (the 20 superclasses); no effect on the splits.
    """
    check_choice("cifar100", "labels", labels, ("fine", "coarse"))
    return _load("cifar100", labels, split, root, image_size, limit, seed)


def validation_rows(classes: np.ndarray) -> np.ndarray:
    """Training images that are held out for validation: bool `(N,)` from their classes, int `(N,)`.

    A tenth of each class (at least one image of two or more, and one in all): 5,000 of the official
    50,000. They depend on the file order alone, never on a seed or a machine.
    """
    random = np.random.RandomState(_SPLIT_SEED)
    chosen = np.zeros(len(classes), dtype=bool)
    for c in np.unique(classes):
        rows = random.permutation(np.flatnonzero(classes == c))
        chosen[rows[: max(round(len(rows) * VALIDATION_SHARE), int(len(rows) > 1))]] = True
    if len(classes) > 1 and not chosen.any():
        chosen[0] = True
    return chosen


def _load(
    name: str, kind: str, split: str, root, image_size: ImageSize, limit: int | None, seed: int
) -> ImageData:
    check_options(name, split, image_size, limit)
    both = " or ".join(layout.folder for layout in LAYOUTS[name])
    root = root_folder(name, root, both, ABOUT)
    layout, folder = find_layout(name, root, ABOUT)
    part = "test" if split == "test" else "train"
    classes = read_class_names(layout, folder, ABOUT)
    batch = read_part(layout, folder, part, classes, ABOUT)
    generated = is_generated(root, folder)
    published = MD5[name] if layout.version == "python version" and not generated else {}
    used = {*layout.files[part], *(file for file, _ in layout.names.values())}
    checksums = warn_of_other_copies(
        {folder / file: md5 for file, md5 in published.items() if file in used}
    )

    rows = np.arange(len(batch.pixels))
    if part == "train":
        classified = batch.labels["fine" if name == "cifar100" else kind]
        rows = np.flatnonzero(validation_rows(classified) == (split == "val"))
    if not len(rows):
        few = f"{len(batch.pixels)} training images are too few to hold some out"
        raise InputError(f"{folder}: the {split} split has no image; {few}")
    found = np.bincount(batch.labels[kind][rows], minlength=len(classes[kind]))
    rows = rows[limited_rows(len(rows), limit, seed)]
    return ImageData(
        images=resized_images(name, batch.pixels[rows], image_size),
        labels=torch.from_numpy(batch.labels[kind][rows].astype(np.float32))[:, None],
        tasks=TaskSet([Task("class", "categorical", classes[kind], group="class")]),
        keys=tuple(f"{part}-{row:05d}" for row in rows),
        name=name,
        split=split,
        generated=generated,
        source=f"{'CIFAR-10' if name == 'cifar10' else 'CIFAR-100'} (Krizhevsky, 2009)",
        terms="No licence is stated; the page asks to cite the report",
        facts={
            "layout": layout.version,
            "counts": {f"{part} images": len(batch.pixels)}
            | dict(zip(classes[kind], found.tolist(), strict=True)),
            "published": {} if split == "val" else {f"{part} images": PUBLISHED[part]},
            "checksums": checksums,
            "skipped": [],
        },
    )
