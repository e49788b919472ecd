"""The search for the tree: train, group, widen, again (Lu et al. 2017, Alg. 1)."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mtattr.adaptive_sharing.affinity import ErrorAffinity, branch_affinity, chance_affinity
from mtattr.adaptive_sharing.grouping import choose_branches, unit_cost
from mtattr.adaptive_sharing.layout import LAYERS
from mtattr.adaptive_sharing.tree import Tree
from mtattr.errors import InputError, whole_number
from mtattr.evaluation import rank_correlation
from mtattr.training import Initial, Loop, Plan, Trained, fit
from mtattr.training.checkpoint import load_tensors, save_tensors, with_prefix

_log = logging.getLogger("mtattr.search")


@dataclass(frozen=True)
class SearchSettings:
    """Settings of a search.

    Args:
        alpha: branching factor of Eq. 9, at least 0.
        limits: most branches of each of the 15 layers.
        interval: iterations between two decisions.
        first_epochs: None: a round is the beginning of the training, left after `interval`
            iterations (paper). Else each round is a short training of its own, whose rate falls as
            in a long one: the first of so many epochs, others of the fewest that hold `interval`.
        decay: of the moving average behind the affinity.
        retest: ask a layer that did not split again after every further interval (released code);
            else the tree is final at the first layer that does not split (paper).
    """

    alpha: float
    limits: Sequence[int]
    interval: int = 1000
    first_epochs: int | None = None
    decay: float = 0.99
    retest: bool = False

    def __post_init__(self) -> None:
        if (
            isinstance(self.alpha, bool)
            or not isinstance(self.alpha, int | float)
            or not 0 <= self.alpha < float("inf")
        ):
            raise InputError(f"alpha must be a number of at least 0, got {self.alpha!r}")
        whole_number("interval", self.interval)
        if self.first_epochs is not None:
            whole_number("first_epochs", self.first_epochs)
        if len(self.limits) != len(LAYERS) or min(self.limits) < 1:
            raise InputError(
                f"limits must be {len(LAYERS)} positive numbers, got {tuple(self.limits)}"
            )


@dataclass
class _State:
    """Progress of a search; JSON. `iterations` are those of the rounds that are over."""

    round: int = 0
    iterations: int = 0
    tests: int = 0
    done: bool = False
    structure: Any = None
    decisions: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0


def search(
    plan: Plan,
    loop: Loop,
    *,
    settings: SearchSettings,
    on_round: Callable[[Tree, Tensor, str], None] | None = None,
) -> Trained:
    """Lu et al. 2017, Algorithm 1: train the thin model, group, widen, again; train to the end.

    Each round trains for `interval` iterations, estimates the affinities from these very batches,
    and groups the branches at the junction; more than one group widens the layer below and starts
    the next round, with a fresh optimiser and learning rate schedule. The last round, which did
    not split, goes on as the final training; where rounds are trainings of their own, the final one
    begins anew from its weights. The state lies beside the loop's checkpoint, so a killed search
    goes on.

    Args:
        plan: the thin model (`initial`) and how it is trained.
        loop: device, seed, checkpoint.
        settings: alpha, limits, interval.
        on_round: called with tree, affinity `(T, T)` and name of the widened layer.
    """
    fabric = loop.fabric
    steps = max(1, len(plan.data["train"]) // plan.settings.batch_size)
    iterations = plan.settings.epochs * steps
    if settings.interval > iterations:
        raise InputError(
            f"an interval of {settings.interval} iterations is longer than the whole schedule of "
            f"{iterations}; make it shorter or raise epochs"
        )
    affinity = ErrorAffinity(len(plan.tasks), settings.decay).to(fabric.device)
    file = loop.checkpoint.parent / "search" / "rounds.safetensors"
    if file.exists():
        state, weights = _load(file, loop.identity, affinity)
    else:
        thin = plan.initial()  # line 1: the thin model, every task on one trunk
        state, weights = _State(structure=thin.structure), thin.weights
    while not state.done:
        started, here = time.monotonic(), _round(loop, state)
        tree = Tree.from_list(state.structure["tree"])
        at = tree.junction
        if not 2 <= at <= len(LAYERS):  # one task has nothing to group, conv1_1 is always shared
            state.done = True
            break
        # Train this model for a while; its errors on the way give the affinities (Eq. 6).
        asked, until = plan, settings.interval * (state.tests + 1)
        if settings.first_epochs is not None:
            short = math.ceil(settings.interval / steps)
            epochs = short if state.decisions else settings.first_epochs
            asked = replace(plan, settings=replace(plan.settings, epochs=epochs))
            until = epochs * steps
        initial = Initial(state.structure, weights)
        model = fit(asked, here, initial=initial, observer=affinity, stop_after=until).model
        net = getattr(model, "module", model)
        # Group the branches at the junction (Eq. 7 to 11).
        groups = choose_branches(
            branch_affinity(affinity.matrix, tree.tasks_of(at)),
            unit_cost(at - 1),
            settings.alpha,
            settings.limits[at - 1],
            loop.seed,
        )
        groups = fabric.broadcast(groups)
        state.decisions.append({"layer": LAYERS[at - 1], "iteration": until, "groups": groups})
        _log.info("%s: %s gets %d branches", here.title, LAYERS[at - 1], len(groups))
        split = len(groups) > 1
        if split:  # widen the layer below the junction, copies with the old filters
            net.widen(groups)
            state.tests = 0
        elif settings.retest and settings.interval * (state.tests + 1) < iterations:
            state.tests += 1
        else:
            state.done = True
        over = split or settings.first_epochs is not None
        if over:
            state.structure, weights = net.structure, net.state_dict()
            state.round, state.iterations = state.round + 1, state.iterations + until
        state.seconds += time.monotonic() - started
        if fabric.is_global_zero:
            _save(file, state, weights, loop.identity, affinity)
        fabric.barrier()
        if over and fabric.is_global_zero:
            here.checkpoint.unlink(missing_ok=True)
        if split and on_round is not None:
            on_round(net.tree, affinity.matrix, LAYERS[at - 1])
    final = replace(_round(loop, state), title=loop.title)
    trained = fit(plan, final, initial=Initial(state.structure, weights))
    return replace(trained, findings=_findings(state, affinity), metrics=_metrics(affinity))


def _round(loop: Loop, state: _State) -> Loop:
    """The loop of one round: its own checkpoint, and another order of the images."""
    return replace(
        loop,
        checkpoint=loop.checkpoint.parent / "search" / f"round-{state.round:02}.safetensors",
        identity={**loop.identity, "round": state.round},
        seed=loop.seed + 1_000_003 * state.round,
        title=f"{loop.title}, round {state.round + 1}",
    )


def _findings(state: _State, affinity: ErrorAffinity) -> dict[str, Any]:
    """Log of a search: affinities as rows above the diagonal, shares of difficult images."""
    matrix = affinity.matrix.cpu()
    pairs = [
        round(float(matrix[i, j]), 4) for i in range(len(matrix)) for j in range(i + 1, len(matrix))
    ]
    decisions = [
        {"layer": d["layer"], "iteration": d["iteration"], "branches": len(d["groups"])}
        for d in state.decisions
    ]
    shares = [round(float(share), 4) for share in affinity.difficult_share]
    return {
        "decisions": decisions,
        "iterations": state.iterations,
        "seconds": round(state.seconds, 3),
        "affinity": pairs,
        "difficult": shares,
    }


def affinity_from(findings: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """Affinity `(T, T)` and shares of difficult images `(T,)` of a record's `search`, float64."""
    shares = torch.tensor(findings["difficult"], dtype=torch.float64)
    matrix = torch.eye(len(shares), dtype=torch.float64)
    rows, columns = torch.triu_indices(len(shares), len(shares), offset=1)
    matrix[rows, columns] = matrix[columns, rows] = torch.tensor(
        findings["affinity"], dtype=torch.float64
    )
    return matrix, shares


