"""The pedestrian twins on disk, in the official layouts of both sets."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch

from mtattr.data.options import ImageSize, check_options, image_shape_of
from mtattr.twins.drawing.batches import map_batches
from mtattr.twins.drawing.writing import (
    image_quality,
    mark_generated,
    new_folder,
    save_image,
    sizes_of,
)
from mtattr.twins.people.attributes import DOMAINS, Attribute
from mtattr.twins.people.identities import in_gallery_only
from mtattr.twins.people.people import NATIVE_SIZE, render
from mtattr.twins.people.scene import (
    COLUMN,
    SPLIT_SIZES,
    Scenes,
    sample_with_queries,
    unlabelled_scenes,
)

#: Fields of the official files in their order, which differs between the halves.
FIELDS = {
    "market1501": {
        "test": "age backpack bag handbag clothes down up hair hat gender upblack upwhite upred "
        "uppurple upyellow upgray upblue upgreen downblack downwhite downpink downpurple "
        "downyellow downgray downblue downgreen downbrown",
        "train": "age backpack bag handbag downblack downblue downbrown downgray downgreen "
        "downpink downpurple downwhite downyellow upblack upblue upgreen upgray uppurple upred "
        "upwhite upyellow clothes down up hair hat gender",
    },
    "duke": {
        "train": "backpack bag handbag boots gender hat shoes top downblack downwhite downred "
        "downgray downblue downgreen downbrown upblack upwhite upred uppurple upgray upblue "
        "upgreen upbrown",
        "test": "boots shoes top gender hat backpack bag handbag downblack downwhite downred "
        "downgray downblue downgreen downbrown upblack upwhite upred upgray upblue upgreen "
        "uppurple upbrown",
    },
}
#: Market-1501's gallery holds background ("0000") and bad detections ("-1"), as shares of its
#: labelled images.
DISTRACTORS, JUNK = 2798 / 13115, 3819 / 13115


def image_keys(scenes: Scenes) -> list[str]:
    """Official file names, as `0002_c1s1_000123_01.jpg` or `0005_c2_f0046985.jpg`."""
    return [_file_name(scenes.domain, *row) for row in scenes.numbers.tolist()]


def _file_name(
    domain: str, identity: int, camera: int, sequence: int, frame: int, box: int, query: int
) -> str:
    if domain == "duke":
        return f"{identity:04d}_c{camera}_f{frame:07d}.jpg"
    who = "-1" if identity < 0 else f"{identity:04d}"
    return f"{who}_c{camera}s{sequence}_{frame:06d}_{0 if query else box:02d}.jpg"


def write_market1501_twin(
    folder: str | os.PathLike,
    *,
    image_size: ImageSize = NATIVE_SIZE,
    limit: int | dict[str, int] | None = None,
    seed: int = 0,
    image_format: str = "png",
) -> Path:
    """Write the twin of Market-1501 to `folder` for the loader of the real set; returns it.

    Makes `bounding_box_train` (training and validation identities), `bounding_box_test` (with
    distractors and junk), `query`, and `attribute/market_attribute.mat`.
    image_size: (height, width), by default the native (128, 64); limit: images per split, one
    number or {split: number}, None = the default sizes; seed; image_format: "png" reads back equal
    (under the official names, which end in .jpg), "jpg" is what the set uses, and lossy.
    Raises `InputError` if the folder holds anything or an option is out of range.
    """
    return _write("market1501", folder, image_size, limit, seed, image_format)


def write_duke_twin(
    folder: str | os.PathLike,
    *,
    image_size: ImageSize = NATIVE_SIZE,
    limit: int | dict[str, int] | None = None,
    seed: int = 0,
    image_format: str = "png",
) -> Path:
    """Write the twin of DukeMTMC-reID; else as `write_market1501_twin`."""
    return _write("duke", folder, image_size, limit, seed, image_format)


def _write(
    domain: str,
    folder: str | os.PathLike,
    image_size: ImageSize,
    limit,
    seed: int,
    image_format: str,
) -> Path:

    name = f"{domain}-twin"
    quality = image_quality(name, image_format)
    folder = new_folder(folder)
    sizes = sizes_of(SPLIT_SIZES, limit)
    for split, count in sizes.items():
        check_options(name, split, image_size, count)
    shape = image_shape_of(image_size)
    drawn = {
        split: sample_with_queries(domain, split, count, seed) for split, count in sizes.items()
    }
    test, queries = drawn["test"]
    asked = [
        k
        for k, number in enumerate(queries.identities.tolist())
        if not in_gallery_only(domain, number)
    ]
    groups = [
        ("bounding_box_train", drawn["train"][0]),
        ("bounding_box_train", drawn["val"][0]),
        ("bounding_box_test", test),
    ]
    groups.append(("query", queries.rows(torch.tensor(asked, dtype=torch.long))))
    if domain == "market1501":
        groups.append(("bounding_box_test", _unlabelled(round(DISTRACTORS * len(test)), 0, seed)))
        groups.append(("bounding_box_test", _unlabelled(round(JUNK * len(test)), -1, seed)))
    mark_generated(folder, name, DOMAINS[domain].title)
    for below, scenes in groups:
        _write_images(folder / below, scenes, shape, quality)
    _write_attributes(
        folder, domain, {"train": [drawn["train"][0], drawn["val"][0]], "test": [test]}
    )
    return folder


def _write_images(folder: Path, scenes: Scenes, shape: tuple[int, int], quality: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    keys = image_keys(scenes)

    def work(batch: slice) -> None:
        for key, image in zip(keys[batch], render(scenes.rows(batch), shape), strict=True):
            save_image(folder / key, image, quality)

    map_batches(work, len(scenes), shape)


def _unlabelled(count: int, identity: int, seed: int) -> Scenes:
    """Scenes without a labelled person: background (0), or crops that miss most of one (-1)."""
    scenes = unlabelled_scenes("market1501", identity, count, seed)
    shift = scenes.parameters[:, COLUMN["crop_x"]] - 0.5
    away = torch.where(shift < 0, -1.0, 1.0)
    # The columns' range is left on purpose: no labelled crop is as far off.
    scenes.parameters[:, COLUMN["crop_x"]] = away * (9.0 if identity == 0 else 1.6) + shift
    scenes.parameters[:, COLUMN["crop_scale"]] += 0.0 if identity == 0 else 3.0
    return scenes


def _write_attributes(folder: Path, domain: str, halves: dict[str, list[Scenes]]) -> None:
    """The MATLAB file: a struct of both halves, with a row per field and identity names."""
    from scipy.io import savemat

    struct = {role: _half(domain, role, halves[role]) for role in FIELDS[domain]}
    variable = "market_attribute" if domain == "market1501" else "duke_attribute"
    (folder / "attribute").mkdir()
    savemat(folder / "attribute" / f"{variable}.mat", {variable: struct})


def _half(domain: str, role: str, parts: list[Scenes]) -> dict[str, np.ndarray]:
    labels = {
        number: row
        for scenes in parts
        for number, row in zip(scenes.identities.tolist(), scenes.labels.tolist(), strict=True)
    }
    numbers = sorted(labels)
    fields: dict[str, list[int]] = {}
    for k, attribute in enumerate(DOMAINS[domain].attributes):
        for number in numbers:
            for field, value in _official(attribute, number, labels[number][k]).items():
                fields.setdefault(field, []).append(value)
    half = {
        field: np.array([fields[field]], dtype=np.uint8) for field in FIELDS[domain][role].split()
    }
    index = np.empty((1, len(numbers)), dtype=object)
    index[0] = [f"{number:04d}" for number in numbers]
    return half | {"image_index": index}


def _official(attribute: Attribute, number: int, label: float) -> dict[str, int]:
    """Values of an identity's attribute in the official file's fields."""
    unknown = label != label
    if not attribute.is_colour:
        return {attribute.field: 0 if unknown else int(label) + 1}
    # DukeMTMC-reID's file flags two lower colours for most test identities whose colour is unclear.
    twice = (
        unknown
        and attribute.name == "down_colour"
        and "brown" in attribute.values
        and len(attribute.values) == 7
        and number % 3 > 0
    )
    flagged = {number % 7, (number + 2) % 7} if twice else set() if unknown else {int(label)}
    return {
        f"{attribute.field}{value}": 2 if k in flagged else 1
        for k, value in enumerate(attribute.values)
    }
