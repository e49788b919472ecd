"""Variants x datasets x scales: what to train."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mtattr.adaptive_sharing.domains import CLOTHES, fill_unknown, join, one_task_per_category
from mtattr.adaptive_sharing.grouping import branch_limit
from mtattr.adaptive_sharing.initialise import Filters, filters_of, read_vgg16, start_from_wide, start_low_rank
from mtattr.adaptive_sharing.layout import CONVOLUTIONS, VGG16_WIDTHS, thin_widths
from mtattr.adaptive_sharing.low_rank import OUTPUT_RANK, RANKS, LowRankVGG
from mtattr.adaptive_sharing.measurements import analyse, analyse_training, floors, metrics, task_metrics
from mtattr.adaptive_sharing.network import BranchedVGG, count_weights
from mtattr.adaptive_sharing.regroup import grouped_by, label_affinity, shuffled, swapped
from mtattr.adaptive_sharing.search import SearchSettings, search
from mtattr.adaptive_sharing.tree import Tree
from mtattr.data import load_dataset
from mtattr.data.celeba_twin import factor_of
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.tasks import TaskSet
from mtattr.training import FitSettings, Plan, Run, RunSpec, Start, checks, predict
from mtattr.training.plan import SPLITS

PAPER = "adaptive_sharing"
#: The twin draw of the source network: other people than those of seed 0, and one task.
SOURCE_SEED, SOURCE_TASK = 1, "Male"
JOINT = "celeba+deepfashion"


@dataclass(frozen=True)
class Variant:
    """A model of the paper or a control.

    network: "vgg", "low-rank" or "thin". omega: channels of the thin model at full size; None for one as large as the found
    tree. alpha: branching factor of a search, None for none. pretrained: whether it starts from the source network.
    regroup: how the tasks are dealt to the branches of a tree that `branch-32-2.0` found.
    """

    network: str = "thin"
    omega: int | None = None
    alpha: float | None = None
    pretrained: bool = True
    regroup: str | None = None


VARIANTS: dict[str, Variant] = {
    "vgg": Variant("vgg"),
    "low-rank": Variant("low-rank"),
    "thin-32": Variant(omega=32),
    "branch-32-1.0": Variant(omega=32, alpha=1.0),
    "branch-32-2.0": Variant(omega=32, alpha=2.0),
    "branch-64-1.0": Variant(omega=64, alpha=1.0),
    "branch-64-2.0": Variant(omega=64, alpha=2.0),
    "matched": Variant(),
    "vgg-scratch": Variant("vgg", pretrained=False),
    "thin-32-scratch": Variant(omega=32, pretrained=False),
    "branch-32-2.0-scratch": Variant(omega=32, alpha=2.0, pretrained=False),
    "regroup-original": Variant(omega=32, pretrained=False, regroup="original"),
    "regroup-swapped": Variant(omega=32, pretrained=False, regroup="swapped"),
    "regroup-shuffled": Variant(omega=32, pretrained=False, regroup="shuffled"),
    "regroup-correlated": Variant(omega=32, pretrained=False, regroup="correlated"),
    "source": Variant("vgg", pretrained=False),
}
#: The search whose trees the regrouped and the matched networks take.
REFERENCE = "branch-32-2.0"

#: What a run may set: type, range, and both in words.
SETTINGS: checks.Settings = {
    "interval": (int, lambda k: 1 <= k < 2**31, "a whole number of iterations of at least 1"),
    "alpha": (int | float, lambda alpha: 0 <= alpha <= 1e6, "a number of at least 0"),
    "decay": (int | float, lambda decay: 0 <= decay < 1, "a number in [0, 1)"),
    "retest": (str, ("never", "always").__contains__, "never or always"),
    "epochs": (int, lambda epochs: epochs >= 1, "a whole number of at least 1"),
    "learning_rate": (int | float, lambda rate: 0 < rate <= 1e6, "a number above 0 and at most a million"),
    "weights": (str | None, lambda path: True, "the path of a safetensors file, or null"),
}
#: Settings that concern the search alone.
_OF_SEARCH = ("interval", "alpha", "decay", "retest")


@dataclass(frozen=True)
class Size:
    """How much of a dataset a scale uses, with which network, and how long it trains; limits None = the whole split.

    divisor: all channels of all networks are divided by it. interval: iterations between two decisions of a search.
    """

    fit: FitSettings
    divisor: int
    interval: int
    image_size: int = 32
    train: int | None = None
    val: int | None = None
    test: int | None = None


def _sgd(epochs: int, learning_rate: float, milestones: tuple[float, ...] = (1 / 3, 2 / 3)) -> FitSettings:
    """SGD as in the paper; gradients clipped to a norm of 20 as in the released code."""
    return FitSettings(
        epochs=epochs,
        batch_size=32,
        learning_rate=learning_rate,
        optimizer="sgd",
        weight_decay=5e-4,
        schedule="step",
        milestones=milestones,
        clip_norm=20.0,
    )


def _sizes(paper_epochs: int, milestones: tuple[float, ...], paper_interval: int) -> dict[str, Size]:
    """paper_epochs of 32 images a step make up the paper's 60 or 100 thousand iterations."""
    return {
        "smoke": Size(_sgd(3, 0.003), divisor=8, interval=5, train=640, val=320, test=400),
        "reduced": Size(_sgd(9, 0.003), divisor=4, interval=100, train=8000, val=2000, test=4000),
        "paper": Size(_sgd(paper_epochs, 1e-3, milestones), divisor=1, interval=paper_interval, image_size=224),
    }


