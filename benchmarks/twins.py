"""How many pictures a second each twin draws, and how a linear probe and a small network do on it.

Run: python benchmarks/twins.py [--twins celeba-twin,...] [--sizes 32,64,128,224] [--device cuda] [--difficulty]

Speed is that of drawing alone, with all threads that torch may use, the best of three rounds. With `--difficulty` the
probe and a small network learn from drawn pictures, and the spread over tasks says whether the twin can tell methods apart.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor

from mtattr.data import TWIN_WRITERS, load_dataset
from mtattr.data.image_data import ImageData
from mtattr.data.options import ImageSize
from mtattr.evaluation import (
    balanced_accuracy,
    linear_probe,
    mean_accuracy,
    mean_accuracy_floor,
    task_accuracy,
    task_floor,
)
from mtattr.training import FitSettings, Loop, baseline_plan, fit, predict
from mtattr.training.device import open_fabric

#: Height over width of the pictures that are not square.
NATIVE = {"market1501-twin": 2.0, "duke-twin": 2.0}


def shape(twin: str, size: int) -> ImageSize:
    """`size` pixels wide, in the twin's own proportion where that is far from square."""
    return (round(size * NATIVE.get(twin, 1.0)), size) if twin in NATIVE else size


def images_per_second(twin: str, size: int, device: str) -> float:
    """Best of three rounds of about a second each, after one to warm up."""
    count = max(64, 2**22 // (size * size))
    best = 0.0
    for round_ in range(4):
        start = time.perf_counter()
        render(twin, shape(twin, size), count, round_, device)
        if round_:
            best = max(best, count / (time.perf_counter() - start))
    return best


def render(twin: str, image_size: ImageSize, count: int, seed: int, device: str) -> Tensor:
    """Draw without the cache, through the twin's own functions."""
    import mtattr.twins.cars as cars
    import mtattr.twins.clothes as clothes
    import mtattr.twins.digits as digits
    import mtattr.twins.faces as faces
    import mtattr.twins.people as people

    module = {
        "celeba-twin": faces,
        "deepfashion-twin": clothes,
        "compcars-twin": cars,
        "cluttered-digits": digits,
    }.get(twin, people)
    domain = (twin.removesuffix("-twin"),) if module is people else ()
    return module.render(module.sample_scenes(*domain, "train", count, seed), image_size, device)


def difficulty(twin: str, *, size: int, train: int, epochs: int, seed: int = 0) -> dict[str, float]:
    """Test scores of the constant guess, the linear probe and the small network, and the network's spread over tasks."""
    data = {
        split: load_dataset(twin, split, image_size=shape(twin, size), limit=count, seed=0)
        for split, count in (("train", train), ("val", 500), ("test", 2000))
    }
    tasks, test = data["train"].tasks, data["test"]
    (probe,) = linear_probe(data["train"], test)
    logits = trained_logits(data, epochs, seed)
    per_task = task_accuracy(logits, test.labels, tasks)
    gain = per_task - task_floor(test.labels, tasks)
    return {
        "floor": mean_accuracy_floor(test.labels, tasks),
        "linear": mean_accuracy(probe, test.labels, tasks),
        "network": mean_accuracy(logits, test.labels, tasks),
        "balanced": balanced_accuracy(logits, test.labels, tasks).nanmean().item(),
        "lowest": per_task.nan_to_num(1).min().item(),
        "highest": per_task.nan_to_num(0).max().item(),
        "largest gain": gain.nan_to_num(-1).max().item(),
    }


def trained_logits(data: dict[str, ImageData], epochs: int, seed: int) -> Tensor:
    plan = baseline_plan(
        data,
        settings=FitSettings(epochs=epochs, batch_size=64, learning_rate=3e-3, schedule="cosine"),
    )
    with tempfile.TemporaryDirectory() as folder:
        fitted = fit(plan, Loop(open_fabric(), seed, Path(folder) / "checkpoint", identity={}))
    fitted.model.load_state_dict(fitted.selected)
    return predict(fitted.model, data["test"].images)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--twins", default=",".join(TWIN_WRITERS))
    parser.add_argument("--sizes", default="32,64,128,224")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--difficulty", action="store_true")
    parser.add_argument("--train", type=int, default=6000)
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--epochs", type=int, default=6)
    given = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, device {given.device}")
    for twin in given.twins.split(","):
        if given.difficulty:
            found = difficulty(twin, size=given.size, train=given.train, epochs=given.epochs)
            print(
                f"{twin:<18}" + "".join(f"{name} {value:.3f}   " for name, value in found.items()),
                flush=True,
            )
        else:
            rates = {
                size: images_per_second(twin, int(size), given.device)
                for size in given.sizes.split(",")
            }
            print(
                f"{twin:<18}"
                + "".join(f"{size} px {rate:8.0f}/s   " for size, rate in rates.items()),
                flush=True,
            )


if __name__ == "__main__":
    main()
