"""Checkpoints: one safetensors file, tensors and JSON together, written by temp file and rename."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise
from torch import Tensor, nn
from torch.optim import Optimizer

from mtattr.errors import InputError
from mtattr.files import write_atomically

FORMAT = 1


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    write_atomically(
        path, (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
    )


def save_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write named tensors and the JSON value `about` as one file, atomically."""
    flat = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    write_atomically(
        path,
        serialise(
            flat, metadata={"about": json.dumps({"format": FORMAT, **about}, sort_keys=True)}
        ),
    )


def load_tensors(
    path: Path, *, purpose: str = "a checkpoint of mtattr", cure: str = "delete it to start anew"
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and `about` of a file that `save_tensors` wrote.

    Args:
        path: the file.
        purpose: kind of file that was expected, for the message.
        cure: what the user can do, for the message.

    Raises:
        InputError: the file is missing, damaged or of another kind.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected {purpose}; {cure}")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("about", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: cut short or damaged, expected {purpose} ({error}); {cure}"
        ) from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        found = about.get("format") if isinstance(about, dict) else about
        raise InputError(f"{path}: expected {purpose} in format {FORMAT}, found {found!r}; {cure}")
    return tensors, about


def pack(net: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """Weights, buffers and optimiser state as one flat dict of tensors."""
    tensors = {f"net.{name}": value for name, value in net.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value)
    return tensors


def unpack(tensors: Mapping[str, Tensor], net: nn.Module, optimizer: Optimizer) -> None:
    """The inverse of `pack`, in place."""
    net.load_state_dict(with_prefix(tensors, "net."))
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in with_prefix(tensors, "optimizer.").items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )


def with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose name starts with `prefix`, without it."""
    return {
        name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)
    }


def first_line(error: Exception, limit: int = 160) -> str:
    """Type and first words of an error: torch lists every tensor that does not fit."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= limit else text[: limit - 3] + "..."
