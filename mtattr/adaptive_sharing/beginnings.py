"""What a training begins with: a network, its first weights or its tree, and labels that other networks gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mtattr.adaptive_sharing.affinity import affinity_beyond_chance
from mtattr.adaptive_sharing.domains import fill_unknown
from mtattr.adaptive_sharing.initialise import (
    Filters,
    filters_of,
    read_vgg16,
    start_from_wide,
    start_low_rank,
)
from mtattr.adaptive_sharing.layout import CONVOLUTIONS, thin_widths
from mtattr.adaptive_sharing.low_rank import OUTPUT_RANK, RANKS, LowRankVGG
from mtattr.adaptive_sharing.network import BranchedVGG, count_weights
from mtattr.adaptive_sharing.regroup import grouped_by, label_affinity, shuffled, swapped
from mtattr.adaptive_sharing.scales import BATCH, PAPER, Size, divided, domains_of, size_of
from mtattr.adaptive_sharing.search import affinity_from
from mtattr.adaptive_sharing.somp import somp
from mtattr.adaptive_sharing.tree import Tree
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.training import Run, RunSpec, Start, predict

#: The search whose trees the regrouped and the matched networks take.
REFERENCE = "branch-32-2.0"
#: The source network learns one attribute, on another draw of the face twin: other people than those of seed 0.
SOURCE, SOURCE_DATASET, SOURCE_SEED, SOURCE_TASK = "source", "celeba-twin", 1, "Male"


#: How filters are selected: k of the rows `(N, d)`.
SELECTIONS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "somp": somp,
    "random": lambda rows, k: torch.randperm(len(rows))[:k],
}


@dataclass(frozen=True)
class EarlierRuns:
    """The finished runs that a run starts from, all of its scale and seed; `give` trains or reads them."""

    spec: RunSpec
    give: Callable[[RunSpec], Run] | None

    def of(self, variant: str, dataset: str, settings: Sequence[str] = ()) -> Run:
        """The run of a variant, with the settings of this run that are named; `InputError` if nobody gives runs."""
        if self.give is None:
            raise InputError(
                f"{self.spec.variant} starts from the run {variant} on {dataset}; call fit_or_load, which trains it first"
            )
        kept = {name: value for name, value in self.spec.settings.items() if name in settings}
        return self.give(RunSpec(PAPER, variant, dataset, self.spec.scale, self.spec.seed, kept))

    def reference(self) -> Run:
        """The search whose tree is taken, with the same settings."""
        return self.of(REFERENCE, self.spec.dataset, tuple(self.spec.settings))

    def teachers(self) -> dict[str, Run]:
        """The wide network of each domain, by dataset."""
        return {
            name: self.of("vgg", name, ("epochs", "learning_rate", "weights"))
            for name in domains_of(self.spec.dataset)
        }


def build_network(
    network: str, widths: Sequence[int], num_tasks: int, size: Size, structure: Any = None
) -> nn.Module:
    """The "low-rank" baseline, or any other network: what a run's `structure` says, one trunk of these widths if None."""
    if network == "low-rank":
        # Neither the colours of an image nor the tasks are divided: so the first bases are divided less, the last not at all.
        ranks = [max(rank, 4) for rank in divided(RANKS, size.divisor)]
        return LowRankVGG(
            num_tasks, widths, ranks=ranks, output_rank=OUTPUT_RANK, input_size=size.image_size
        )
    if structure is not None:
        return BranchedVGG.from_structure(structure)
    return BranchedVGG(Tree.trunk(num_tasks), widths, input_size=size.image_size)


def begin(
    build: Callable[[], nn.Module],
    seed: int,
    wide: Callable[[], Filters] | None,
    *,
    filters: str = "somp",
) -> Start:
    """The network before its first step: random, or filled from a wide one as Sec. 3.1 and 4.5 say.

    filters: how those of a thin network are selected, by "somp" or at "random".
    """
    torch.manual_seed(seed)
    net = build()
    low_rank = isinstance(net, LowRankVGG)
    if wide is not None and low_rank:
        start_low_rank(net, wide())
    elif wide is not None:
        start_from_wide(net, wide(), select=SELECTIONS[filters])
    return Start(
        structure={"low_rank": True} if low_rank else net.structure, weights=net.state_dict()
    )


def source_filters(runs: EarlierRuns, weights: str | None) -> Filters:
    """The filters of the user's VGG-16, or of the source network with its batch norm folded in."""
    if weights is not None:
        return read_vgg16(weights)
    run, size = runs.of(SOURCE, SOURCE_DATASET), size_of(SOURCE_DATASET, runs.spec.scale)
    return filters_of(run.network(_Rebuilt(build_network("vgg", size.wide, 1, size))))


def regrouped(how: str, train: ImageData, runs: EarlierRuns, *_: Any, **__: Any) -> Start:
    """The reference's tree with the tasks dealt anew, and random weights.

    how: "original" leaves them, "swapped" exchanges the halves (Fig. 3), "shuffled" deals at random; two group into as many
    branches, "correlated" by the correlation of the training labels and "corrected" by the affinity beyond chance.
    """
    record, seed = runs.reference().record, runs.spec.seed
    found = record["structure"]
    tree = Tree.from_list(found["tree"])
    dealt = {
        "original": lambda: tree,
        "swapped": lambda: swapped(tree),
        "shuffled": lambda: shuffled(tree, seed=seed),
        "correlated": lambda: grouped_by(tree, label_affinity(train.labels), seed=seed),
        "corrected": lambda: grouped_by(
            tree, affinity_beyond_chance(*affinity_from(record["search"])), seed=seed
        ),
    }
    return Start(structure=found | {"tree": dealt[how]().to_list()})


def iterations_of(run: Run) -> int:
    """Training steps of a finished run, those of its search included."""
    batches = run.record["data"]["splits"]["train"] // BATCH
    decisions = run.record.get("search", {}).get("decisions", [])
    # The last round is the beginning of the final training; each one before ended with a split.
    before = sum(decision["iteration"] for decision in decisions if decision["branches"] > 1)
    return before + len(run.history) * batches


def matching_omega(weights: float, num_tasks: int, wide: Sequence[int], input_size: int) -> int:
    """The omega of the thin model without branches whose number of weights comes closest to `weights`."""

    def gap(omega: int) -> float:
        with torch.device("meta"):
            return abs(
                count_weights(
                    BranchedVGG(
                        Tree.trunk(num_tasks), thin_widths(omega, wide), input_size=input_size
                    )
                )
                - weights
            )

    return min(range(1, max(wide[:CONVOLUTIONS]) + 1), key=gap)


def taught(train: ImageData, teachers: Mapping[str, Run]) -> ImageData:
    """The union of both training sets, unknown labels given by the network that learned their domain alone (Sec. 4.3)."""
    answers = []
    for dataset, run in teachers.items():
        size = size_of(dataset, run.spec.scale)
        net = run.network(_Rebuilt(build_network("vgg", size.wide, len(run.record["tasks"]), size)))
        answers.append(predict(net, train.images).sigmoid())
    return fill_unknown(train, torch.cat(answers, dim=1))


@dataclass(frozen=True)
class _Rebuilt:
    """As much of a plan as `Run.network` needs; the run's own would load its data."""

    net: nn.Module

    def build(self, structure: Any = None) -> nn.Module:
        return self.net
