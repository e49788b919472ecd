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

__all__ = [
    "DATASETS",
    "TWIN_WRITERS",
    "ImageData",
    "load_dataset",
    "loaders_of",
    "options_of",
    "twin_writer",
]


def _function(module: str, name: str) -> Callable:
    return getattr(import_module(f"mtattr.{module}"), name)


def _load(module: str, function: str, name: str, split: str, **options) -> ImageData:
    load, allowed = _function(module, function), options_of(name)
    unknown = [option for option in options if option not in allowed]
    if unknown:
        raise InputError(
            f"{name}: option {unknown[0]!r} is unknown; there are {', '.join(allowed)}"
        )
    return load(split, **options)


#: Where each dataset is loaded: the module below `mtattr`, and its function.
_PLACES = {
    "celeba": ("data.celeba", "load"),
    "celeba-twin": ("twins.faces", "load"),
    "market1501": ("data.market1501", "load"),
    "market1501-twin": ("twins.people", "load_market1501_twin"),
    "duke": ("data.duke", "load"),
    "duke-twin": ("twins.people", "load_duke_twin"),
    "deepfashion": ("data.deepfashion", "load"),
    "deepfashion-twin": ("twins.clothes", "load"),
    "compcars": ("data.compcars", "load"),
    "compcars-twin": ("twins.cars", "load"),
    "digits": ("data.digits", "load"),
    "cluttered-digits": ("twins.digits", "load"),
    "cifar10": ("data.cifar", "load_cifar10"),
    "cifar100": ("data.cifar", "load_cifar100"),
    "svhn": ("data.svhn", "load"),
    "imagenet": ("data.imagenet", "load"),
    "csv": ("data.csv_folder", "load"),
}

# Loaders are imported on use, so that importing this package stays cheap.
DATASETS: dict[str, Callable[..., ImageData]] = {
    name: partial(_load, module, function, name) for name, (module, function) in _PLACES.items()
}


#: Where each generated set is written to disk in the layout of the real one.
TWIN_WRITERS = {
    "celeba-twin": ("twins.faces", "write_to"),
    "market1501-twin": ("twins.people", "write_market1501_twin"),
    "duke-twin": ("twins.people", "write_duke_twin"),
    "deepfashion-twin": ("twins.clothes", "write_to"),
    "compcars-twin": ("twins.cars", "write_to"),
    "cluttered-digits": ("twins.digits", "write_to"),
}


def loaders_of(name: str) -> list[str]:
    """Modules that load a dataset, or each of those whose names are joined in `name`; none if unknown."""
    base, twin = name.removesuffix("-twin"), "-twin" * name.endswith("-twin")
    names = (name, *(part + twin for part in base.split("+")))
    return sorted({f"mtattr.{_PLACES[part][0]}" for part in names if part in _PLACES})


def options_of(name: str) -> list[str]:
    """Names of what the dataset's loader takes besides the split."""
    return list(inspect.signature(_function(*_PLACES[name])).parameters)[1:]


def twin_writer(name: str) -> Callable:
    """The function `write_to(folder, *, image_size, limit, seed)` of a generated set."""
    return _function(*TWIN_WRITERS[name])


def load_dataset(
    name: str,
    split: str,
    *,
    root=None,
    image_size: ImageSize = 64,
    limit: int | None = None,
    seed: int = 0,
    **options,
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
    if not isinstance(options.get("skip_bad", False), bool):
        raise InputError(f"{name}: skip_bad must be True or False, got {options['skip_bad']!r}")
    return DATASETS[name](
        split, root=root, image_size=image_size, limit=limit, seed=seed, **options
    )
