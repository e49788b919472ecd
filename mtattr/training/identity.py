"""Identity of a run: all that can change its result."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from mtattr.code import code_digest
from mtattr.data import loaders_of
from mtattr.errors import InputError
from mtattr.training.plan import Plan
from mtattr.training.spec import RunSpec


def identity_of(spec: RunSpec, plan: Plan, *, precision: str, given: bool) -> dict[str, Any]:
    """JSON of specification, code, data, precision, settings of the plan and weight files.

    Args:
        spec: the run.
        plan: its plan.
        precision: Fabric's name of it.
        given: the plan is the caller's own, not the recipe's; then its network and the names of
            its functions count too.
    """
    modules = ["mtattr.training.run", *loaders_of(spec.dataset)]
    modules += [] if given else [f"mtattr.{spec.paper}.recipe"]
    identity = {
        "spec": spec.to_dict(),
        "code": code_digest(modules),
        "data": plan.fingerprint,
        "precision": precision,
        "fit": asdict(plan.settings),
    }
    if spec.settings.get("weights") is not None:
        identity["weights"] = _file_digest(spec.settings["weights"])
    if given:
        identity["plan"] = _description(plan)
    return json.loads(json.dumps(identity))  # as a checkpoint gives it back: lists for tuples


def _file_digest(name: str) -> str:
    path = Path(name).expanduser()
    try:
        about = path.stat()
        return _digest_of_version(path, about.st_mtime_ns, about.st_size)
    except OSError as error:
        raise InputError(f"{name}: weights cannot be read ({error.strerror})") from None


@functools.lru_cache(maxsize=64)
def _digest_of_version(path: Path, *_: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _description(plan: Plan) -> dict[str, Any]:
    with torch.random.fork_rng(devices=[]):
        net = plan.build()
    shapes = {name: list(value.shape) for name, value in net.state_dict().items()}
    functions = (plan.losses, plan.weighting, plan.initial, plan.train)
    return {
        "network": repr(net),
        "shapes": shapes,
        "functions": [_name(function) for function in functions],
        "task_weights": plan.task_weights.tolist(),
        "steering": plan.steering.fingerprint,
        "steering_norm": plan.steering_norm,
    }


def _name(function: Any) -> Any:
    """Name and arguments of a function; of a `partial`, those that it holds."""
    if isinstance(function, functools.partial):
        held = [repr(value) for value in (*function.args, *sorted(function.keywords.items()))]
        # The address of an object says nothing about it.
        return [_name(function.func), [text for text in held if " at 0x" not in text]]
    code = getattr(function, "__code__", None)
    where = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"
    return where if code is None else f"{where} {hashlib.sha256(code.co_code).hexdigest()[:8]}"
