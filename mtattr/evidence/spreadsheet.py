"""Run records as a table of text, one row a record, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mtattr.errors import InputError
from mtattr.evidence.record import edition_of

#: Place of a group of columns, by what stands before the point in their names.
_ORDER = {"setting": 1, "metric": 2, "floor": 2, "cost": 3}


def metric_names(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Test metrics of the selected epoch that any of the records has, in order of appearance."""
    return list(dict.fromkeys(name for row in records for name in row["metrics"]["selected"]))


def check_metrics(records: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> None:
    """Raise `InputError` for a metric that none of the records has."""
    known = metric_names(records)
    if records and (unknown := [name for name in metrics if name not in known]):
        raise InputError(f"metric {unknown[0]!r} is in none of these records: {', '.join(known)}")


def csv_lines(records: Sequence[Mapping[str, Any]], metrics: Sequence[str] = ()) -> Iterator[str]:
    """Lines of CSV, the header first; without records there is none.

    Columns are hash, specification (`setting.NAME` for each setting), metrics of the selected epoch
    (`metric.NAME`) with their floors (`floor.NAME`), and costs (`cost.NAME`). What a record lacks
    is empty.

    Args:
        records: sealed.
        metrics: names; without any all that the records have.

    Raises:
        InputError: a metric that none of the records has.
    """
    check_metrics(records, metrics)
    rows = [_row(record, metrics or metric_names(records)) for record in records]
    # Columns in groups, though a record in the middle may be the first with some setting.
    names = dict.fromkeys(name for row in rows for name in row)
    columns = sorted(names, key=lambda name: _ORDER.get(name.partition(".")[0], 0))
    if rows:
        yield _line(columns)
    for row in rows:
        yield _line([row.get(name) for name in columns])


def _row(record: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, Any]:
    spec = record["spec"]
    row = {"sha256": record["sha256"]}
    row |= {name: spec[name] for name in ("paper", "variant", "dataset", "scale", "seed")}
    row |= {"edition": edition_of(record), "generated": record["data"]["generated"]}
    row |= {
        f"setting.{name}": value if isinstance(value, str) else json.dumps(value)
        for name, value in spec["settings"].items()
    }
    for name in metrics:
        row[f"metric.{name}"] = record["metrics"]["selected"].get(name)
        if name in record["floors"]:
            row[f"floor.{name}"] = record["floors"][name]
    return row | {f"cost.{name}": value for name, value in record["cost"].items()}


def _line(cells: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
