"""Run records: what one training run leaves behind, checked and sealed with a hash of its content."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mtattr.canonical import plain, sha256_of
from mtattr.errors import InputError
from mtattr.evidence.schema import check_schema

RECORD_SCHEMA = 1
_ABSOLUTE_PATH = re.compile(r"^(/[^/\s]+/|~[\w.-]*/|[A-Za-z]:[\\/])")


def seal(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return `record` in plain JSON types with `sha256`, the hash of its canonical JSON without that field.

    NaN and infinities become null. Sealing twice changes nothing. Raises `InputError` if the content is no valid record.
    """
    sealed = {
        key: value for key, value in plain(dict(record), "run record").items() if key != "sha256"
    }
    _check_content(sealed, "run record")
    return sealed | {"sha256": sha256_of(sealed)}


def check_record(record: Mapping[str, Any], source: str = "run record") -> dict[str, Any]:
    """Return `record` if it is valid and sealed, else raise `InputError` that begins with `source`.

    Checked: the schema, that lists agree in length, that no text is a path of one machine, and the hash.
    """
    record = dict(record)
    _check_content(record, source)
    if "sha256" not in record:
        raise InputError(f"{source}: expected a sealed record, but sha256 is missing")
    expected = sha256_of({key: value for key, value in record.items() if key != "sha256"})
    if record["sha256"] != expected:
        raise InputError(
            f"{source}: sha256 is {record['sha256'][:8]}… but the content gives {expected[:8]}…: the record was changed"
        )
    return record


def short_id(record: Mapping[str, Any]) -> str:
    """The first eight hex digits of the record's hash: what tables print."""
    return record["sha256"][:8]


def measure(record: Mapping[str, Any], metric: str, epoch: str = "selected") -> float:
    """One number of a record: a test metric at the selected or last epoch, or a cost (`cost.train_seconds`); NaN if absent."""
    values = record["cost"] if metric.startswith("cost.") else record["metrics"][epoch]
    value = values.get(metric.removeprefix("cost."))
    return math.nan if value is None else float(value)


def floor_of(record: Mapping[str, Any], metric: str) -> float:
    """What a metric reaches without looking at the image, NaN if the record does not say."""
    value = record["floors"].get(metric)
    return math.nan if value is None else float(value)


def _check_content(record: dict[str, Any], source: str) -> None:
    check_schema(record, "record", source)
    selection, tasks = record["selection"], record["tasks"]
    if selection["epoch"] > selection["epochs"]:
        raise InputError(
            f"{source}: selection.epoch is {selection['epoch']}, expected at most selection.epochs = {selection['epochs']}"
        )
    for name, values in record["task_metrics"].items():
        if len(values) != len(tasks):
            raise InputError(
                f"{source}: task_metrics.{name} has {len(values)} values, expected one for each of {len(tasks)} tasks"
            )
    for name, rows in record.get("task_history", {}).items():
        if wrong := [len(row) for row in rows if len(row) != len(tasks)]:
            raise InputError(
                f"{source}: task_history.{name} has a row of {wrong[0]} values, expected one for each of {len(tasks)} tasks"
            )
    for place, text in _texts(record, ""):
        if _ABSOLUTE_PATH.match(text):
            raise InputError(
                f"{source}: {place} is a path of one machine ({text!r}), expected nothing that other machines lack"
            )


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _texts(item, f"{place}[{i}]")
