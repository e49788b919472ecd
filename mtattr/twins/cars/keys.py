"""Paths of the car twin's images: make, model, year and split, as in the real set."""

from __future__ import annotations

import hashlib

from mtattr.data.held_out import is_validation
from mtattr.twins.cars.makes import MAKES, MODELS
from mtattr.twins.cars.scene import COLUMN, Scenes

_YEARS = (*(str(year) for year in range(2007, 2016)), "unknown")


def image_keys(scenes: Scenes, split: str, seed: int) -> tuple[str, ...]:
    """A path `make/model/year/hex.jpg` per scene, by the make and model in its annotation.

    The real set has no validation split, `is_validation` carves it by path: so the name is the
    first of a fixed sequence whose path falls into the scene's own split.
    """
    return tuple(
        _key(filed, number, i, split, seed)
        for i, (filed, number) in enumerate(
            zip(scenes.filed.tolist(), scenes.parameters[:, COLUMN["year"]].tolist(), strict=True)
        )
    )


def _key(filed: int, number: float, i: int, split: str, seed: int) -> str:
    model = MODELS[filed]
    folder = f"{MAKES[model.make][1]}/{model.id}/{_YEARS[int(number * len(_YEARS))]}"
    attempt = 0
    while True:
        name = hashlib.sha256(f"compcars-twin {seed} {split} {i} {attempt}".encode()).hexdigest()[
            :14
        ]
        key = f"{folder}/{name}.jpg"
        if split == "test" or is_validation(key) == (split == "val"):
            return key
        attempt += 1
