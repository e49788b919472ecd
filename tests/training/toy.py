"""A tiny plan for tests, and a program that runs it: python toy.py RESULT [--precision P] ..."""

from __future__ import annotations

import argparse
import json
import os
import time
from functools import partial
from pathlib import Path

import torch
from mtattr.data.image_data import ImageData
from mtattr.evaluation.accuracy import mean_accuracy
from mtattr.nets.output import Output
from mtattr.tasks import Task, TaskSet
from mtattr.training import FitSettings, Loop, Measures, Plan, RunSpec, fit_or_load
from mtattr.training.device import open_fabric
from torch import nn

#: Seconds that a training step takes longer; no part of the plan, so that it is the same run.
PAUSE = "TOY_PAUSE"
TASKS = TaskSet([Task("class", "categorical", ("dark", "mid", "bright")), Task("red"), Task("never known")])


class ToyNet(nn.Module):
    """A convolution with batch norm and dropout: everything that carries state."""

    def __init__(self) -> None:
        super().__init__()
        # No bias before batch norm, as in the backbones: its gradient is 0, and Adam would step along the rounding noise.
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.2))
        self.head = nn.Linear(6, TASKS.num_units)

    def forward(self, images):
        if self.training and PAUSE in os.environ:
            time.sleep(float(os.environ[PAUSE]))
        return Output(self.head(self.body(images).mean(dim=(2, 3))))


class ToyWeighting(nn.Module):
    """Weights that drift towards the watched losses, and a trained scale: a buffer and a parameter to carry along."""

    def __init__(self, num_tasks: int, watches: str | None = "validation", follows: bool = True) -> None:
        super().__init__()
        self.watches, self.follows = watches, follows
        self.register_buffer("weights", torch.ones(num_tasks))
        self.scale = nn.Parameter(torch.ones(num_tasks))

    def observe(self, losses):
        if self.follows:
            self.weights += 0.1 * (losses.nan_to_num(1.0) - self.weights)

    def forward(self, losses, features=None):
        return (self.scale.exp() * self.weights * losses - self.scale).sum()

    def trace(self):
        return {"weight": self.weights, "never": torch.full_like(self.weights, torch.nan)}


def toy_data(split: str, n: int) -> ImageData:
    generator = torch.Generator().manual_seed(sum(map(ord, split)))
    images = torch.randint(0, 256, (n, 3, 8, 8), dtype=torch.uint8, generator=generator)
    mean = images.float().mean(dim=(2, 3))
    labels = torch.stack(
        [(mean.mean(1) > 124).float() + (mean.mean(1) > 130), (mean[:, 0] > mean[:, 1]).float(), torch.full((n,), torch.nan)], dim=1
    )
    labels[::5, 1] = torch.nan
    return ImageData(images, labels, TASKS, tuple(f"{split}{i}" for i in range(n)), "toy", split)


def toy_plan(*, epochs: int = 3, dropout: bool = True, watches: str | None = None) -> Plan:
    def build() -> nn.Module:
        net = ToyNet()
        if not dropout:
            net.body[3].p = 0.0
        return net

    return Plan(
        data={"train": toy_data("train", 84), "val": toy_data("val", 30), "test": toy_data("test", 31)},
        build=build,
        task_weights=torch.tensor([0.5, 0.3, 0.2]),
        settings=FitSettings(epochs=epochs, batch_size=16, learning_rate=0.003, schedule="cosine", flip=True, shift=1),
        measures=Measures(
            metrics=lambda logits, labels, tasks: {"mean_accuracy": mean_accuracy(logits, labels, tasks)},
            select_by="mean_accuracy",
            floors=lambda labels, tasks: {},
        ),
        weighting=None if watches is None else partial(ToyWeighting, watches=watches),
    )


def toy_spec(seed: int = 0, **settings) -> RunSpec:
    return RunSpec("attribute_estimation", "toy", "toy", "smoke", seed, settings)


def toy_loop(checkpoint: Path, **changes) -> Loop:
    fabric = open_fabric(device="cpu", precision="32-true")
    return Loop(**{"fabric": fabric, "seed": 0, "checkpoint": checkpoint, "identity": {"a": 1}, "progress": False} | changes)


def same(a, b) -> None:
    """Two sets of tensors have the same names and bits."""
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name].nan_to_num(-9), b[name].nan_to_num(-9)), name


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("result", type=Path)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--no-dropout", action="store_true")
    parser.add_argument("--watches")
    given = parser.parse_args()
    torch.set_num_threads(1)
    run = fit_or_load(
        toy_spec(),
        plan=toy_plan(dropout=not given.no_dropout, watches=given.watches),
        precision=given.precision,
        checkpoint_seconds=0,
        device="cpu",
    )
    if int(os.environ.get("RANK", 0)) == 0:
        given.result.write_text(json.dumps({"folder": str(run.folder)}))