_SETS = {
    "celeba": _sizes(12, (1 / 3, 2 / 3), 1000),
    "deepfashion": _sizes(9, (1 / 3, 2 / 3), 1000),
    JOINT: _sizes(9, (0.4, 0.8), 2000),
}
SIZES: dict[tuple[str, str], Size] = {
    (name + twin, scale): size for name, sizes in _SETS.items() for twin in ("", "-twin") for scale, size in sizes.items()
}


def load_splits(dataset: str, scale: str, *, root: str | Path | None = None, **options: Any) -> dict[str, ImageData]:
    """The three splits at the size of a scale, all tasks binary; labels that the other domain would have are unknown.

    root: for both domains together the folder above `celeba` and `deepfashion`. Raises `InputError` for a dataset or scale
    that has no recipe.
    """
    size = size_of(dataset, scale)
    return {split: _load(dataset, split, size, root=root, limit=getattr(size, split), **options) for split in SPLITS}


def _load(dataset: str, split: str, size: Size, **options: Any) -> ImageData:
    base, twin = dataset.removesuffix("-twin"), "-twin" * dataset.endswith("-twin")
    if base == JOINT:
        return join(*(_load(name + twin, split, size, **options) for name in JOINT.split("+")))
    if twin:  # nothing is read from disk, so nothing can be bad
        options = {name: value for name, value in options.items() if name not in ("root", "skip_bad")}
    if base == "celeba" and not twin and size.divisor == 1:
        options = {"images": "wild"} | options  # the paper uses the photographs before alignment
    data = load_dataset(dataset, split, image_size=size.image_size, **options)
    return one_task_per_category(data) if base == "deepfashion" else data


def size_of(dataset: str, scale: str) -> Size:
    """The `Size` of a dataset at a scale; `InputError` lists what there is."""
    return checks.size_of(SIZES, PAPER, dataset, scale)


