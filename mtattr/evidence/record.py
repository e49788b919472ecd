"""Run records, checked and sealed with a hash of their content."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mtattr.canonical import plain, sha256_of
from mtattr.errors import InputError
from mtattr.evidence.schema import check_schema

RECORD_SCHEMA = 1
_ABSOLUTE_PATH = re.compile(r"^(/[^/\s]+/|~[\w.-]*/|[A-Za-z]:[\\/])")


def seal(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record in plain JSON types with `sha256`, the hash of its canonical JSON without it.

    NaN and infinities become null. Sealing twice changes nothing. `InputError` for an invalid
    record.
    """
    sealed = _without_hash(plain(dict(record), "run record"))
    _check_content(sealed, "run record")
    return sealed | {"sha256": sha256_of(sealed)}


def check_record(record: Mapping[str, Any], source: str = "run record") -> dict[str, Any]:
    """A copy of the record if it is valid and sealed, else an `InputError` beginning with `source`.

    Checked are the schema, lengths of lists, that no string is an absolute path, and the hash.
    """
    record = dict(record)
    _check_content(record, source)
    if "sha256" not in record:
        raise InputError(f"{source}: expected a sealed record, but sha256 is missing")
    expected = sha256_of(_without_hash(record))
    if record["sha256"] != expected:
        raise InputError(
            f"{source}: sha256 is {record['sha256'][:8]}… but the content gives {expected[:8]}…: "
            "the record was changed"
        )
    return record


def _without_hash(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "sha256"}


def short_id(record: Mapping[str, Any]) -> str:
    """First eight hex digits of the record's hash, as tables print it."""
    return record["sha256"][:8]


def edition_of(record: Mapping[str, Any]) -> int:
    """Edition of the protocols that a record followed; the first ones did not say."""
    return record.get("edition", 1)


def of_edition(records: Iterable[Mapping[str, Any]], edition: int) -> list[Mapping[str, Any]]:
    """Records of one edition, in order: those of two are never mixed."""
    return [record for record in records if edition_of(record) == edition]


def measure(record: Mapping[str, Any], metric: str, epoch: str = "selected") -> float:
    """One number of a record, NaN if absent: a test metric, or a cost ("cost.train_seconds").

    Args:
        metric: its name; `true_m` is the metric m against what was drawn, and against the labels,
            all there is, where nothing was drawn.
        epoch: of a metric, "selected" or "last".
    """
    if metric.startswith("cost."):
        value = record["cost"].get(metric.removeprefix("cost."))
    else:
        value = _of_truth(record, record["metrics"][epoch], metric)
    return math.nan if value is None else float(value)


def floor_of(record: Mapping[str, Any], metric: str) -> float:
    """Floor of a metric, reached without looking at the image; NaN if the record has none."""
    value = _of_truth(record, record["floors"], metric)
    return math.nan if value is None else float(value)


def _of_truth(record: Mapping[str, Any], values: Mapping[str, Any], metric: str) -> Any:
    drawn = record["data"]["generated"]
    return values.get(metric if drawn else metric.removeprefix("true_"))


def _check_content(record: dict[str, Any], source: str) -> None:
    check_schema(record, "record", source)
    selection, n = record["selection"], len(record["tasks"])
    if selection["epoch"] > selection["epochs"]:
        raise InputError(
            f"{source}: selection.epoch is {selection['epoch']}, "
            f"expected at most selection.epochs = {selection['epochs']}"
        )
    lists = {f"task_metrics.{name}": [row] for name, row in record["task_metrics"].items()}
    lists |= {f"task_history.{name}": rows for name, rows in record.get("task_history", {}).items()}
    for place, rows in lists.items():
        if wrong := [len(row) for row in rows if len(row) != n]:
            raise InputError(
                f"{source}: {place} has {wrong[0]} values, expected one for each of {n} tasks"
            )
    for place, text in _texts(record, ""):
        if _ABSOLUTE_PATH.match(text):
            raise InputError(f"{source}: {place} is a path of one machine ({text!r}); leave it out")


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _texts(item, f"{place}[{i}]")
