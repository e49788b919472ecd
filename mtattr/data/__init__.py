"""Datasets by name: real ones read from the user's disk, and generated twins."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from importlib import import_module

from mtattr.data.image_data import ImageData
from mtattr.data.options import ImageSize
from mtattr.errors import InputError, whole_number

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


#: Dataset -> the module below `mtattr` that loads it, and its function.
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


#: Generated set -> the module below `mtattr` and the function that writes it in the real layout.
TWIN_WRITERS = {
    "celeba-twin": ("twins.faces", "write_to"),
    "market1501-twin": ("twins.people", "write_market1501_twin"),
    "duke-twin": ("twins.people", "write_duke_twin"),
    "deepfashion-twin": ("twins.clothes", "write_to"),
    "compcars-twin": ("twins.cars", "write_to"),
    "cluttered-digits": ("twins.digits", "write_to"),
}


def loaders_of(name: str) -> list[str]:
    """Modules that load a dataset, or each of those whose names are joined in `name`; none if
    unknown.
    """
    base, twin = name.removesuffix("-twin"), "-twin" * name.endswith("-twin")
    names = (name, *(part + twin for part in base.split("+")))
    return sorted({f"mtattr.{_PLACES[part][0]}" for part in names if part in _PLACES})


def options_of(name: str) -> list[str]:
    """Names of the arguments that the dataset's loader takes besides the split."""
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
    draw: int | None = None,
    **options,
) -> ImageData:
    """One split of a dataset, from the user's own disk or generated; nothing is ever downloaded.

    Args:
        name: a key of `DATASETS`.
        split: "train", "val" or "test".
        root: folder with the user's own copy; generated sets and `digits` need none.
        image_size: side of a square in pixels, 8..1024, or (height, width); pictures are squeezed.
        limit: number of images of a random sample to keep; None keeps all.
        seed: chooses the sample of a set that is read; of a generated one the older name of `draw`.
        draw: number of a generated set's draw, 0 by default; another number draws all scenes,
            identities and label errors of all splits anew.
        options: further arguments of the dataset's own `load`, such as `skip_bad`.

    Raises:
        InputError: an unknown dataset, split or option, or a missing or damaged file.
    """
    if not isinstance(name, str) or name not in DATASETS:
        raise InputError(f"dataset {name!r} is unknown; there are {', '.join(DATASETS)}")
    whole_number(f"{name}: seed", seed, least=0)
    if name in TWIN_WRITERS:
        chosen = {"draw": _draw(name, seed, draw)}
    elif draw is None:
        chosen = {"seed": seed}
    else:
        raise InputError(
            f"{name} is read, not drawn: leave draw out; seed chooses the sample that limit keeps"
        )
    if not isinstance(options.get("skip_bad", False), bool):
        raise InputError(f"{name}: skip_bad must be True or False, got {options['skip_bad']!r}")
    return DATASETS[name](split, root=root, image_size=image_size, limit=limit, **chosen, **options)


def _draw(name: str, seed: int, draw: int | None) -> int:
    if draw is None:
        return seed
    whole_number(f"{name}: draw", draw, least=0)
    if seed not in (0, draw):
        raise InputError(f"{name}: seed {seed} and draw {draw} name two draws; give draw alone")
    return draw