def check(spec: RunSpec) -> None:
    """Raise `InputError` for what is wrong with `spec` itself, before any data are read: see `plan`."""
    checks.check_spec(spec, variants=VARIANTS, sizes=SIZES, settings=SETTINGS)
    variant, settings = VARIANTS[spec.variant], spec.settings
    if spec.variant == "source" and (spec.dataset != "celeba-twin" or spec.scale == "paper"):
        raise InputError("the source network learns on celeba-twin, at scale smoke or reduced; at paper scale give `weights`")
    if variant.alpha is None and (unused := [name for name in _OF_SEARCH if name in settings and not _needs_tree(spec.variant)]):
        raise InputError(f"setting {unused[0]} is of a search, and {spec.variant} has none")
    if settings.get("weights") is not None:
        if spec.scale != "paper":
            raise InputError(f"setting weights needs scale paper, whose network is VGG-16; this is {spec.scale}")
        if not variant.pretrained:
            raise InputError(f"setting weights: {spec.variant} starts from random weights")
        read_vgg16(settings["weights"])


def _needs_tree(name: str) -> bool:
    return name == "matched" or VARIANTS[name].regroup is not None


def plan(
    spec: RunSpec,
    *,
    root: str | Path | None = None,
    data: Mapping[str, ImageData] | None = None,
    earlier: Callable[[RunSpec], Run] | None = None,
    on_round: Callable[..., None] | None = None,
    **options: Any,
) -> Plan:
    """What to train for `spec`.

    settings: epochs, learning_rate; of a search interval, alpha (instead of the variant's), decay (of the affinities) and
    retest ("never": the tree is final at the first no, "always": as released); weights, a safetensors file with VGG-16 for
    paper scale. data: splits to use instead of the dataset's own. earlier: gives the finished run of another spec, for
    variants that start from one: the source network, the tree of `REFERENCE`, the teachers of the joint model.
    on_round: see `mtattr.adaptive_sharing.search.search`. Raises `InputError` for an unknown variant, setting, dataset or
    scale, and for a variant that starts from another run without `earlier`.
    """
    check(spec)
    settings, variant, size = dict(spec.settings), VARIANTS[spec.variant], size_of(spec.dataset, spec.scale)
    if data is None and spec.variant == "source":
        options["seed"] = SOURCE_SEED
    whole = dict(load_splits(spec.dataset, spec.scale, root=root, **options) if data is None else data)
    if missing := set(SPLITS) - whole.keys():
        raise InputError(f"expected the splits {', '.join(SPLITS)}, but {', '.join(sorted(missing))} is missing")
    if spec.variant == "source":
        whole = {split: of.select_tasks([SOURCE_TASK]) for split, of in whole.items()}
    tasks = whole["train"].tasks
    wide = _divided(VGG16_WIDTHS, size.divisor)
    runs = _Earlier(spec, earlier)
    teachers = runs.teachers() if spec.dataset.removesuffix("-twin") == JOINT else {}
    labelled = whole | {"train": _taught(whole["train"], spec, root, runs, teachers)} if teachers else whole
    fit = replace(
        size.fit, epochs=settings.get("epochs", size.fit.epochs), learning_rate=settings.get("learning_rate", size.fit.learning_rate)
    )
    narrow = _widths(variant, spec, size, wide, tasks, runs)
    build = functools.partial(_build, variant.network, narrow, len(tasks), size)
    begin = functools.partial(_begin, variant, build, settings.get("weights"), spec, runs)
    find = None
    if variant.alpha is not None:
        how = SearchSettings(
            alpha=settings.get("alpha", variant.alpha),
            limits=[branch_limit(w, n) for w, n in zip(wide, narrow, strict=True)],
            interval=settings.get("interval", size.interval),
            decay=settings.get("decay", 0.99),
            retest=settings.get("retest", "never") == "always",
        )
        find = functools.partial(search, begin=begin, settings=how, on_round=on_round)
    elif variant.regroup is not None:
        find = functools.partial(_regrouped, variant.regroup, spec, whole["train"], runs)
    elif variant.pretrained:
        find = lambda *_, **__: begin()  # noqa: E731
    return Plan(
        data=labelled,
        build=build,
        task_weights=torch.ones(len(tasks)),
        settings=fit,
        metrics=metrics,
        select_by="selection_score",
        floors=floors,
        task_metrics=task_metrics,
        search=find,
        seen_by_all=whole,
        analyse=functools.partial(analyse, _known_groups(spec, tasks), _scores(teachers)),
        analyse_training=analyse_training,
        notes=(_note(variant, size, settings.get("weights"), narrow),),
    )


