"""Speed of the perception branch for forty tasks when passes share work; memory that chunks save.

Run: python benchmarks/attention.py [--backbone resnet101] [--tasks 40] [--batch 2] [--size 224]
[--repeats 5] [--threads 2] [--device cuda]

The textbook is a loop over tasks that calls the plain last stage of the backbone, with its plain
batch norm, on the features that the task attends to. Beside it the same as one batch ("fold") and
with everything before the first spatial mixing computed once ("shared"). First, peak memory of a
training step with all tasks at once and with chunks, each in a process of its own. Then forms
take turns within a round, and the median over rounds of the textbook is divided by that of each
form: for the perception branch alone and for the whole network, for an answer and for a training
step.
"""

from __future__ import annotations

import argparse
import copy
import subprocess
import sys
from collections.abc import Callable

import torch
from torch import Tensor

from mtattr.attention_branch import (
    MultitaskAttentionBranchNet,
    TaskStage,
    apply_attention,
    imagenet_resnet,
)
from mtattr.evaluation import peak_memory_mb, seconds_in_turn

GOALS = {"answer": 1.5, "training step": 1.0}
CHUNKS = (None, 20, 8, 4)


def textbook(stage: torch.nn.Module, features: Tensor, maps: Tensor) -> Tensor:
    """What the heads read, `(B, T, D)`, one pass after the other."""
    passes = (
        stage(apply_attention(features, maps[:, t : t + 1], residual=False))
        for t in range(maps.shape[1])
    )
    return torch.stack([last.mean((2, 3)) for last in passes], dim=1)


def perception_forms(given: argparse.Namespace, training: bool) -> dict[str, Callable[[], object]]:
    """The last stage alone, on features and maps of the backbone's size."""
    parts = imagenet_resnet(given.backbone, given.tasks)
    side = given.size // 16
    features = torch.rand(given.batch, parts.channels, side, side, device=given.device)
    maps = torch.rand(given.batch, given.tasks, side, side, device=given.device)
    plain = copy.deepcopy(parts.perception).train(training).to(given.device)
    stage, every = (
        TaskStage(parts.perception, given.tasks).train(training).to(given.device),
        slice(0, given.tasks),
    )
    return {
        "loop": timed(lambda x: textbook(plain, x, maps), features, training),
        "fold": timed(
            lambda x: stage(maps.unsqueeze(2) * x.unsqueeze(1), every).mean((3, 4)),
            features,
            training,
        ),
        "shared": timed(lambda x: stage(x, every, gates=maps).mean((3, 4)), features, training),
        "shared, 8 tasks at once": timed(lambda x: by_chunks(stage, x, maps), features, training),
    }


def by_chunks(stage: TaskStage, features: Tensor, maps: Tensor, size: int = 8) -> Tensor:
    """The shared form for `size` tasks at once, the network's `chunk`: tensors that fit a cache."""
    passes = [slice(first, first + size) for first in range(0, maps.shape[1], size)]
    return torch.cat(
        [stage(features, tasks, gates=maps[:, tasks]).mean((3, 4)) for tasks in passes], dim=1
    )


def network_forms(given: argparse.Namespace, training: bool) -> dict[str, Callable[[], object]]:
    """The whole network on images."""
    images = torch.rand(given.batch, 3, given.size, given.size, device=given.device)
    forms = {}
    net = MultitaskAttentionBranchNet(given.tasks, given.backbone).train(training).to(given.device)
    plain = imagenet_resnet(given.backbone, given.tasks).perception.train(training).to(given.device)

    def by_textbook(x: Tensor) -> Tensor:
        features = net.extractor(x)
        logits, maps = net.branch(features)
        weight, bias = net.head_difference
        return logits + torch.einsum("btd,td->bt", textbook(plain, features, maps), weight) + bias

    def by_library(x: Tensor, execution: str) -> Tensor:
        net.execution = execution
        output = net(x)
        return output.logits + output.extra["attention_logits"]

    forms["loop"] = timed(by_textbook, images, training)
    for execution in ("fold", "shared"):
        forms[execution] = timed(
            lambda x, execution=execution: by_library(x, execution), images, training
        )
    return forms


def timed(form: Callable[[Tensor], Tensor], given: Tensor, training: bool) -> Callable[[], object]:
    """An answer without gradients, or a forward and a backward pass."""

    def answer() -> object:
        with torch.no_grad():
            return form(given)

    def step() -> None:
        form(given.detach().requires_grad_()).sum().backward()

    return step if training else answer


def memory_of_step(given: argparse.Namespace) -> float:
    """Peak memory of this process in MB after one training step of the whole network."""
    net = (
        MultitaskAttentionBranchNet(given.tasks, given.backbone, chunk=given.chunk)
        .train()
        .to(given.device)
    )
    output = net(torch.rand(given.batch, 3, given.size, given.size, device=given.device))
    (output.logits + output.extra["attention_logits"]).sum().backward()
    return peak_memory_mb(torch.device(given.device))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backbone", default="resnet101")
    for name, default in (
        ("tasks", 40),
        ("batch", 2),
        ("size", 224),
        ("repeats", 5),
        ("threads", 2),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--chunk", type=int)
    parser.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    if given.memory:
        print(f"{memory_of_step(given):.0f}")
        return
    print(
        f"{given.backbone}, {given.tasks} tasks, {given.batch} images of {given.size} px,"
        f" {given.device}, {given.threads} threads"
    )
    # First, for a process begins with the highest memory use of the one that started it.
    for chunk in CHUNKS:
        size = [] if chunk is None else ["--chunk", str(chunk)]
        same = [
            f"--{name}={getattr(given, name)}"
            for name in ("backbone", "tasks", "batch", "size", "threads", "device")
        ]
        done = subprocess.run(
            [sys.executable, __file__, "--memory", *same, *size],
            capture_output=True,
            text=True,
            check=True,
        )
        tasks = "all tasks at once" if chunk is None else f"{chunk} tasks at once"
        print(f"training step, {tasks:<20}{int(done.stdout):>7,} MB")
    for what, forms_of in (
        ("perception branch", perception_forms),
        ("whole network", network_forms),
    ):
        for mode, training in (("answer", False), ("training step", True)):
            seconds = seconds_in_turn(
                forms_of(given, training), repeats=given.repeats, device=given.device
            )
            ratios = "  ".join(
                f"{name} {seconds['loop'] / s:.2f}x"
                for name, s in seconds.items()
                if name != "loop"
            )
            goal = f"  (goal {GOALS[mode]}x)" if what == "perception branch" else ""
            print(f"{what:<18}{mode:<14}loop {seconds['loop']:.3f} s  {ratios}{goal}")


if __name__ == "__main__":
    main()
