"""The processor: its model, and how many threads torch starts on it."""

from __future__ import annotations

import contextlib
import functools
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path

import torch

from mtattr.errors import whole_number

_LINUX, _MAC = Path("/proc/cpuinfo"), ("sysctl", "-n", "machdep.cpu.brand_string")


@functools.cache
def cpu_model() -> str:
    """Name of the processor, on Linux with family, model and stepping where it tells them.

    Another model may add in another order, so that the same training ends with other digits.
    """
    try:
        return cpu_of(_LINUX.read_text(encoding="utf-8", errors="replace")) or _of_platform()
    except OSError:
        return _of_platform()


def cpu_of(cpuinfo: str) -> str | None:
    """The first processor in the text of Linux's `/proc/cpuinfo`, None if it has no name."""
    first = cpuinfo.strip().split("\n\n")[0].splitlines()
    fields = {key.strip(): value.strip() for key, _, value in (row.partition(":") for row in first)}
    numbers = {"family": "cpu family", "model": "model", "stepping": "stepping"}
    told = [f"{name} {fields[key]}" for name, key in numbers.items() if fields.get(key)]
    name = fields.get("model name")
    return f"{name} ({', '.join(told)})" if name and told else name


def _of_platform() -> str:
    named = ""
    if platform.system() == "Darwin":
        with contextlib.suppress(OSError):
            named = subprocess.run(_MAC, capture_output=True, text=True, check=False).stdout.strip()
    return named or platform.processor() or platform.machine()


@contextlib.contextmanager
def threads(n: int | None) -> Iterator[None]:
    """A block in which torch computes with `n` threads; None leaves their number as it is."""
    before = torch.get_num_threads()
    if n is not None:
        torch.set_num_threads(whole_number("threads", n))
    try:
        yield
    finally:
        torch.set_num_threads(before)
