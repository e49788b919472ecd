"""Identity of a run: all that can change its result."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import CodeType
from typing import Any

import torch

from mtattr.code import code_digest
from mtattr.data import loaders_of
from mtattr.errors import InputError
from mtattr.training.plan import Plan
from mtattr.training.spec import RunSpec


def identity_of(
    spec: RunSpec,
    plan: Plan,
    *,
    precision: str,
    threads: int,
    given: bool,
    requires: Sequence[str] = (),
) -> dict[str, Any]:
    """JSON of specification, code, data, precision, threads, settings of the plan, weight files.

    Args:
        spec: the run.
        plan: its plan.
        precision: Fabric's name of it.
        threads: of torch in each process: another number adds in another order.
        given: the plan is the caller's own, not the recipe's; then its network and its functions
            count too.
        requires: folders of the finished runs that it starts from; their names hold their identity.
    """
    modules = ["mtattr.training.run", *loaders_of(spec.dataset)]
    identity = {"spec": spec.to_dict(), "data": plan.fingerprint}
    identity |= {"precision": precision, "threads": threads}
    if given:
        identity["plan"], used = _of_plan(plan)
        modules += used
    else:
        modules.append(f"mtattr.{spec.paper}.recipe")
    identity |= {"code": code_digest(modules), "fit": asdict(plan.settings)}
    if requires:
        identity["requires"] = list(requires)
    if spec.settings.get("weights") is not None:
        identity["weights"] = _file_digest(spec.settings["weights"])
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


def _of_plan(plan: Plan) -> tuple[str, list[str]]:
    """Digest of a plan's network and functions, and the library's modules that they come from."""
    with torch.random.fork_rng(devices=[]):
        net = plan.build()
    layers = {type(part) for part in net.modules()}
    functions = [plan.build, plan.losses, plan.weighting, plan.initial, plan.train]
    functions += vars(plan.measures).values()
    description = {
        "network": _plain(net),
        "shapes": {name: list(value.shape) for name, value in net.state_dict().items()},
        "forward": sorted(str(_describe(layer.forward)) for layer in layers),
        "functions": [_describe(function) for function in functions],
        "task_weights": plan.task_weights.tolist(),
        "steering": plan.steering.fingerprint,
        "steering_norm": plan.steering_norm,
    }
    sources = [*layers, *(getattr(function, "func", function) for function in functions)]
    names = {getattr(source, "__module__", None) or "" for source in sources}
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
    return digest, sorted(name for name in names if name.startswith("mtattr."))


def _describe(value: Any) -> Any:
    """JSON that differs where two functions have another name, code, constant or argument."""
    if isinstance(value, functools.partial):
        held = [*value.args, *sorted(value.keywords.items())]
        return [_describe(value.func), *(_plain(part) for part in held)]
    code = getattr(value, "__code__", None)
    if code is None:
        return _plain(value)
    held = [cell.cell_contents for cell in value.__closure__ or ()]
    held += value.__defaults__ or ()
    return [value.__qualname__, _code(code), *(_plain(part) for part in held)]


def _code(code: CodeType) -> str:
    constants = [
        _code(value)
        if isinstance(value, CodeType)
        else repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value)
        for value in code.co_consts
    ]
    return hashlib.sha256(repr((code.co_code, code.co_names, constants)).encode()).hexdigest()[:16]


def _plain(value: Any) -> str:
    text = getattr(value, "fingerprint", None) or getattr(value, "__qualname__", None)
    return re.sub(r" at 0x[0-9a-f]+", "", text or repr(value))  # an address says nothing
