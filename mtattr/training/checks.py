"""What every paper's recipe refuses before any data are read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from mtattr.errors import InputError
from mtattr.training.spec import RunSpec

Size = TypeVar("Size")
#: What a run may set: type, range, and both in words.
Settings = Mapping[str, tuple[Any, Callable[[Any], bool], str]]


def size_of(sizes: Mapping[tuple[str, str], Size], paper: str, dataset: str, scale: str) -> Size:
    """The entry of `sizes` for a dataset at a scale; `InputError` lists what `paper` has instead."""
    datasets = sorted({name for name, _ in sizes})
    if dataset not in datasets:
        raise InputError(
            f"{paper} has no recipe for dataset {dataset!r}; there are {', '.join(datasets)}"
        )
    if (dataset, scale) not in sizes:
        known = ", ".join(name for of, name in sizes if of == dataset)
        raise InputError(f"{paper} has no scale {scale!r} for {dataset}; there are {known}")
    return sizes[dataset, scale]


def check_spec(
    spec: RunSpec,
    *,
    variants: Collection[str],
    sizes: Mapping[tuple[str, str], Any],
    settings: Settings,
) -> None:
    """Raise `InputError` for a variant, dataset, scale or setting of `spec` that a recipe does not have."""
    unknown = set(spec.settings) - settings.keys()
    if unknown:
        raise InputError(
            f"setting {sorted(unknown)[0]!r} is unknown; there are {', '.join(settings)}"
        )
    if spec.variant not in variants:
        raise InputError(f"variant {spec.variant!r} is unknown; there are {', '.join(variants)}")
    size_of(sizes, spec.paper, spec.dataset, spec.scale)
    for name, value in spec.settings.items():
        types, fits, expected = settings[name]
        # bool is an int to isinstance.
        if isinstance(value, bool) or not isinstance(value, types) or not fits(value):
            raise InputError(f"setting {name} {value!r} is not {expected}")
