"""Cost of a network: parameters, operations, time and memory."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mtattr.errors import whole_number
from mtattr.evaluation.batched import evaluating


def count_parameters(net: nn.Module, *, trainable_only: bool = False) -> int:
    """Number of weights and biases, shared ones once, without buffers such as running means."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad or not trainable_only)


def count_flops(net: nn.Module, example: Tensor) -> int:
    """Floating-point operations of one forward pass on the batch `example`, in evaluation mode.

    A multiplication and an addition count as two; papers that count multiply-adds print half. Only
    matrix products, convolutions and attention are counted.
    """
    counter = FlopCounterMode(display=False)
    with evaluating(net), counter:
        net(example)
    return counter.get_total_flops()


def latency(net: nn.Module, example: Tensor, repeats: int = 20) -> float:
    """Median wall-clock seconds of one forward pass on `example`, in evaluation mode.

    Two passes warm up and do not count. On a GPU each pass is waited for.
    """
    with evaluating(net):
        net(example)
        forms = {"net": lambda: net(example)}
        return seconds_in_turn(forms, repeats=repeats, device=example.device)["net"]


def seconds_in_turn(
    forms: Mapping[str, Callable[[], object]], *, repeats: int, device: torch.device | str = "cpu"
) -> dict[str, float]:
    """Median wall-clock seconds of several ways to do the same thing, for ratios of one to another.

    They take turns, so that a busy machine is busy for all. The first turn warms up and does not
    count. On a GPU each call is waited for.
    """
    whole_number("repeats", repeats, 1)
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(1 + repeats):
        for name, form in forms.items():
            start = time.perf_counter()
            form()
            if torch.device(device).type == "cuda":
                torch.cuda.synchronize(device)
            seconds[name].append(time.perf_counter() - start)
    return {name: median(values[1:]) for name, values in seconds.items()}


def peak_memory_mb(device: torch.device | str = "cpu") -> float:
    """Highest memory use so far, in units of 10^6 bytes; NaN on Windows without a GPU.

    On CUDA: what tensors held on that device since the start or
    `torch.cuda.reset_peak_memory_stats`. Otherwise: the resident size of this process.
    """
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    try:
        import resource
    except ImportError:  # Windows
        return math.nan
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6
