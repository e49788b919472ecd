"""The recipe protocol of `mtattr.<paper>.recipe`, and the checks that all recipes share."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from torch import nn

from mtattr.data import TWIN_WRITERS, load_dataset
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.tasks import TaskSet
from mtattr.training.finished import Run
from mtattr.training.plan import SPLITS, Plan
from mtattr.training.spec import RunSpec

Size = TypeVar("Size")
#: Allowed settings: name -> (types, predicate, description for error messages).
Settings = Mapping[str, tuple[Any, Callable[[Any], bool], str]]
#: Settings that several recipes have.
EPOCHS = (int, lambda epochs: epochs >= 1, "a whole number of at least 1")
RATE = (int | float, lambda rate: 0 < rate <= 1e6, "a number above 0 and at most a million")
WEIGHTS = (str | None, lambda path: True, "the path of a safetensors file, or null")


class Recipe(Protocol):
    """A paper's variants, sizes and settings, and the plan of each run.

    A new paper is a package with a module `recipe` that has these names, and a line in
    `mtattr.PAPERS`. `mtattr run` and `fit_or_load` use nothing else of it.
    """

    #: Of its sizes and schedules; only records of one edition are compared.
    EDITION: int
    VARIANTS: Mapping[str, Any]
    #: (dataset, scale) -> image size, limits, network size and `FitSettings`.
    SIZES: Mapping[tuple[str, str], Any]
    SETTINGS: Settings

    def check(self, spec: RunSpec) -> None:
        """Raise `InputError` for what is wrong with `spec` itself, before any data are read."""

    def requires(self, spec: RunSpec) -> list[RunSpec]:
        """Runs that must be finished before `spec` can be planned or trained."""

    def data(
        self, spec: RunSpec, *, root: str | Path | None, **options: Any
    ) -> dict[str, ImageData]:
        """The splits that `spec` trains on; options are the loader's."""

    def network(self, spec: RunSpec, tasks: TaskSet, structure: Any = None) -> nn.Module:
        """The untrained network for any tasks that it can take, of a record's `structure`."""

    def plan(
        self, spec: RunSpec, data: Mapping[str, ImageData], runs: Mapping[RunSpec, Run]
    ) -> Plan:
        """The plan of `spec`, from its data and the runs that it requires."""

    def evidence(self, scale: str = "reduced", seeds: Sequence[int] = range(5)) -> list[RunSpec]:
        """The runs that the paper's claims ask for."""


def recipe_of(paper: str) -> Recipe:
    """The module `mtattr.<paper>.recipe`; `InputError` if there is none.

    The one place where a lower floor asks a higher one: by name, so that no import points up.
    """
    name = f"mtattr.{paper}.recipe"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
        raise InputError(f"paper {paper!r} has no recipe to run") from None


def edition_of(paper: str) -> int:
    """Edition of a paper's sizes and schedules, 1 for a paper without a recipe."""
    try:
        return recipe_of(paper).EDITION
    except InputError:
        return 1


def size_of(sizes: Mapping[tuple[str, str], Size], paper: str, dataset: str, scale: str) -> Size:
    """The entry of `sizes` for a dataset at a scale; `InputError` lists those that there are."""
    datasets = sorted({name for name, _ in sizes})
    if dataset not in datasets:
        raise InputError(
            f"{paper} has no recipe for dataset {dataset!r}; there are {', '.join(datasets)}"
        )
    if (dataset, scale) not in sizes:
        known = ", ".join(at for name, at in sizes if name == dataset)
        raise InputError(f"{paper} has no scale {scale!r} for {dataset}; there are {known}")
    return sizes[dataset, scale]


def check_spec(
    spec: RunSpec,
    *,
    variants: Collection[str],
    sizes: Mapping[tuple[str, str], Any],
    settings: Settings,
) -> None:
    """Raise `InputError` for a variant, dataset, scale or setting that a recipe does not have."""
    unknown = set(spec.settings) - settings.keys()
    if unknown:
        known = ", ".join(settings)
        raise InputError(f"setting {sorted(unknown)[0]!r} is unknown; there are {known}")
    if spec.variant not in variants:
        raise InputError(f"variant {spec.variant!r} is unknown; there are {', '.join(variants)}")
    size_of(sizes, spec.paper, spec.dataset, spec.scale)
    for name, value in spec.settings.items():
        types, fits, expected = settings[name]
        # bool is an int to isinstance.
        if isinstance(value, bool) or not isinstance(value, types) or not fits(value):
            raise InputError(f"setting {name} {value!r} is not {expected}")


def load_splits(
    dataset: str,
    size: Any,
    *,
    draw: int | None = None,
    root: str | Path | None = None,
    **options: Any,
) -> dict[str, ImageData]:
    """The three splits of a dataset at a recipe's size.

    Args:
        dataset: its name.
        size: has `image_size`, the limits `train`, `val`, `test`, and loader `options` if any.
        draw: of a generated set, whose three splits are drawn anew; real sets have none.
        root: folder of a real dataset; generated sets need none.
        options: of the loader, before those of `size`.
    """
    root = None if dataset in TWIN_WRITERS or dataset == "digits" else root
    if dataset in TWIN_WRITERS and draw is not None:
        options["draw"] = draw
    options = {**getattr(size, "options", {}), **options, "image_size": size.image_size}
    return {
        split: load_dataset(dataset, split, root=root, limit=getattr(size, split), **options)
        for split in SPLITS
    }


def check_splits(data: Mapping[str, ImageData]) -> None:
    """Raise `InputError` unless train, val and test are there."""
    if missing := set(SPLITS) - data.keys():
        raise InputError(
            f"expected the splits {', '.join(SPLITS)}, but {', '.join(sorted(missing))} is missing"
        )


def run_of(runs: Mapping[RunSpec, Run], spec: RunSpec) -> Run:
    """The finished run of `spec` among those handed to a plan; `InputError` if it is not there."""
    if spec not in runs:
        raise InputError(
            f"the run {spec.variant} on {spec.dataset} must be finished first; "
            "call fit_or_load, which trains it"
        )
    return runs[spec]
