"""Device, precision, processes and determinism, through Lightning Fabric."""

from __future__ import annotations

import logging
import os
import platform
import resource
import sys
from typing import Any

import torch
from lightning_fabric import Fabric

import mtattr
from mtattr.errors import InputError

PRECISIONS = ("32-true", "bf16-mixed", "64-true")


def open_fabric(
    *, device: str = "auto", devices: int = 1, num_nodes: int = 1, precision: str = "auto"
) -> Fabric:
    """A launched Fabric: one process is plain torch; more are DDP, whether started here, by torchrun or by `fabric run`.

    device: auto, cpu, cuda or mps. precision "auto": bf16-mixed on CUDA and on CPUs that compute it in hardware, where
    `benchmarks/precision.py` finds it faster than float32, and 32-true elsewhere.
    Raises `InputError` for a device that is absent or an unknown precision.
    """
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise InputError(f"device {device!r} is unknown; there are auto, cpu, cuda, mps")
    for name, value in (("devices", devices), ("num_nodes", num_nodes)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{name} must be a whole number of at least 1, got {value!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "device 'cuda' was asked for and torch sees none; take --device auto or cpu"
        )
    if device == "mps" and not torch.backends.mps.is_available():
        raise InputError(
            "device 'mps' was asked for and torch sees none; take --device auto or cpu"
        )
    if num_nodes > 1 and not {"MASTER_ADDR", "SLURM_JOB_ID"} & os.environ.keys():
        # Without an address the processes would wait for each other until a time limit.
        raise InputError(
            f"{num_nodes} nodes were asked for and MASTER_ADDR is not set; start the command on each by torchrun or srun"
        )
    if precision not in ("auto", *PRECISIONS):
        raise InputError(
            f"precision {precision!r} is unknown; there are auto, {', '.join(PRECISIONS)}"
        )
    if precision == "auto":
        on_cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
        precision = (
            "bf16-mixed" if on_cuda or (device != "mps" and cpu_computes_bf16()) else "32-true"
        )
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    world = int(os.environ.get("WORLD_SIZE", 1))
    devices = int(os.environ.get("LOCAL_WORLD_SIZE", world)) if world > 1 else devices
    strategy = "ddp" if world > 1 or devices * num_nodes > 1 else "auto"
    fabric = Fabric(
        accelerator=device,
        devices=devices,
        num_nodes=num_nodes,
        precision=precision,
        strategy=strategy,
    )
    fabric.launch()
    return fabric


def cpu_computes_bf16() -> bool:
    """Whether this CPU has instructions for bfloat16; without them autocast emulates it and is slower than float32."""
    checks = (
        getattr(torch.cpu, name, None)
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
    return any(check() for check in checks if check is not None)


def make_deterministic() -> None:
    """Ask torch for algorithms that give the same bits on every run of one machine."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling fresh memory guards against reading it unset; the loop never does, and it costs time.
    torch.utils.deterministic.fill_uninitialized_memory = False


def describe_environment(fabric: Fabric) -> dict[str, Any]:
    """Versions, device, threads, precision and determinism, for a run record."""
    device = fabric.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "python": platform.python_version(),
        "mtattr": mtattr.__version__,
        "torch": torch.__version__,
        "cuda": torch.version.cuda if device.type == "cuda" else None,
        "device": f"{device.type} ({name})",
        "processes": fabric.world_size,
        "threads": torch.get_num_threads(),
        "precision": str(fabric._precision.precision),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }


def peak_memory_mb(device: torch.device) -> float:
    """Largest memory used so far, in MB: allocated on the GPU, resident in this process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
