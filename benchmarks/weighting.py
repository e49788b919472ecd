"""What the validation loss trend adds to a training step, beyond the forward pass of the validation half.

Run: python benchmarks/weighting.py [--steps 1200] [--interval 20] [--device cuda]

One training by the library's own loop. Its steps take turns: in one the weights are fixed and nobody uses the losses of
the validation half, in the next `ValidationLossTrend` observes them, weighs the objective and is traced, and the third is
like the first. Prints the median step of each, by processor time on a CPU, and its ratio to the first: the third ratio
says how far the second can be trusted. The plan is that of the chapter's `reduced` runs on faces, with pictures of noise.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

from mtattr.adaptive_weighting import ValidationLossTrend
from mtattr.adaptive_weighting.recipe import plan
from mtattr.data.image_data import ImageData
from mtattr.tasks import Task, TaskSet
from mtattr.training import FixedWeights, Loop, Plan, RunSpec, fit
from mtattr.training.device import open_fabric

TASKS = TaskSet(Task(f"a{k}") for k in range(40))
GOAL = 1.02


class TurnAbout(nn.Module):
    """Fixed weights, a trend, and fixed weights again, one step each in turn; `starts` holds when each step began.

    The loop shows the losses of the validation half once a step, so what lies between two such calls is one step: the use
    of these losses, the training half, the update, and the forward pass of the next validation half.
    """

    watches = "validation"

    def __init__(self, num_tasks: int, interval: int) -> None:
        super().__init__()
        ones = torch.ones(num_tasks)
        self.arms = nn.ModuleList(
            [FixedWeights(ones), ValidationLossTrend(num_tasks, interval), FixedWeights(ones)]
        )
        self.starts: list[float] = []

    @property
    def arm(self) -> nn.Module:
        return self.arms[(len(self.starts) - 1) % len(self.arms)]

    @property
    def weights(self) -> Tensor:
        return self.arm.weights

    def observe(self, losses: Tensor) -> None:
        if losses.is_cuda:
            torch.cuda.synchronize()
        # Processor time does not count what other programs do; a GPU's work is in no processor's time.
        self.starts.append(time.perf_counter() if losses.is_cuda else time.process_time())
        self.arm.observe(losses)

    def forward(self, losses: Tensor, features: Tensor | None = None) -> Tensor:
        return self.arm(losses, features)

    def trace(self) -> dict[str, Tensor]:
        return self.arm.trace()


def noise(split: str, n: int, size: int) -> ImageData:
    generator = torch.Generator().manual_seed(n)
    images = torch.randint(0, 256, (n, 3, size, size), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 2, (n, len(TASKS)), generator=generator).float()
    return ImageData(images, labels, TASKS, tuple(f"{split}{i}" for i in range(n)), "noise", split)


def step_seconds(steps: int, size: int, interval: int, device: str) -> list[list[float]]:
    """Seconds of every step, a list for each of the three ways in turn, from one training of one epoch."""
    spec = RunSpec("adaptive_weighting", "weighted", "celeba-twin", "reduced", 0)
    counts = {"train": 32 * (steps + 1), "val": 512, "test": 2}
    chapter: Plan = plan(spec, data={split: noise(split, n, size) for split, n in counts.items()})
    weighting = TurnAbout(len(TASKS), interval)
    once = replace(
        chapter, weighting=lambda num_tasks: weighting, settings=replace(chapter.settings, epochs=1)
    )
    with tempfile.TemporaryDirectory() as folder:
        checkpoint, never = Path(folder) / "checkpoint", math.inf
        fabric = open_fabric(device=device)
        fit(once, Loop(fabric, 0, checkpoint, {}, checkpoint_seconds=never, progress=False))
    seconds = [
        end - start for start, end in zip(weighting.starts, weighting.starts[1:], strict=False)
    ]
    return [seconds[turn::3] for turn in range(3)]


def main() -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--interval", type=int, default=20)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(1)
    fixed, trend, again = step_seconds(**vars(given))
    # An update comes once an interval, so the median step has none: its cost is added as spread over the interval.
    updates = trend[given.interval - 1 :: given.interval]
    without = median(seconds for i, seconds in enumerate(trend, start=1) if i % given.interval)
    with_updates = without + ((median(updates) - without) / given.interval if updates else 0.0)
    rows = {
        "fixed weights": median(fixed),
        "validation loss trend": with_updates,
        "fixed weights again": median(again),
    }
    print(
        f"{len(TASKS)} tasks, {given.size} px, 32 + 32 images, new weights every {given.interval} steps, {given.device}, one thread"
    )
    for name, seconds in rows.items():
        print(f"{name:<24}{1000 * seconds:9.3f} ms a step{seconds / rows['fixed weights']:9.4f} x")
    ratio = with_updates / median(fixed)
    print(
        f"goal for the trend: at most {GOAL} x the step with fixed weights; {'met' if ratio <= GOAL else 'MISSED'}"
    )
    return rows | {"ratio": ratio}


if __name__ == "__main__":
    main()
