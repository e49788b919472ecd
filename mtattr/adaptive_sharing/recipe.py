"""Recipe of Lu et al. 2017: variants, settings, plans and the runs that the claims ask for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import nn

from mtattr.adaptive_sharing.beginnings import (
    REFERENCE,
    SOURCE,
    SOURCE_DATASET,
    SOURCE_DRAW,
    SOURCE_TASK,
    begin,
    build_network,
    iterations_of,
    matching_omega,
    reference_of,
    regrouped,
    source_filters,
    source_of,
    taught,
    teachers_of,
)
from mtattr.adaptive_sharing.domains import CLOTHES
from mtattr.adaptive_sharing.grouping import branch_limit
from mtattr.adaptive_sharing.initialise import Filters, read_vgg16
from mtattr.adaptive_sharing.layout import thin_widths
from mtattr.adaptive_sharing.measurements import (
    analyse,
    analyse_training,
    floors,
    metrics,
    task_metrics,
)
from mtattr.adaptive_sharing.network import BranchedVGG
from mtattr.adaptive_sharing.search import SearchSettings, search
from mtattr.adaptive_sharing.sizes import PAPER, SIZES, Size, load_splits, size_of
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.tasks import TaskSet
from mtattr.training import Measures, Plan, Run, RunSpec
from mtattr.training.recipe import EPOCHS, RATE, WEIGHTS, Settings, check_spec, run_of
from mtattr.twins.faces import factor_of

#: Edition of the sizes and schedules, that of the claims in paper.yaml.
EDITION = 2


@dataclass(frozen=True)
class Variant:
    """A model of the paper or a control.

    Args:
        network: "vgg", "low-rank" or "thin".
        omega: channels of the thin model at full size; None = as large as the found tree.
        alpha: branching factor of the search, None = no search.
        pretrained: starts from the source network.
        regroup: rule that deals the tasks to the branches of the reference's tree.
        longer: trained for the iterations of the reference, its search included.
        filters: selection of a thin network's filters from the source, "somp" or "random".
    """

    network: str = "thin"
    omega: int | None = None
    alpha: float | None = None
    pretrained: bool = True
    regroup: str | None = None
    longer: bool = False
    filters: str = "somp"

    @property
    def kind(self) -> str:
        """Kind of network, for its learning rate."""
        if self.alpha is not None or self.regroup is not None:
            return "branched"
        return "matched" if self.network == "thin" and self.omega is None else self.network


VARIANTS: dict[str, Variant] = {
    "vgg": Variant("vgg"),
    "low-rank": Variant("low-rank"),
    "thin-32": Variant(omega=32),
    "branch-32-1.0": Variant(omega=32, alpha=1.0),
    REFERENCE: Variant(omega=32, alpha=2.0),
    "branch-64-1.0": Variant(omega=64, alpha=1.0),
    "branch-64-2.0": Variant(omega=64, alpha=2.0),
    "thin-32-longer": Variant(omega=32, longer=True),
    "matched": Variant(longer=True),
    "vgg-scratch": Variant("vgg", pretrained=False),
    "thin-32-scratch": Variant(omega=32, pretrained=False),
    "thin-32-random-filters": Variant(omega=32, filters="random"),
    "branch-32-2.0-scratch": Variant(omega=32, alpha=2.0, pretrained=False),
    "regroup-original": Variant(omega=32, pretrained=False, regroup="original"),
    "regroup-swapped": Variant(omega=32, pretrained=False, regroup="swapped"),
    "regroup-shuffled": Variant(omega=32, pretrained=False, regroup="shuffled"),
    "regroup-correlated": Variant(omega=32, pretrained=False, regroup="correlated"),
    "regroup-corrected": Variant(omega=32, pretrained=False, regroup="corrected"),
}
#: The variants and the source network, which is trained where a start needs it.
_NETWORKS = VARIANTS | {SOURCE: Variant("vgg", pretrained=False)}

#: Allowed settings: name -> (types, predicate, description for error messages).
SETTINGS: Settings = {
    "interval": (int, lambda k: 1 <= k < 2**31, "a whole number of iterations of at least 1"),
    "alpha": (int | float, lambda alpha: 0 <= alpha <= 1e6, "a number of at least 0"),
    "decay": (int | float, lambda decay: 0 <= decay < 1, "a number in [0, 1)"),
    "retest": (str, ("never", "always").__contains__, "never or always"),
    "epochs": EPOCHS,
    "learning_rate": RATE,
    "weights": WEIGHTS,
}
#: Settings of a search, also of the one whose tree a variant takes.
_OF_SEARCH = ("interval", "alpha", "decay", "retest")


def check(spec: RunSpec) -> None:
    """Raise `InputError` for what is wrong with `spec` itself, before any data are read."""
    check_spec(spec, variants=_NETWORKS, sizes=SIZES, settings=SETTINGS)
    variant, settings = _NETWORKS[spec.variant], spec.settings
    if spec.variant == SOURCE and (spec.dataset != SOURCE_DATASET or spec.scale == "paper"):
        raise InputError(
            f"the source network learns on {SOURCE_DATASET} at scale smoke or reduced; "
            "for scale paper set weights"
        )
    unused = [name for name in _OF_SEARCH if name in settings]
    if unused and variant.alpha is None and not _takes_tree(spec.variant):
        raise InputError(
            f"setting {unused[0]} applies only to variants with a search; {spec.variant} has none"
        )
    weights = settings.get("weights")
    if weights is not None and spec.scale != "paper":
        raise InputError(
            f"setting weights needs scale paper, whose network is VGG-16; this is {spec.scale}"
        )
    if spec.scale == "paper":
        _check_start(spec, weights)


def _check_start(spec: RunSpec, weights: str | None) -> None:
    """Refuse a paper-scale run that needs a pretrained VGG-16 and has none, or a bad file."""
    pretrained = [of.variant for of in (spec, *requires(spec)) if _NETWORKS[of.variant].pretrained]
    if not pretrained:
        return
    if weights is None:
        raise InputError(
            f"{pretrained[0]} starts from a pretrained VGG-16 at scale paper: set weights to a "
            "safetensors file of one, or train a variant that starts from scratch"
        )
    read_vgg16(weights)


def _takes_tree(name: str) -> bool:
    return _NETWORKS[name].longer or _NETWORKS[name].regroup is not None


def requires(spec: RunSpec) -> list[RunSpec]:
    """Source of the filters, search whose tree is taken, teachers of a joint model."""
    needed = teachers_of(spec)
    if _from_source(spec):
        needed.append(source_of(spec))
    if _takes_tree(spec.variant):
        needed.append(reference_of(spec))
    return needed


def _from_source(spec: RunSpec) -> bool:
    return _NETWORKS[spec.variant].pretrained and spec.scale != "paper"


def data(spec: RunSpec, *, root: str | Path | None = None, **options: Any) -> dict[str, ImageData]:
    """The splits of the dataset at the scale's size, a twin's drawn anew for each seed.

    For the source network, a draw of other people.
    """
    if spec.variant != SOURCE:
        options = {"draw": spec.seed} | options
        return load_splits(spec.dataset, spec.scale, root=root, **options)
    splits = load_splits(spec.dataset, spec.scale, root=root, **options | {"draw": SOURCE_DRAW})
    return {split: part.select_tasks([SOURCE_TASK]) for split, part in splits.items()}


def plan(
    spec: RunSpec, data: Mapping[str, ImageData], runs: Mapping[RunSpec, Run] = MappingProxyType({})
) -> Plan:
    """The plan of `spec`.

    Settings: epochs, learning_rate; for a search interval, alpha (instead of the variant's), decay
    (of the affinities) and retest ("never": the tree is final at the first no, "always": as
    released); weights, safetensors of VGG-16 for paper scale, from which pretrained networks start,
    also the search whose tree another network takes.

    Raises:
        InputError: a run that `spec` requires is not among `runs`.
    """
    settings, variant = dict(spec.settings), _NETWORKS[spec.variant]
    size, tasks = size_of(spec.dataset, spec.scale), data["train"].tasks
    teachers = [run_of(runs, needed) for needed in teachers_of(spec)]
    reference = run_of(runs, reference_of(spec)) if _takes_tree(spec.variant) else None
    widths = _widths(variant, size, len(tasks), reference)
    build = partial(network, spec, tasks, reference=reference)
    wide = _filters(spec, runs)
    initial, train = partial(begin, build, spec.seed, wide, filters=variant.filters), None
    if variant.alpha is not None:
        limits = [branch_limit(w, n) for w, n in zip(size.wide, widths, strict=True)]
        searched = SearchSettings(
            alpha=settings.get("alpha", variant.alpha),
            limits=limits,
            interval=settings.get("interval", size.interval),
            first_epochs=size.first_epochs,
            decay=settings.get("decay", 0.99),
            retest=settings.get("retest", "never") == "always",
        )
        train = partial(search, settings=searched)
    elif variant.regroup is not None:
        initial = partial(regrouped, variant.regroup, data["train"], reference)
    epochs, rate = settings.get("epochs", size.fit.epochs), size.rates.get(variant.kind)
    if variant.longer:
        batches = max(1, len(data["train"]) // size.fit.batch_size)
        epochs = math.ceil(iterations_of(reference) / batches)
    rate = settings.get("learning_rate", size.fit.learning_rate if rate is None else rate)
    return Plan(
        data={**data, "train": taught(data["train"], teachers)} if teachers else data,
        build=build,
        settings=replace(size.fit, epochs=epochs, learning_rate=rate),
        measures=Measures(
            metrics=metrics,
            select_by="selection_score",
            floors=floors,
            task_metrics=task_metrics,
            analyse=partial(analyse, _known_groups(spec, tasks), _scores(teachers)),
            analyse_training=analyse_training,
        ),
        initial=initial,
        train=train,
        seen_by_all=data,
        notes=(_note(widths, spec.scale, wide is not None),),
    )


def network(
    spec: RunSpec, tasks: TaskSet, structure: Any = None, *, reference: Run | None = None
) -> nn.Module:
    """The untrained network of `spec` for any tasks.

    Args:
        spec: the run.
        tasks: as many as the network has outputs.
        structure: that of a run's record, None for the network that the training begins with.
        reference: the finished search whose size that one has, where the variant takes it.
    """
    variant, size = _NETWORKS[spec.variant], size_of(spec.dataset, spec.scale)
    if variant.network != "low-rank" and structure is not None:
        return BranchedVGG.from_structure(structure)
    widths = _widths(variant, size, len(tasks), reference)
    return build_network(variant.network, widths, len(tasks), size)


def _filters(spec: RunSpec, runs: Mapping[RunSpec, Run]) -> Callable[[], Filters] | None:
    """What gives the filters of the wide network, None for random weights."""
    if _from_source(spec):
        return partial(source_filters, run_of(runs, source_of(spec)))
    weights = spec.settings.get("weights") if _NETWORKS[spec.variant].pretrained else None
    return None if weights is None else partial(read_vgg16, weights)


def _widths(variant: Variant, size: Size, num_tasks: int, reference: Run | None) -> tuple[int, ...]:
    if variant.network != "thin":
        return size.wide
    if variant.omega is not None:
        return thin_widths(max(1, variant.omega // size.thin_divisor), size.wide)
    goal = reference.metrics["selected"]["weights"]
    return thin_widths(matching_omega(goal, num_tasks, size.wide, size.image_size), size.wide)


def _scores(teachers: Sequence[Run]) -> dict[str, float]:
    names = ("mean_accuracy", "top10_recall", "top3_accuracy", "top5_accuracy")
    return {
        name: run.metrics["selected"][name]
        for run in teachers
        for name in names
        if name in run.metrics["selected"]
    }


def _known_groups(spec: RunSpec, tasks: TaskSet) -> dict[str, list[str]]:
    """Known groupings of the face attributes: by part of the face and, in the twin, by cause."""
    if any(task.group == CLOTHES for task in tasks) or len(tasks) < 2:
        return {}
    known = {"region": [task.group for task in tasks]}
    if spec.dataset == "celeba-twin":
        known["factor"] = [factor_of(task.name) or task.name for task in tasks]
    return known


def _note(widths: Sequence[int], scale: str, from_wide: bool) -> str:
    start = "random initial weights"
    if from_wide:
        start = (
            "from VGG-16 weights of the user"
            if scale == "paper"
            else f"from a wide network that learned {SOURCE_TASK} on other drawn faces"
        )
    return f"channels of a branch {', '.join(map(str, widths))}; {start}"


#: Variant and dataset of the runs that the claims ask for, required ones first.
EVIDENCE: tuple[tuple[str, str], ...] = tuple(
    (name, "celeba-twin")
    for name in (
        *("thin-32", REFERENCE, "matched", "vgg", "low-rank"),
        *("regroup-original", "regroup-swapped", "regroup-shuffled", "regroup-correlated"),
        *("thin-32-scratch", "thin-32-random-filters"),
    )
)


def evidence(scale: str = "reduced", seeds: Sequence[int] = range(5)) -> list[RunSpec]:
    """The runs that the chapter's claims ask for.

    At scale paper on the real sets, where the start is a file of the user (setting weights).
    """
    real = scale == "paper"
    # One source serves the networks of all seeds.
    source = [RunSpec(PAPER, SOURCE, SOURCE_DATASET, scale)] if not real and 0 in seeds else []
    return source + [
        RunSpec(PAPER, name, dataset.removesuffix("-twin") if real else dataset, scale, seed)
        for name, dataset in EVIDENCE
        for seed in seeds
    ]
