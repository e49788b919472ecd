"""What the loaders of Market-1501 and DukeMTMC-reID share: folders of crops whose names carry the identity, joined with labels."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mtattr.data.checksums import warn_of_other_copies
from mtattr.data.decode import Files, decoded_images
from mtattr.data.folders import is_folder, is_generated, root_folder, user_path
from mtattr.data.identity_split import VALIDATION_SHARE, validation_identities
from mtattr.data.image_data import ImageData
from mtattr.data.options import ImageSize, check_options, limited_rows
from mtattr.data.pedestrian_attributes import Schema
from mtattr.data.pedestrian_tables import People, read_people
from mtattr.errors import InputError

FOLDERS = {"train": "bounding_box_train", "test": "bounding_box_test"}
_UNLABELLED = {"-1": "junk", "0000": "distractors"}


@dataclass(frozen=True)
class Layout:
    """How one of the sets lies on disk.

    file_name: pattern of an image's name with the groups `identity` and `camera`; example: such a name. folders: names
    that its folder bears below `root`; repositories: names of the folder of its attribute file. unlabelled: identity
    texts, keys of `_UNLABELLED`, that name nobody. published: images and identities that the set's authors state, keyed
    as `facts["counts"]`. md5: of the attribute file. about: where a user obtains images and attributes.
    """

    schema: Schema
    file_name: re.Pattern[str]
    example: str
    folders: tuple[str, ...]
    repositories: tuple[str, ...]
    unlabelled: tuple[str, ...]
    published: dict[str, int]
    md5: str
    about: str
    source: str
    terms: str


def load_pedestrians(
    layout: Layout,
    split: str,
    *,
    root,
    image_size: ImageSize,
    limit: int | None,
    seed: int,
    attributes,
    skip_bad: bool,
) -> ImageData:
    """One split of a set of pedestrians; arguments, errors and facts as in `mtattr.data.market1501.load`."""
    schema = layout.schema
    name = schema.name
    check_options(name, split, image_size, limit)
    root = root_folder(
        name,
        root,
        f"{' and '.join(FOLDERS.values())}, or {layout.folders[0]} with both",
        layout.about,
    )
    base = _base(root, layout)
    mat = _attribute_file(root, base, attributes, layout)
    half = "test" if split == "test" else "train"
    folder = base / FOLDERS[half]
    listed, misnamed = _named_images(folder, layout, skip_bad)
    named = [(key, identity) for key, identity in listed if identity not in layout.unlabelled]
    people = read_people(mat, schema, half, [int(identity) for _, identity in named], layout.about)
    _check_labelled(folder, mat, half, named, people)

    chosen = _identities_of(split, people)
    images = [(key, int(identity)) for key, identity in named if int(identity) in chosen]
    if not images:
        raise InputError(
            f"{folder}: the {split} split has no image: none shows one of its {len(chosen)} identities"
        )
    rows = limited_rows(len(images), limit, seed)
    keys = tuple(images[row][0] for row in rows)
    decoded, skipped = decoded_images(
        name, Files(folder, keys), image_size, split=split, skip_bad=skip_bad
    )
    kept = np.setdiff1d(np.arange(len(rows)), skipped)
    identities = np.array([images[row][1] for row in rows[kept]], dtype=np.int64)
    place = {identity: row for row, identity in enumerate(people.identities)}
    generated = is_generated(root, base)

    return ImageData(
        images=decoded,
        labels=torch.from_numpy(
            people.labels[[place[identity] for identity in identities.tolist()]]
        ),
        tasks=schema.tasks,
        keys=tuple(keys[i] for i in kept),
        name=name,
        split=split,
        identities=torch.from_numpy(identities),
        generated=generated,
        source=layout.source,
        terms=layout.terms,
        facts={
            "layout": _layout_found(root, base, mat, attributes),
            "counts": _counts(base, layout, half, listed, people, split, len(images)),
            "published": layout.published,
            "identity_rates": people.rates,
            "published_rates": schema.published_rates(half),
            "identities": len(np.unique(identities)),
            "cameras": dict(sorted(Counter(str(camera_of(key)) for key, _ in images).items())),
            "checksums": {} if generated else warn_of_other_copies({mat: layout.md5}),
            "skipped": [keys[i] for i in skipped] + misnamed,
        },
    )


def camera_of(key: str) -> int:
    """The camera, from 1, that took the image of this name; `InputError` if the name tells none."""
    found = re.search(r"_c(\d)", key)
    if found is None:
        raise InputError(
            f"{key!r}: expected a file name that tells the camera, such as 0002_c1s1_000123_01.jpg"
        )
    return int(found[1])


def _base(root: Path, layout: Layout) -> Path:
    """The folder that holds the folders of images."""
    candidates = [root, *(root / name for name in layout.folders)]
    for candidate in candidates:
        if any((candidate / folder).is_dir() for folder in FOLDERS.values()):
            return candidate
    raise InputError(
        f"{root / FOLDERS['train']}: folder missing, also below {', '.join(layout.folders)}{layout.about}"
    )


def _attribute_file(root: Path, base: Path, attributes, layout: Layout) -> Path:
    """Where the attribute file lies; where it should be if it is nowhere."""
    name = f"{layout.schema.variable}.mat"
    if attributes is not None:
        if not isinstance(attributes, str | os.PathLike):
            raise InputError(
                f"{layout.schema.name}: attributes must be the path of {name}, got {attributes!r}"
            )
        path = user_path(attributes)
        return path / name if is_folder(path) else path
    around = [
        folder
        for place in (base, root, base.absolute().parent)
        for folder in (place, place / "attribute")
    ]
    beside = [
        place / repository
        for place in (base, root, base.absolute().parent)
        for repository in layout.repositories
    ]
    return next(
        (folder / name for folder in [*around, *beside] if (folder / name).is_file()), base / name
    )


def _named_images(
    folder: Path, layout: Layout, skip_bad: bool
) -> tuple[list[tuple[str, str]], list[str]]:
    """(file name, identity as written) of each JPEG in ascending order of names, and the misnamed ones left out."""
    try:
        # What is no JPEG by its name is a leftover of a file manager, as is a hidden file.
        names = sorted(
            entry.name
            for entry in os.scandir(folder)
            if entry.name.lower().endswith(".jpg") and entry.name[0] != "."
        )
    except OSError as error:
        raise InputError(
            f"{folder}: image folder missing or not readable ({error.strerror}){layout.about}"
        ) from None
    found, misnamed = [], []
    for name in names:
        match = layout.file_name.fullmatch(name)
        if match is not None:
            found.append((name, match["identity"]))
        elif skip_bad:
            misnamed.append(name)
        else:
            raise InputError(
                f"{folder / name}: expected a name such as {layout.example}, which tells the identity and the camera"
            )
    if not found:
        raise InputError(
            f"{folder}: expected images with names such as {layout.example}, the folder has none"
        )
    return found, misnamed


def _check_labelled(
    folder: Path, mat: Path, half: str, named: list[tuple[str, str]], people: People
) -> None:
    labelled = set(people.identities)
    without = [key for key, identity in named if int(identity) not in labelled]
    if without:
        raise InputError(
            f"{folder / without[0]}: {mat} has no {half} identity {without[0].split('_')[0]} ({len(without)} images have none)"
        )


def _identities_of(split: str, people: People) -> set[int]:
    """Validation is carved out of the official training identities by identity number; there is no official one."""
    share = VALIDATION_SHARE
    validating = validation_identities(people.identities, share)
    while not validating and len(people.identities) > 1:
        # A cut-down copy of a few people still needs somebody to validate on: the first by the same rule.
        share = min(share * 1.02, 1.0)
        validating = validation_identities(people.identities, share)
    return {
        "test": set(people.identities),
        "val": validating,
        "train": set(people.identities) - validating,
    }[split]


def _counts(
    base: Path,
    layout: Layout,
    half: str,
    listed: list[tuple[str, str]],
    people: People,
    split: str,
    in_split: int,
) -> dict[str, int]:
    counts = {
        split: in_split,
        FOLDERS[half]: len(listed),
        f"{half} identities": len(people.identities),
    }
    unlabelled = Counter(identity for _, identity in listed)
    if half == "test":
        counts |= {_UNLABELLED[identity]: unlabelled[identity] for identity in layout.unlabelled}
    for other in ("query", *FOLDERS.values()):
        if other not in counts and (base / other).is_dir():
            counts[other] = sum(
                name.lower().endswith(".jpg") and name[0] != "."
                for name in os.listdir(base / other)
            )
    return counts


def _layout_found(root: Path, base: Path, mat: Path, attributes) -> str:
    where = "images in the folder itself" if base == root else f"images in {base.name}"
    if attributes is not None:
        return f"{where}, attributes at a place of their own"
    beside = {
        base: "beside them",
        base / "attribute": "in attribute",
        base.absolute().parent: "one folder above",
    }
    return f"{where}, attributes {beside.get(mat.parent, f'in {mat.parent.name}')}"