class _Earlier:
    """The finished runs that a run starts from, all of its scale and seed."""

    def __init__(self, spec: RunSpec, give: Callable[[RunSpec], Run] | None) -> None:
        self.spec, self._give = spec, give

    def _run(self, variant: str, dataset: str, keep: Sequence[str]) -> Run:
        if self._give is None:
            raise InputError(f"{self.spec.variant} starts from the run {variant} on {dataset}; call fit_or_load, which trains it first")
        settings = {name: value for name, value in self.spec.settings.items() if name in keep}
        return self._give(RunSpec(PAPER, variant, dataset, self.spec.scale, self.spec.seed, settings))

    def source(self) -> Run:
        """The wide network that learned one attribute."""
        return self._run("source", "celeba-twin", ())

    def reference(self) -> Run:
        """The search whose tree is taken."""
        return self._run(REFERENCE, self.spec.dataset, tuple(SETTINGS))

    def teachers(self) -> dict[str, Run]:
        """The wide networks of both domains, by dataset."""
        twin = "-twin" * self.spec.dataset.endswith("-twin")
        keep = ("epochs", "learning_rate", "weights")
        return {name + twin: self._run("vgg", name + twin, keep) for name in JOINT.split("+")}


def _divided(widths: Sequence[int], divisor: int) -> tuple[int, ...]:
    return tuple(max(1, width // divisor) for width in widths)


def _widths(variant: Variant, spec: RunSpec, size: Size, wide: Sequence[int], tasks: TaskSet, runs: _Earlier) -> tuple[int, ...]:
    if variant.network != "thin":
        return tuple(wide)
    if variant.omega is not None:
        return thin_widths(max(1, variant.omega // size.divisor), wide)
    goal = runs.reference().metrics["selected"]["weights"]
    return thin_widths(matching_omega(goal, len(tasks), wide, size.image_size), wide)


def matching_omega(weights: float, num_tasks: int, wide: Sequence[int], input_size: int) -> int:
    """The omega of the thin model without branches whose number of weights comes closest to `weights`."""

    def gap(omega: int) -> float:
        with torch.device("meta"):
            return abs(count_weights(BranchedVGG(Tree.trunk(num_tasks), thin_widths(omega, wide), input_size=input_size)) - weights)

    return min(range(1, max(wide[:CONVOLUTIONS]) + 1), key=gap)


def _build(network: str, widths: Sequence[int], num_tasks: int, size: Size, structure: Any = None) -> nn.Module:
    if network == "low-rank":
        ranks = _divided(RANKS, size.divisor)
        return LowRankVGG(num_tasks, widths, ranks=ranks, output_rank=max(1, OUTPUT_RANK // size.divisor), input_size=size.image_size)
    tree = Tree.trunk(num_tasks) if structure is None else Tree.from_list(structure)
    return BranchedVGG(tree, widths, input_size=size.image_size)


def _begin(variant: Variant, build: Callable[..., nn.Module], weights: str | None, spec: RunSpec, runs: _Earlier) -> Start:
    """The network before the first step: random, or from a wide one as Sec. 4.5 says."""
    torch.manual_seed(spec.seed)
    net = build()
    structure = net.tree.to_list() if isinstance(net, BranchedVGG) else {"low_rank": True}
    if variant.pretrained and (weights is not None or spec.scale != "paper"):
        wide = read_vgg16(weights) if weights is not None else _source_filters(runs.source(), net.input_size)
        (start_low_rank if variant.network == "low-rank" else start_from_wide)(net, wide)
    return Start(structure=structure, weights=net.state_dict())


def _source_filters(source: Run, input_size: tuple[int, int]) -> Filters:
    size = size_of("celeba-twin", source.spec.scale)
    wide = BranchedVGG(Tree.trunk(1), _divided(VGG16_WIDTHS, size.divisor), input_size=input_size)
    return filters_of(source.network(_Rebuilt(wide)))


@dataclass(frozen=True)
class _Rebuilt:
    """As much of a plan as `Run.network` needs, without the data."""

    net: nn.Module

    def build(self, structure: Any = None) -> nn.Module:
        return self.net


def _regrouped(how: str, spec: RunSpec, train: ImageData, runs: _Earlier, *_: Any, **__: Any) -> Start:
    """The tree of the reference with the tasks dealt anew, and random weights."""
    tree = Tree.from_list(runs.reference().record["structure"])
    changed = {
        "original": lambda: tree,
        "swapped": lambda: swapped(tree),
        "shuffled": lambda: shuffled(tree, seed=spec.seed),
        "correlated": lambda: grouped_by(tree, label_affinity(train.labels), seed=spec.seed),
    }[how]()
    return Start(structure=changed.to_list())


def _taught(train: ImageData, spec: RunSpec, root: str | Path | None, runs: _Earlier, teachers: Mapping[str, Run]) -> ImageData:
    """The union of both training sets, labels of the other domain given by the network that learned it alone."""
    answers = []
    for dataset, run in teachers.items():
        size = size_of(dataset, spec.scale)
        num_tasks = len(run.record["tasks"])
        net = run.network(_Rebuilt(_build("vgg", _divided(VGG16_WIDTHS, size.divisor), num_tasks, size)))
        answers.append(predict(net, train.images).sigmoid())
    return fill_unknown(train, torch.cat(answers, dim=1))


def _scores(teachers: Mapping[str, Run]) -> dict[str, float]:
    names = ("mean_accuracy", "top10_recall", "top3_accuracy", "top5_accuracy")
    return {name: run.metrics["selected"][name] for run in teachers.values() for name in names if name in run.metrics["selected"]}


def _known_groups(spec: RunSpec, tasks: TaskSet) -> dict[str, list[str]]:
    """Groupings of the face attributes that are known: by the part that shows them and, in the twin, by their hidden cause."""
    if any(task.group == CLOTHES for task in tasks) or len(tasks) < 2:
        return {}
    known = {"region": [task.group for task in tasks]}
    if spec.dataset == "celeba-twin":
        known["factor"] = [factor_of(task.name) or task.name for task in tasks]
    return known


def _note(variant: Variant, size: Size, weights: str | None, widths: Sequence[int]) -> str:
    if not variant.pretrained or (weights is None and size.divisor == 1):
        start = "random initial weights"
    else:
        start = (
            "VGG-16 weights given by the user"
            if weights
            else f"started from a wide network that learned {SOURCE_TASK} on other drawn faces"
        )
    return f"channels of a branch {', '.join(map(str, widths))}; {start}"


#: Variant and dataset of every run that the claims ask for, those that others start from first.
EVIDENCE: tuple[tuple[str, str], ...] = (
    *((name, "celeba-twin") for name in ("source", "vgg", "thin-32", REFERENCE, "branch-32-1.0", "branch-64-1.0", "low-rank", "matched")),
    *((name, "celeba-twin") for name in ("regroup-original", "regroup-swapped", "regroup-shuffled", "regroup-correlated")),
    *((name, "celeba-twin") for name in ("vgg-scratch", "thin-32-scratch", "branch-32-2.0-scratch")),
    *((name, "deepfashion-twin") for name in ("vgg", "low-rank")),
    *((name, f"{JOINT}-twin") for name in ("branch-32-2.0", "branch-64-2.0")),
)


def evidence(scale: str = "reduced", seeds: Sequence[int] = range(5)) -> list[RunSpec]:
    """The runs that the chapter's claims ask for."""
    return [RunSpec(PAPER, name, dataset, scale, seed) for name, dataset in EVIDENCE for seed in seeds]
