"""Recipe of Kimura and Tanaka 2019: variants, settings, plans and the runs of the claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from mtattr.channel_attention.loss import losses
from mtattr.channel_attention.measurements import analyse, floors, metrics, task_metrics
from mtattr.channel_attention.network import ChannelAttentionNet, MultiLabelNet
from mtattr.channel_attention.sizes import PAPER, SIZES, Size, load_splits, size_of
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.evaluation import count_parameters
from mtattr.nets.matching import closest
from mtattr.tasks import TaskSet
from mtattr.training import Measures, Plan, Run, RunSpec
from mtattr.training.recipe import EPOCHS, RATE, WEIGHTS, Settings, check_spec

#: Edition of the sizes and schedules, that of the claims in paper.yaml.
EDITION = 2


@dataclass(frozen=True)
class Variant:
    """The proposed network with one part changed, or a plain network.

    Args:
        options: of `ChannelAttentionNet`.
        losses: options of `channel_attention_loss`.
        plain: extractor and multi-label head alone.
        matched: as many parameters as the proposed network.
        train_masks: False = masks stay as initialised.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    losses: Mapping[str, Any] = field(default_factory=dict)
    plain: bool = False
    matched: bool = False
    train_masks: bool = True


VARIANTS: dict[str, Variant] = {
    "mcan": Variant(),
    "plain": Variant(plain=True),
    "matched": Variant(plain=True, matched=True),
    "unmasked": Variant({"mask": "none"}),
    "single": Variant({"mask": "single"}),
    "product": Variant({"keep_one": False}),
    "no-reconstruction": Variant({"reconstruct": False}),
    "no-multilabel": Variant({"multilabel": False}),
    "no-sparsity": Variant(losses={"lam": 0.0}),
    "summed-pixels": Variant(losses={"pixels": "sum"}),
    "frozen-masks": Variant(train_masks=False),
    "no-context": Variant({"context": False}),
}

_WEIGHT = (int | float, lambda w: 0 <= w <= 1e6, "a number of at least 0 and at most a million")
#: Allowed settings: name -> (types, predicate, description for error messages).
SETTINGS: Settings = {
    "epochs": EPOCHS,
    "learning_rate": RATE,
    "beta": _WEIGHT,
    "gamma": _WEIGHT,
    "lam": _WEIGHT,
    "chunk": (
        int | None,
        lambda attributes: attributes is None or attributes >= 1,
        "a whole number of attributes of at least 1, or null",
    ),
    "weights": WEIGHTS,
}


def check(spec: RunSpec) -> None:
    """Raise `InputError` for what is wrong with `spec` itself, before any data are read."""
    check_spec(spec, variants=VARIANTS, sizes=SIZES, settings=SETTINGS)
    variant, settings = VARIANTS[spec.variant], spec.settings
    without = {
        "beta": variant.plain or not variant.options.get("multilabel", True),
        "gamma": variant.plain or not variant.options.get("reconstruct", True),
        "lam": variant.plain or "lam" in variant.losses or variant.options.get("mask") == "none",
        "chunk": variant.plain or variant.options.get("mask") == "none",
    }
    if unused := [name for name, lacking in without.items() if lacking and name in settings]:
        raise InputError(f"setting {unused[0]} has no effect on {spec.variant}")
    if settings.get("weights") is not None:
        if variant.matched or spec.scale != "paper":
            raise InputError(
                f"setting weights: VGG-16 fits scale paper, not {spec.variant} at {spec.scale}"
            )
        # Only the network can tell whether a file fits; later the run's folder would be made.
        network(spec, TaskSet.binary("ab"))


def requires(spec: RunSpec) -> list[RunSpec]:
    """No earlier runs."""
    return []


def data(spec: RunSpec, *, root: str | Path | None = None, **options: Any) -> dict[str, ImageData]:
    """The splits of the dataset at the scale's size; a generated set is drawn anew by seed."""
    return load_splits(spec.dataset, spec.scale, draw=spec.seed, root=root, **options)


def plan(
    spec: RunSpec, data: Mapping[str, ImageData], runs: Mapping[RunSpec, Run] = MappingProxyType({})
) -> Plan:
    """The plan of `spec`.

    Settings: epochs, learning_rate; beta, gamma and lam of Eq. 6 instead of the paper's 1, 4 and
    1e-5; chunk of the masks; weights (safetensors of VGG-16 at paper scale, else random).

    Raises:
        InputError: a task is not binary.
    """
    settings, variant = dict(spec.settings), VARIANTS[spec.variant]
    size, tasks = size_of(spec.dataset, spec.scale), data["train"].tasks
    if tasks.categorical_indices:
        raise InputError("expected binary attributes: a mask answers one yes-or-no question")
    build = partial(network, spec, tasks)
    given = {name: settings[name] for name in ("beta", "gamma", "lam") if name in settings}
    start = "weights given by the user" if settings.get("weights") else "random initial weights"
    return Plan(
        data=data,
        build=build,
        settings=replace(
            size.fit,
            epochs=settings.get("epochs", size.fit.epochs),
            learning_rate=settings.get("learning_rate", size.fit.learning_rate),
        ),
        measures=Measures(
            metrics=metrics,
            select_by="mean_accuracy",
            floors=floors,
            task_metrics=task_metrics,
            analyse=partial(analyse, partial(_untrained, build, spec.seed)),
        ),
        losses=partial(losses, **variant.losses | given),
        notes=(start,),
    )


def network(spec: RunSpec, tasks: TaskSet, structure: Any = None) -> nn.Module:
    """The untrained network of `spec` for any binary tasks."""
    variant, size = VARIANTS[spec.variant], size_of(spec.dataset, spec.scale)
    options = {"image_size": size.image_size, **size.network} | {
        key: spec.settings[key] for key in ("chunk", "weights") if key in spec.settings
    }
    if variant.plain:
        return _plain(len(tasks), size, options, matched=variant.matched)
    net = ChannelAttentionNet(len(tasks), size.channels, **options | variant.options)
    if not variant.train_masks:
        net.masks.requires_grad_(False)
    return net


def _plain(
    num_attributes: int, size: Size, network: Mapping[str, Any], *, matched: bool
) -> MultiLabelNet:
    own = {
        key: value
        for key, value in network.items()
        if not key.startswith("mask") and key != "chunk"
    }

    def widened(step: int) -> MultiLabelNet:
        factor = step / 64
        width = {"width": factor * own.get("width", 1.0)}
        return MultiLabelNet(num_attributes, round(factor * size.channels), **own | width)

    if not matched:
        return widened(64)
    # The masks have no counterpart in the extractor, which is widened until it is as large.
    with torch.device("meta"):
        goal = count_parameters(ChannelAttentionNet(num_attributes, size.channels, **network))
    return widened(closest(range(64, 512), lambda step: count_parameters(widened(step)), goal))


def _untrained(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """The network before its training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


#: Variants that the claims ask for, in the order of their importance.
EVIDENCE = (
    "mcan",
    "plain",
    "matched",
    "unmasked",
    "frozen-masks",
    "no-context",
    "single",
    "no-reconstruction",
    "no-multilabel",
    "no-sparsity",
)


def evidence(scale: str = "reduced", seeds: Sequence[int] = range(5)) -> list[RunSpec]:
    """The runs that the chapter's claims ask for."""
    return [
        RunSpec(PAPER, variant, "celeba-twin", scale, seed)
        for variant in EVIDENCE
        for seed in seeds
    ]
