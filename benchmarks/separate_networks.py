"""One small residual network for each task: all stacked into one, against a loop over them.

Run: python benchmarks/separate_networks.py [--device cuda] [--size 32] [--batch 32]

Times forward and backward pass of the same networks on the same images, in turn, and prints how
many times as fast the stacked form is. On a processor one thread is used and its own time
counted, so that other programs matter little.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from mtattr.adaptive_weighting.loss import square_error
from mtattr.adaptive_weighting.network import SeparateNets, stack
from mtattr.nets import build_backbone
from mtattr.tasks import TaskSet


def seconds(pass_: Callable[[], None], device: str) -> float:
    """Time of one forward and backward pass."""
    if device == "cpu":
        start = time.process_time()
        pass_()
        return time.process_time() - start
    torch.cuda.synchronize()
    start = time.perf_counter()
    pass_()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def forward_and_backward(
    net: nn.Module, images: Tensor, labels: Tensor, tasks: TaskSet
) -> Callable[[], None]:
    def pass_() -> None:
        net.zero_grad()
        square_error(net(images).logits, labels, tasks).sum().backward()

    return pass_


def compare(
    num_tasks: int, widths: tuple[int, int, int], *, device: str, size: int, batch: int, rounds: int
) -> tuple[float, float]:
    """Best seconds of the loop and of the stacked form, after one round to warm up."""
    torch.manual_seed(0)
    tasks = TaskSet.binary(f"task {t}" for t in range(num_tasks))
    loop = SeparateNets(tasks, lambda: build_backbone("small_resnet", widths=widths)).to(
        device, memory_format=torch.channels_last
    )
    stacked = stack(loop).to(memory_format=torch.channels_last)
    images = torch.rand(batch, 3, size, size, device=device).contiguous(
        memory_format=torch.channels_last
    )
    labels = torch.randint(0, 2, (batch, num_tasks), device=device).float()
    passes = [forward_and_backward(net, images, labels, tasks) for net in (loop, stacked)]
    times = [[seconds(pass_, device) for pass_ in passes] for _ in range(rounds + 1)][1:]
    return min(row[0] for row in times), min(row[1] for row in times)


def main() -> list[dict]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    given = vars(parser.parse_args())
    torch.set_num_threads(1)
    rows = []
    print(
        f"torch {torch.__version__}, device {given['device']}, {given['batch']} images of"
        f" {given['size']} px"
    )
    for widths in ((8, 16, 32), (16, 32, 64)):
        for num_tasks in (12, 40):
            loop, stacked = compare(num_tasks, widths, **given)
            rows.append(
                {
                    "widths": widths,
                    "tasks": num_tasks,
                    "loop": loop,
                    "stacked": stacked,
                    "ratio": loop / stacked,
                }
            )
            times = f"loop {1e3 * loop:8.1f} ms  stacked {1e3 * stacked:8.1f} ms"
            times += f" {loop / stacked:6.2f} x"
            print(
                f"widths {', '.join(map(str, widths)):<14}{num_tasks:3d} tasks  {times}", flush=True
            )
    return rows


if __name__ == "__main__":
    main()
