"""Speed of thin and branched networks against VGG-16, and of all branches at once against a loop.

Run: python benchmarks/branches.py [--batch 1 32] [--size 224] [--repeats 5] [--threads 2]
[--device cuda]

Networks of the paper's size with random weights, batch norm folded, each in the memory layout
that is faster for it, the branched ones with trees whose numbers of weights are those that Table
1 of Lu et al. 2017 prints. The networks take turns within a round, and the median over rounds of
each is compared with VGG-16's: the printed ratios are the goals. Then the branched networks
again, as a loop over branches. Last, the selection of filters (SOMP) from VGG-16 to thin-32, in
seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from mtattr.adaptive_sharing import (
    VGG16_WIDTHS,
    BranchedVGG,
    ThinVGG,
    Tree,
    count_weights,
    fold_batch_norm,
    low_rank_vgg16,
    thin_widths,
    vgg16,
)
from mtattr.adaptive_sharing.initialise import filters_of, start_from_wide
from mtattr.evaluation import seconds_in_turn

NUM_TASKS = 40
#: Branches of each layer, omega, and the printed time of VGG-16 over that of the network.
TREES = {
    "branch-32-1.0": ((1, 1, 1, 1, 4, 4, 4, 6, 6, 6, 8, 8, 8, 9, 13), 32, 3.5),
    "branch-32-2.0": ((1, 1, 1, 1, 5, 5, 6, 7, 8, 9, 11, 12, 12, 13, 16), 32, 2.1),
    "branch-64-1.0": ((1, 1, 1, 1, 2, 2, 2, 4, 4, 4, 6, 6, 7, 8, 18), 64, 2.2),
}
SOMP_SECONDS = 60


def tree_with(copies: Sequence[int], num_tasks: int) -> Tree:
    """A balanced tree with so many branches in each layer."""
    counts = [*copies, num_tasks]
    return Tree(
        tuple(
            tuple(k * below // here for k in range(here))
            for below, here in zip([1, *counts], counts, strict=False)
        )
    )


def networks(size: int, device: str) -> dict[str, nn.Module]:
    """VGG-16 and what is compared with it, folded, in evaluation mode."""
    made = {
        "VGG-16": vgg16(NUM_TASKS, size),
        "low-rank": low_rank_vgg16(NUM_TASKS, size),
        "thin-32": ThinVGG(NUM_TASKS, 32, size),
    }
    for name, (copies, omega, _) in TREES.items():
        made[name] = BranchedVGG(
            tree_with(copies, NUM_TASKS), thin_widths(omega, VGG16_WIDTHS), input_size=size
        )
    return {name: fold_batch_norm(net).to(device) for name, net in made.items()}


@torch.no_grad()
def in_faster_layout(nets: dict[str, nn.Module], images: Tensor) -> dict[str, nn.Module]:
    """Each network in its faster memory layout, by the best of three passes."""
    chosen = {}
    for name, net in nets.items():
        taken = {}
        for layout in (torch.contiguous_format, torch.channels_last):
            net.to(memory_format=layout)
            taken[layout] = min(answers_in_turn({name: net}, images, 1)[name] for _ in range(3))
        chosen[name] = net.to(memory_format=min(taken, key=taken.get))
    return chosen


@torch.no_grad()
def answers_in_turn(nets: dict[str, nn.Module], images: Tensor, repeats: int) -> dict[str, float]:
    """Median seconds of a forward pass of each network."""
    return seconds_in_turn(
        {name: partial(net, images) for name, net in nets.items()},
        repeats=repeats,
        device=images.device,
    )


def somp_seconds() -> float:
    """From a full VGG-16 to thin-32, all 15 layers."""
    filters = filters_of(vgg16(NUM_TASKS))
    began = time.perf_counter()
    start_from_wide(ThinVGG(NUM_TASKS, 32), filters)
    return time.perf_counter() - began


def main() -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    goals = {"thin-32": 6.5} | {name: ratio for name, (_, _, ratio) in TREES.items()}
    nets, ratios = networks(given.size, given.device), {}
    for batch in given.batch:
        images = torch.rand(batch, 3, given.size, given.size, device=given.device)
        nets = in_faster_layout(nets, images)
        repeats = given.repeats if batch > 1 else 4 * given.repeats
        seconds = answers_in_turn(nets, images, repeats)
        print(
            f"\n{batch} image{'s' * (batch > 1)} of {given.size} px, {given.device},"
            f" {given.threads} threads"
        )
        print(f"{'network':<16}{'weights':>14}{'ms':>10}{'times VGG-16':>14}{'goal':>8}")
        for name, value in seconds.items():
            ratios[f"{name} batch {batch}"] = ratio = seconds["VGG-16"] / value
            goal = (
                f"{goals[name]:>8}{'' if ratio >= goals[name] else '  MISSED'}"
                if name in goals
                else ""
            )
            print(
                f"{name:<16}{count_weights(nets[name]):>14,}{1000 * value:>10.1f}"
                f"{ratio:>14.2f}{goal}"
            )
        both = {}
        for name in TREES:
            for execution in ("grouped", "loop"):
                both[f"{name} {execution}"] = net = fold_batch_norm(nets[name])
                net.execution = execution
        seconds = answers_in_turn(both, images, repeats)
        for name in TREES:
            ratios[f"{name} grouped batch {batch}"] = ratio = (
                seconds[f"{name} loop"] / seconds[f"{name} grouped"]
            )
            print(
                f"{name:<16}grouped {1000 * seconds[f'{name} grouped']:.1f} ms, loop"
                f" {1000 * seconds[f'{name} loop']:.1f} ms: {ratio:.2f} x"
            )
    ratios["somp seconds"] = taken = somp_seconds()
    print(
        f"\nSOMP from VGG-16 to thin-32: {taken:.1f} s (goal: at most {SOMP_SECONDS}"
        f" s{'' if taken <= SOMP_SECONDS else ', MISSED'})"
    )
    return ratios


if __name__ == "__main__":
    main()
