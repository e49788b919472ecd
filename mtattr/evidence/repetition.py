"""A record's training repeated, and its numbers beside the new ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import mtattr
from mtattr.data.home import home_at
from mtattr.errors import InputError
from mtattr.evidence.record import edition_of, short_id
from mtattr.training import Run, RunSpec, fit_or_load, recipe_of

#: Stands for a value that one of two records does not have.
ABSENT = object()
_CIRCUMSTANCES = ("edition", "code digest", "torch version", "CPU model", "device")


@dataclass(frozen=True)
class Repeated:
    """One value of a record and of its repetition.

    Args:
        name: place in the record, such as `metrics.last.mean_accuracy`.
        old, new: the values, `ABSENT` where a record has none.
    """

    name: str
    old: Any
    new: Any

    @property
    def timed(self) -> bool:
        """Whether a clock gave the value, so that no two trainings have the same."""
        return self.name.endswith("seconds")

    @property
    def agrees(self) -> bool:
        """Whether the repetition has the record's value to the last bit.

        A time agrees with any other, and a value that the record lacks contradicts nothing.
        """
        return self.old is ABSENT or self.old == self.new or (self.timed and self.new is not ABSENT)

    @property
    def difference(self) -> float | None:
        """New minus old, None unless both are numbers."""
        numbers = all(isinstance(value, int | float) for value in (self.old, self.new))
        return self.new - self.old if numbers else None


def rerun(
    record: Mapping[str, Any],
    folder: Path,
    *,
    root: str | Path | None = None,
    progress: bool | None = None,
) -> Run:
    """The run of a record, trained anew with its settings, precision and threads.

    Runs that it requires are trained first. The code is the present one.

    Args:
        record: of a run in one process.
        folder: a new or empty one, in which everything is trained.
        root: folder of a real dataset.
        progress: show a bar; None = on a terminal.

    Raises:
        InputError: the present recipe or this machine cannot repeat it, or the folder is in use.
    """
    spec, environment = RunSpec.from_dict(record["spec"]), record["environment"]
    name, on_gpu = f"record {short_id(record)}", environment["device"].startswith("cuda")
    if spec.paper not in mtattr.PAPERS:
        raise InputError(
            f"{name}: paper {spec.paper!r} no longer exists; there are {', '.join(mtattr.PAPERS)}"
        )
    try:
        recipe_of(spec.paper).check(spec)
    except InputError as error:
        raise InputError(
            f"{name}: {error}; check out commit {_commit(record)} to repeat it"
        ) from error
    if (processes := environment.get("processes", 1)) > 1:
        raise InputError(f"{name}: trained by {processes} processes; only runs of one are repeated")
    if on_gpu and not torch.cuda.is_available():
        raise InputError(f"{name}: trained on {environment['device']}, and torch sees no GPU here")
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: holds files; a run is repeated in a new or empty folder")
    with home_at(folder):
        return fit_or_load(
            spec,
            root=root,
            device="cuda" if on_gpu else "cpu",
            precision=environment["precision"],
            threads=environment["threads"],
            progress=progress,
        )


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Repeated]:
    """Test metrics of both epochs, the last row of the history and the data's fingerprint."""
    values = [dict(_values(record)) for record in (old, new)]
    names = dict.fromkeys([*values[0], *values[1]])
    return [Repeated(name, *(each.get(name, ABSENT) for each in values)) for name in names]


def causes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What differs of that which may change numbers: edition, code, torch, processor, device.

    One line each. A processor that the older record does not name is one of them.
    """
    lines = []
    for name, then, now in zip(
        _CIRCUMSTANCES, _circumstances(old), _circumstances(new), strict=True
    ):
        if then != now:
            lines.append(f"{name}: {then or 'not in the record'} then, {now} now")
    return lines


def _values(record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "data.fingerprint", record["data"]["fingerprint"]
    for epoch in ("selected", "last"):
        for name, value in record["metrics"][epoch].items():
            yield f"metrics.{epoch}.{name}", value
    for name, value in (record["history"] or [{}])[-1].items():
        yield f"history.last.{name}", value


def _circumstances(record: Mapping[str, Any]) -> tuple[Any, ...]:
    about, digest = record["environment"], record["code"]["digest"][:12]
    return edition_of(record), digest, about["torch"], about.get("cpu"), about["device"]


def _commit(record: Mapping[str, Any]) -> str:
    return (record["code"]["commit"] or "unknown")[:8]
