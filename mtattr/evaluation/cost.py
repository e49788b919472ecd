"""What a network costs: parameters, operations, time and memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mtattr.errors import InputError


@contextmanager
def _eval_mode(net: nn.Module) -> Iterator[None]:
    """Evaluate without gradients and put every module back into the mode it had."""
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def count_parameters(net: nn.Module, *, trainable_only: bool = False) -> int:
    """Number of parameters (weights and biases, each shared one once); buffers such as running means do not count."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad or not trainable_only)


def count_flops(net: nn.Module, example: Tensor) -> int:
    """Floating-point operations of one forward pass on `example`, in eval mode.

    A multiplication and an addition count as two (papers that count multiply-adds print half). Only matrix products,
    convolutions and attention are counted. The number is for the whole batch: give one image for the cost per image.
    """
    counter = FlopCounterMode(display=False)
    with _eval_mode(net), counter:
        net(example)
    return counter.get_total_flops()


def latency(net: nn.Module, example: Tensor, repeats: int = 20) -> float:
    """Median wall-clock seconds of one forward pass on `example`, in eval mode, after two passes to warm up.

    On a GPU each pass is waited for. Raises `InputError` when repeats < 1.
    """
    if repeats < 1:
        raise InputError(f"repeats must be at least 1, got {repeats}")
    seconds = []
    with _eval_mode(net):
        for _ in range(2 + repeats):
            start = time.perf_counter()
            net(example)
            if example.is_cuda:
                torch.cuda.synchronize(example.device)
            seconds.append(time.perf_counter() - start)
    return median(seconds[2:])


def seconds_in_turn(
    forms: Mapping[str, Callable[[], object]], *, repeats: int, device: torch.device | str = "cpu"
) -> dict[str, float]:
    """Median wall-clock seconds of each of several ways to do a thing, for ratios of one against the other.

    All take turns, so that a busy machine is busy for all; the first turn warms up and does not count. On a GPU each call is
    waited for. Raises `InputError` when repeats < 1.
    """
    if repeats < 1:
        raise InputError(f"repeats must be at least 1, got {repeats}")
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
    """Highest memory use so far, in units of 10^6 bytes.

    On CUDA: what tensors held on that device since the start or `torch.cuda.reset_peak_memory_stats`. Otherwise: the
    resident size of this process since it started, which cannot be reset.
    """
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    import resource  # not on Windows, where everything else here works

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6
