"""Training speed of the small backbones, memory layout x precision, against contiguous float32.

Run: python benchmarks/precision.py [--device cuda]
"""

from __future__ import annotations

import argparse
import contextlib
import time

import torch

from mtattr.attribute_estimation import AttributeEstimationNet, loss_weights
from mtattr.nets import build_backbone
from mtattr.tasks import Task, TaskSet
from mtattr.training import per_task_loss

TASKS = TaskSet([Task("class", "categorical", tuple("abcd")), *(Task(f"a{k}") for k in range(24))])


def seconds_per_step(
    backbone: str,
    *,
    channels_last: bool,
    bf16: bool,
    device: str,
    size: int,
    batch: int,
    steps: int,
) -> float:
    torch.manual_seed(0)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    net = AttributeEstimationNet(build_backbone(backbone), 4, 24).to(device, memory_format=layout)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    images = torch.rand(batch, 3, size, size, device=device).contiguous(memory_format=layout)
    labels = (
        torch.cat([torch.randint(0, 4, (batch, 1)), torch.randint(0, 2, (batch, 24))], dim=1)
        .float()
        .to(device)
    )
    weights, times = loss_weights(24, 0.5).to(device), []
    for _ in range(steps + 3):
        if device == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        with torch.autocast(device, torch.bfloat16) if bf16 else contextlib.nullcontext():
            logits = net(images).logits
        adam.zero_grad()
        (per_task_loss(logits, labels, TASKS) * weights).sum().backward()
        adam.step()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return min(times[3:])


def main() -> list[dict]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=12)
    given = vars(parser.parse_args())
    rows = []
    for backbone in ("small_inception", "small_inception_resnet", "small_xception"):
        base = None
        for channels_last in (False, True):
            for bf16 in (False, True):
                seconds = seconds_per_step(
                    backbone, channels_last=channels_last, bf16=bf16, **given
                )
                base = base or seconds
                layout, precision = (
                    "channels_last" if channels_last else "contiguous",
                    "bf16 autocast" if bf16 else "float32",
                )
                rows.append(
                    {
                        "backbone": backbone,
                        "layout": layout,
                        "precision": precision,
                        "ratio": base / seconds,
                    }
                )
                rate = given["batch"] / seconds
                print(
                    f"{backbone:<24}{layout:<15}{precision:<15}{rate:9.0f} images/s"
                    f" {base / seconds:6.2f} x",
                    flush=True,
                )
    return rows


if __name__ == "__main__":
    main()
