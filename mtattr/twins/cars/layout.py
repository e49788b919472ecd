"""The car twin on disk in the layout of the real set, so that the same loader reads both."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mtattr.data.options import ImageSize, check_options, image_shape_of
from mtattr.errors import InputError
from mtattr.twins.cars.cars import car_boxes, render
from mtattr.twins.cars.keys import image_keys
from mtattr.twins.cars.load import SPLIT_SIZES
from mtattr.twins.cars.makes import BODIES, MAKES, MODELS, TYPES
from mtattr.twins.cars.scene import sample_scenes
from mtattr.twins.drawing.writing import (
    image_quality,
    mark_generated,
    new_folder,
    save_image,
    sizes_of,
)

_CHUNK = 256
#: (height, width) of the pictures: the aspect in which the scenes are described.
NATIVE_SIZE = (224, 323)
#: Doors and seats of each body, as attributes.txt lists them.
_DOORS = {
    "sedan": (4, 5),
    "hatchback": (5, 5),
    "SUV": (5, 5),
    "estate": (5, 5),
    "pickup": (4, 5),
    "sports": (2, 4),
    "MPV": (5, 7),
}


def write_to(
    folder,
    *,
    image_size: ImageSize = NATIVE_SIZE,
    limit: int | dict[str, int] | None = None,
    seed: int = 0,
    image_format: str = "png",
) -> Path:
    """Write the twin below `folder` in the layout of CompCars and return its path.

    The train list names the images of train and then those of val, which the real loader tells
    apart by their paths. With `image_format="png"` the files carry the official names, which end in
    .jpg, and hold PNG: nothing is lost. limit: images per split, one number for all or a dict
    {split: images}; the default sizes otherwise. With few images not every model occurs in the
    train list, and the real loader then finds fewer classes than the twin has: compare them by
    their names.
    Raises `InputError` for a folder that is not empty, an unknown format, a bad size or limit, and
    for so few training images that a model of another split has none: the real loader would refuse
    such a copy.
    """
    folder = new_folder(folder)
    quality = image_quality("compcars-twin", image_format)
    sizes = sizes_of(SPLIT_SIZES, limit)
    for split, n in sizes.items():
        check_options("compcars-twin", split, image_size, n)
    filed = {split: set(sample_scenes(split, n, seed).filed.tolist()) for split, n in sizes.items()}
    if unseen := (filed["test"] | filed["val"]) - filed["train"]:
        raise InputError(
            f"compcars-twin: limit {limit} leaves {len(unseen)} of {len(MODELS)} models without a "
            "training image, and the real loader refuses such a copy; expected some hundred images"
        )
    mark_generated(folder, "compcars-twin", "CompCars")
    keys = {
        split: _write_split(folder, split, n, seed, image_size, quality)
        for split, n in sizes.items()
    }
    _write_lines(
        folder / "data" / "train_test_split" / "classification" / "train.txt",
        [*keys["train"], *keys["val"]],
    )
    _write_lines(folder / "data" / "train_test_split" / "classification" / "test.txt", keys["test"])
    _write_tables(folder / "data" / "misc")
    return folder


def _write_split(
    folder: Path, split: str, n: int, seed: int, image_size: ImageSize, quality: dict
) -> tuple[str, ...]:
    scenes = sample_scenes(split, n, seed)
    keys = image_keys(scenes, split, seed)
    for start in range(0, n, _CHUNK):
        part = scenes.rows(slice(start, start + _CHUNK))
        images, boxes = render(part, image_size), car_boxes(part, image_shape_of(image_size))
        for key, image, box, viewpoint in zip(
            keys[start:], images, boxes, part.viewpoints.tolist(), strict=False
        ):
            path = folder / "data" / "image" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            save_image(path, image, quality)
            _write_lines(
                (folder / "data" / "label" / key).with_suffix(".txt"),
                [viewpoint, 1, " ".join(map(str, box))],
            )
    return keys


def _write_tables(folder: Path) -> None:
    from scipy.io import savemat

    lines = ["model_id maximum_speed displacement door_number seat_number type"]
    for m, model in enumerate(MODELS):
        doors, seats = _DOORS[BODIES[model.body]]
        kind = 0 if model.type is None else model.type + 1
        lines.append(
            f"{model.id} {160 + 7 * m % 90} {1 + m * 3 % 20 / 10:.1f} {doors} {seats} {kind}"
        )
    _write_lines(folder / "attributes.txt", lines)
    makes = {number: name for name, number, _, _ in MAKES}
    names = {
        "make_names": _cells(makes),
        "model_names": _cells({model.id: model.short_name for model in MODELS}),
    }
    savemat(folder / "make_model_name.mat", names)
    savemat(folder / "car_type.mat", {"types": _cells(dict(enumerate(TYPES, 1))).T})


def _cells(names: dict[int, str]) -> np.ndarray:
    """A column of cells: the name of id i in row i - 1, or nothing where no id is i."""
    column = np.empty((max(names), 1), dtype=object)
    for row in range(len(column)):
        column[row, 0] = names.get(row + 1, np.zeros((0, 0)))
    return column


def _write_lines(path: Path, lines) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
