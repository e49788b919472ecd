"""Training steps with threads that spin while they wait, against threads that sleep.

Run: python benchmarks/threads.py [--seconds 4] [--busy 4]

Times steps of a small residual network on all cores, alone and beside busy processes. Each figure
is from a new process, since torch reads OMP_WAIT_POLICY once, when it loads: unset (the default:
they spin) or PASSIVE (they sleep, as mtattr/__init__.py sets it). Prints the median step of each
and how many times as fast the sleeping threads are.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from statistics import median

# Torch first: the library would set the policy.
import torch

from mtattr.nets import build_backbone


def step_seconds(seconds: float, size: int, batch: int) -> float:
    """Median time of a training step in this process, over about so many seconds."""
    torch.manual_seed(0)
    net = build_backbone("small_resnet")
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    images = torch.rand(batch, 3, size, size)
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        start = time.perf_counter()
        optimizer.zero_grad()
        net(images).square().mean().backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    return median(times[1:])


def in_a_new_process(policy: str | None, seconds: float, size: int, batch: int) -> float:
    environment = {
        k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "OMP_NUM_THREADS")
    }
    environment |= {"OMP_WAIT_POLICY": policy} if policy else {}
    command = [sys.executable, __file__, "--child", "--seconds", str(seconds)]
    command += ["--size", str(size), "--batch", str(batch)]
    return float(
        subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
    )


def main() -> list[dict]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--busy", type=int, default=4, help="busy processes beside the training")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = vars(parser.parse_args())
    child, busy = given.pop("child"), given.pop("busy")
    if child:
        print(step_seconds(**given))
        return []
    rows = []
    print(
        f"torch {torch.__version__}, {os.cpu_count()} cores,"
        f" {given['batch']} images of {given['size']} px"
    )
    for beside in (0, busy):
        loops = [
            subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(beside)
        ]
        try:
            spinning, sleeping = (in_a_new_process(policy, **given) for policy in (None, "PASSIVE"))
        finally:
            for loop in loops:
                loop.kill()
                loop.wait()
        rows.append(
            {
                "busy": beside,
                "spinning": spinning,
                "sleeping": sleeping,
                "ratio": spinning / sleeping,
            }
        )
        times = f"spinning {1e3 * spinning:8.1f} ms  sleeping {1e3 * sleeping:8.1f} ms"
        print(f"beside {beside} busy processes  {times} {spinning / sleeping:6.2f} x", flush=True)
    return rows


if __name__ == "__main__":
    main()
