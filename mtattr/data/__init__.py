"""Datasets under one name each: real ones read from the user's disk, and generated twins."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from importlib import import_module
from numbers import Integral

from mtattr.data.image_data import ImageData
from mtattr.data.options import ImageSize
from mtattr.errors import InputError

__all__ = ["DATASETS", "ImageData", "load_dataset"]


def _load(module: str, name: str, split: str, **options) -> ImageData:
    load = import_module(module).load
    allowed = list(inspect.signature(load).parameters)[1:]
    unknown = [option for option in options if option not in allowed]
    if unknown:
        raise InputError(f"{name}: option {unknown[0]!r} is unknown; there are {', '.join(allowed)}")
    return load(split, **options)


# Loaders are imported on use, so that importing this package stays cheap.
DATASETS: dict[str, Callable[..., ImageData]] = {
    "digits": partial(_load, "mtattr.data.digits", "digits"),
    "deepfashion": partial(_load, "mtattr.data.deepfashion", "deepfashion"),
    "deepfashion-twin": partial(_load, "mtattr.data.deepfashion_twin", "deepfashion-twin"),
}


def load_dataset(
    name: str, split: str, *, root=None, image_size: ImageSize = 64, limit: int | None = None, seed: int = 0, **options
) -> ImageData:
    """One split of a dataset: images uint8 `(N, 3, H, W)`, labels float32 `(N, T)`, NaN = unknown.

    split: "train", "val" or "test". root: the folder with the user's own copy; generated sets and `digits` need none.
    image_size: side of a square in pixels, 8..1024, or (height, width); pictures of another aspect are squeezed.
    limit: keep a fair sample of so many images, the same for the same `seed`.
    options: what the dataset's own `load` takes besides. Nothing is ever downloaded.
    Raises `InputError` for an unknown dataset, split or option and for missing or damaged files.
    """
    if not isinstance(name, str) or name not in DATASETS:
        raise InputError(f"dataset {name!r} is unknown; there are {', '.join(DATASETS)}")
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise InputError(f"{name}: seed must be a whole number of at least 0, got {seed!r}")
    return DATASETS[name](split, root=root, image_size=image_size, limit=limit, seed=seed, **options)
