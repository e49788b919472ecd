"""Initial states of a training: structure, weights from other networks, pseudo-labels."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from mtattr.adaptive_sharing.affinity import affinity_beyond_chance
from mtattr.adaptive_sharing.domains import fill_unknown
from mtattr.adaptive_sharing.initialise import Filters, filters_of, start_from_wide, start_low_rank
from mtattr.adaptive_sharing.layout import CONVOLUTIONS, thin_widths
from mtattr.adaptive_sharing.low_rank import OUTPUT_RANK, RANKS, LowRankVGG
from mtattr.adaptive_sharing.network import BranchedVGG, count_weights
from mtattr.adaptive_sharing.regroup import grouped_by, label_affinity, shuffled, swapped
from mtattr.adaptive_sharing.search import affinity_from
from mtattr.adaptive_sharing.sizes import PAPER, Size, divided, domains_of, size_of
from mtattr.adaptive_sharing.somp import somp
from mtattr.adaptive_sharing.tree import Tree
from mtattr.data.image_data import ImageData
from mtattr.training import Initial, Run, RunSpec, predict

#: The search whose trees the regrouped and the matched networks take.
REFERENCE = "branch-32-2.0"
#: The source network learns one attribute on another draw of the face twin: other people.
SOURCE, SOURCE_DATASET, SOURCE_DRAW, SOURCE_TASK = "source", "celeba-twin", 1_000_003, "Male"


#: How filters are selected: k of the rows `(N, d)`.
SELECTIONS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "somp": somp,
    "random": lambda rows, k: torch.randperm(len(rows))[:k],
}


def earlier(spec: RunSpec, variant: str, dataset: str, settings: Sequence[str] = ()) -> RunSpec:
    """The run of another variant at the scale and seed of `spec`, with some of its settings."""
    kept = {name: value for name, value in spec.settings.items() if name in settings}
    return RunSpec(PAPER, variant, dataset, spec.scale, spec.seed, kept)


def source_of(spec: RunSpec) -> RunSpec:
    """The wide network whose filters a pretrained one takes, below paper scale.

    As in the paper there is one, whatever the seed of those that start from it.
    """
    return replace(earlier(spec, SOURCE, SOURCE_DATASET), seed=0)


def reference_of(spec: RunSpec) -> RunSpec:
    """The search whose tree is taken, with the same settings."""
    return earlier(spec, REFERENCE, spec.dataset, tuple(spec.settings))


def teachers_of(spec: RunSpec) -> list[RunSpec]:
    """The wide network of each domain that `spec` joins; none for one domain."""
    domains = domains_of(spec.dataset)
    kept = ("epochs", "learning_rate", "weights")
    return [earlier(spec, "vgg", name, kept) for name in domains] if len(domains) > 1 else []


def build_network(network: str, widths: Sequence[int], num_tasks: int, size: Size) -> nn.Module:
    """The "low-rank" baseline, or one trunk of `widths`."""
    if network == "low-rank":
        # Colours and tasks are not divided: so the first ranks are divided less, the last is kept.
        ranks = [max(rank, 4) for rank in divided(RANKS, size.divisor)]
        return LowRankVGG(
            num_tasks, widths, ranks=ranks, output_rank=OUTPUT_RANK, input_size=size.image_size
        )
    return BranchedVGG(Tree.trunk(num_tasks), widths, input_size=size.image_size)


def begin(
    build: Callable[[], nn.Module],
    seed: int,
    wide: Callable[[], Filters] | None,
    *,
    filters: str = "somp",
) -> Initial:
    """The network before its first step: random, or filled from a wide one (Sec. 3.1 and 4.5).

    Args:
        build: makes the network.
        seed: of its random weights.
        wide: gives the filters of the wide network, None for random weights.
        filters: selection of a thin network's filters, by "somp" or at "random".
    """
    torch.manual_seed(seed)
    net = build()
    low_rank = isinstance(net, LowRankVGG)
    if wide is not None and low_rank:
        start_low_rank(net, wide())
    elif wide is not None:
        start_from_wide(net, wide(), select=SELECTIONS[filters])
    return Initial({"low_rank": True} if low_rank else net.structure, net.state_dict())


def source_filters(run: Run) -> Filters:
    """The filters of the source network, its batch norm folded in."""
    wide = size_of(run.spec.dataset, run.spec.scale)
    return filters_of(run.network(_Rebuilt(build_network("vgg", wide.wide, 1, wide))))


def regrouped(how: str, train: ImageData, reference: Run) -> Initial:
    """The reference's tree with its tasks dealt anew, and random weights.

    Args:
        how: "original" leaves them, "swapped" exchanges the halves (Fig. 3), "shuffled" deals at
            random; two group into as many branches, "correlated" by the correlation of the
            training labels and "corrected" by the affinity beyond chance.
        train: the training split.
        reference: the finished search.
    """
    record, seed = reference.record, reference.spec.seed
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
    return Initial(found | {"tree": dealt[how]().to_list()})


def iterations_of(run: Run) -> int:
    """Training steps of a finished run, those of its search included."""
    size = size_of(run.spec.dataset, run.spec.scale)
    batches = run.record["data"]["splits"]["train"] // size.fit.batch_size
    return run.record.get("search", {}).get("iterations", 0) + len(run.history) * batches


def matching_omega(weights: float, num_tasks: int, wide: Sequence[int], input_size: int) -> int:
    """The omega of the thin model without branches whose size is closest to `weights`."""

    def size(omega: int) -> int:
        with torch.device("meta"):
            widths = thin_widths(omega, wide)
            return count_weights(BranchedVGG(Tree.trunk(num_tasks), widths, input_size=input_size))

    # Sizes grow with omega.
    omegas = range(1, max(wide[:CONVOLUTIONS]) + 1)
    above = bisect.bisect_left(omegas, weights, key=size)
    return min(omegas[max(above - 1, 0) : above + 1], key=lambda omega: abs(size(omega) - weights))


def taught(train: ImageData, teachers: Sequence[Run]) -> ImageData:
    """Both training sets, unknown labels predicted by the teacher of their domain (Sec. 4.3)."""
    answers = []
    for run in teachers:
        size = size_of(run.spec.dataset, run.spec.scale)
        net = run.network(_Rebuilt(build_network("vgg", size.wide, len(run.record["tasks"]), size)))
        answers.append(predict(net, train.images).sigmoid())
    return fill_unknown(train, torch.cat(answers, dim=1))


@dataclass(frozen=True)
class _Rebuilt:
    """The part of a plan that `Run.network` needs; the run's own plan would load its data."""

    net: nn.Module

    def build(self, structure: Any = None) -> nn.Module:
        return self.net
