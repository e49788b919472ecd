"""Device, precision, processes and determinism, through Lightning Fabric."""

from __future__ import annotations

import logging
import os
import platform
from typing import TYPE_CHECKING, Any

import torch

import mtattr
from mtattr.errors import InputError, whole_number
from mtattr.training.cpu import cpu_model

if TYPE_CHECKING:
    from lightning_fabric import Fabric

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("32-true", "bf16-mixed", "64-true")


def open_fabric(
    *, device: str = "auto", devices: int = 1, num_nodes: int = 1, precision: str = "auto"
) -> Fabric:
    """A launched Fabric: plain torch for one process, DDP for more (started here, or by torchrun).

    Args:
        device: auto (CUDA if torch sees it, else CPU), cpu or cuda. Apple's MPS has no float64, in
            which weightings and affinities keep their state.
        devices: processes on this machine.
        num_nodes: machines.
        precision: auto, 32-true, bf16-mixed or 64-true; auto is bf16-mixed on CUDA and on CPUs
            that compute it in hardware (`benchmarks/precision.py`), else 32-true.

    Raises:
        InputError: the device is absent, or the precision is unknown.
    """
    if device == "mps":
        raise InputError("device 'mps' has no float64, which training needs; take --device cpu")
    if device not in DEVICES:
        raise InputError(f"device {device!r} is unknown; there are {', '.join(DEVICES)}")
    devices, num_nodes = whole_number("devices", devices), whole_number("num_nodes", num_nodes)
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "device 'cuda' was asked for and torch sees none; take --device auto or cpu"
        )
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if num_nodes > 1 and not {"MASTER_ADDR", "SLURM_JOB_ID"} & os.environ.keys():
        # Without an address the processes would wait for each other until a time limit.
        raise InputError(
            f"{num_nodes} nodes were asked for and MASTER_ADDR is not set; "
            "start the command on each by torchrun or srun"
        )
    if precision not in ("auto", *PRECISIONS):
        raise InputError(
            f"precision {precision!r} is unknown; there are auto, {', '.join(PRECISIONS)}"
        )
    if precision == "auto":
        precision = "bf16-mixed" if device == "cuda" or cpu_computes_bf16() else "32-true"
    from lightning_fabric import Fabric  # a second to import: only where something is trained

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
    """Whether this CPU has bfloat16 instructions; emulated, it is slower than float32."""
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
    """Versions, device, processor, threads, precision and determinism, for a run record."""
    device = fabric.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "python": platform.python_version(),
        "mtattr": mtattr.__version__,
        "torch": torch.__version__,
        "cuda": torch.version.cuda if device.type == "cuda" else None,
        "device": f"{device.type} ({name})",
        "cpu": cpu_model(),
        "processes": fabric.world_size,
        "threads": torch.get_num_threads(),
        "precision": str(fabric._precision.precision),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }
