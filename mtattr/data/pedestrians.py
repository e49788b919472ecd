"""Loader of Market-1501 and DukeMTMC-reID: crops named by identity, joined with its labels."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch

from mtattr.data.checksums import warn_of_other_copies
from mtattr.data.decode import Files, decoded_images
from mtattr.data.folders import is_folder, is_generated, root_folder, user_path
from mtattr.data.held_out import VALIDATION_SHARE, validation_identities
from mtattr.data.image_data import ImageData
from mtattr.data.options import ImageSize, check_options, limited_rows
from mtattr.data.pedestrian_attributes import Schema
from mtattr.data.pedestrian_tables import People, read_people
from mtattr.errors import InputError

FOLDERS = {"train": "bounding_box_train", "test": "bounding_box_test"}
_UNLABELLED = {"-1": "junk", "0000": "distractors"}


@dataclass(frozen=True)
class Layout:
    """Layout of one of the sets on disk.

    Args:
        file_name: pattern of an image's name with the groups `identity` and `camera`.
        example: such a name.
        folders: names of its folder below `root`.
        repositories: names of the folder of its attribute file.
        unlabelled: identity texts, keys of `_UNLABELLED`, of images that show nobody.
        published: numbers of images and identities by the set's authors, as `facts["counts"]`.
        md5: of the attribute file.
        about: where to obtain images and attributes.
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
    root,
    image_size: ImageSize,
    limit: int | None,
    seed: int,
    attributes,
    skip_bad: bool,
) -> ImageData:
    """One split of a set of pedestrians, as described in `mtattr.data.market1501.load`."""
    schema = layout.schema
    name = schema.name
    check_options(name, split, image_size, limit)
    folders = f"{' and '.join(FOLDERS.values())}, or {layout.folders[0]} with both"
    root = root_folder(name, root, folders, layout.about)
    base = _base(root, layout)
    mat = _attribute_file(root, base, attributes, layout)
    half = "test" if split == "test" else "train"
    folder = base / FOLDERS[half]
    listed, misnamed = _named_images(folder, layout, skip_bad)
    named = [(key, int(who)) for key, who in listed if who not in layout.unlabelled]
    people = read_people(mat, schema, half, [who for _, who in named], layout.about)
    place = {identity: row for row, identity in enumerate(people.identities)}
    without = [key for key, who in named if who not in place]
    if without:
        identity, count = without[0].split("_")[0], f"{len(without)} images have none"
        raise InputError(
            f"{folder / without[0]}: {mat} has no {half} identity {identity} ({count})"
        )

    chosen = _identities_of(split, people)
    images = [(key, who) for key, who in named if who in chosen]
    if not images:
        none = f"none shows one of its {len(chosen)} identities"
        raise InputError(f"{folder}: the {split} split has no image: {none}")
    rows = limited_rows(len(images), limit, seed)
    keys = tuple(images[row][0] for row in rows)
    decoded, kept, skipped = decoded_images(
        name, Files(folder, keys), image_size, split=split, skip_bad=skip_bad
    )
    identities = [images[row][1] for row in rows[kept]]
    generated = is_generated(root, base)

    return ImageData(
        images=decoded,
        labels=torch.from_numpy(people.labels[[place[who] for who in identities]]),
        tasks=schema.tasks,
        keys=tuple(keys[i] for i in kept),
        name=name,
        split=split,
        identities=torch.tensor(identities),
        generated=generated,
        source=layout.source,
        terms=layout.terms,
        facts={
            "layout": _layout_found(root, base, mat, attributes),
            "counts": _counts(base, layout, half, listed, people, split, len(images)),
            "published": layout.published,
            "identity_rates": people.rates,
            "published_rates": schema.published_rates(half),
            "identities": len(set(identities)),
            "cameras": dict(sorted(Counter(str(camera_of(key)) for key, _ in images).items())),
            "checksums": {} if generated else warn_of_other_copies({mat: layout.md5}),
            "skipped": [keys[i] for i in skipped] + misnamed,
        },
    )


def camera_of(key: str) -> int:
    """Number, from 1, of the camera that took the image of this name."""
    found = re.search(r"_c(\d)", key)
    if found is None:
        raise InputError(f"{key!r}: expected a name with a camera, such as 0002_c1s1_000123_01.jpg")
    return int(found[1])


def _base(root: Path, layout: Layout) -> Path:
    """The folder that holds the folders of images."""
    candidates = [root, *(root / name for name in layout.folders)]
    for candidate in candidates:
        if any((candidate / folder).is_dir() for folder in FOLDERS.values()):
            return candidate
    also = ", ".join(layout.folders)
    raise InputError(f"{root / FOLDERS['train']}: folder missing, also below {also}{layout.about}")


def _attribute_file(root: Path, base: Path, attributes, layout: Layout) -> Path:
    """Path of the attribute file; where it should be if it is nowhere."""
    name = f"{layout.schema.variable}.mat"
    if attributes is not None:
        if not isinstance(attributes, str | os.PathLike):
            raise InputError(
                f"{layout.schema.name}: attributes must be the path of {name}, got {attributes!r}"
            )
        path = user_path(attributes)
        return path / name if is_folder(path) else path
    places = (base, root, base.absolute().parent)
    around = [folder for place in places for folder in (place, place / "attribute")]
    beside = [place / repository for place in places for repository in layout.repositories]
    found = (folder / name for folder in [*around, *beside] if (folder / name).is_file())
    return next(found, base / name)


def _named_images(
    folder: Path, layout: Layout, skip_bad: bool
) -> tuple[list[tuple[str, str]], list[str]]:
    """(file name, identity as written) of each JPEG in order, and the misnamed ones left out."""
    try:
        names = sorted(filter(_is_picture, os.listdir(folder)))
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
            such = f"expected a name such as {layout.example}"
            raise InputError(f"{folder / name}: {such}, with identity and camera")
    if not found:
        such = f"expected images with names such as {layout.example}"
        raise InputError(f"{folder}: {such}, the folder has none")
    return found, misnamed


def _is_picture(name: str) -> bool:
    # Other names, and hidden ones, are leftovers of file managers.
    return name.lower().endswith(".jpg") and name[0] != "."


def _identities_of(split: str, people: People) -> set[int]:
    """Identities of a split; validation is carved out of the official training identities."""
    share = VALIDATION_SHARE
    validating = validation_identities(people.identities, share)
    while not validating and len(people.identities) > 1:
        # A cut-down copy of a few people still needs one to validate on: the first by this rule.
        share = min(share * 1.02, 1.0)
        validating = validation_identities(people.identities, share)
    if split == "val":
        return validating
    return set(people.identities) - (validating if split == "train" else set())


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
            counts[other] = sum(map(_is_picture, os.listdir(base / other)))
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