def _metrics(affinity: ErrorAffinity) -> dict[str, float]:
    """Rank correlation, over pairs of tasks, of the affinities with those of chance alone."""
    rows, columns = torch.triu_indices(affinity.num_tasks, affinity.num_tasks, offset=1)
    expected = chance_affinity(affinity.difficult_share)[rows, columns]
    return {
        "affinity_chance_correlation": rank_correlation(affinity.matrix[rows, columns], expected)
    }


def _save(
    file: Path,
    state: _State,
    weights: Mapping[str, Tensor] | None,
    identity: Mapping[str, Any],
    affinity: ErrorAffinity,
) -> None:
    tensors = {f"net.{name}": value for name, value in (weights or {}).items()}
    tensors |= {f"affinity.{name}": value for name, value in affinity.state_dict().items()}
    save_tensors(file, tensors, {"identity": dict(identity), "state": asdict(state)})


def _load(
    file: Path, identity: Mapping[str, Any], affinity: ErrorAffinity
) -> tuple[_State, dict[str, Tensor] | None]:
    tensors, about = load_tensors(file, purpose="the rounds of a search")
    if about.get("identity") != dict(identity):
        raise InputError(
            f"{file}: belongs to another run ({about.get('identity')}), "
            f"expected {dict(identity)}; delete it to start anew"
        )
    try:
        affinity.load_state_dict(with_prefix(tensors, "affinity."))
        state = _State(**about["state"])
        Tree.from_list(state.structure["tree"])
    except (KeyError, RuntimeError, TypeError, InputError) as error:
        raise InputError(
            f"{file}: damaged ({type(error).__name__}: {error}); delete it to start anew"
        ) from None
    return state, with_prefix(tensors, "net.") or None
