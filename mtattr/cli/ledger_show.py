"""`mtattr ledger show`: the records, chosen by their specification, as lines, CSV or JSON."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import click

from mtattr.cli.ledger_file import ledger_option, records_of
from mtattr.cli.options import Names, Seeds, Setting
from mtattr.errors import InputError


@click.command()
@ledger_option
@click.option("--paper", type=Names(), help="Papers, separated by commas  [default: all].")
@click.option("--variant", type=Names(), help="Variants, separated by commas.")
@click.option("--dataset", type=Names(), help="Datasets, separated by commas.")
@click.option("--scale", type=Names(), help="smoke, reduced or paper.")
@click.option("--seed", type=Seeds(), help="For example 3, 0-4 or 0,2,5-7.")
@click.option(
    "--setting",
    "settings",
    type=Setting(),
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting that the run was given; repeatable.",
)
@click.option("--edition", type=click.IntRange(min=1), help="Edition of the recipes.")
@click.option(
    "--metric", "metrics", multiple=True, help="A test metric; repeatable  [default: all]."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print a table as CSV, one row a record.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the records as the ledger holds them, a line each.",
)
def show(
    path: Path | None,
    metrics: tuple[str, ...],
    as_csv: bool,
    as_json: bool,
    settings: tuple[tuple[str, Any], ...],
    edition: int | None,
    **chosen: Collection[Any] | None,
) -> None:
    """List the records that fit all of the options; without options all of them.

    Metrics are those of the selected epoch. Exit code: 0, also if no record fits; 2 for bad input;
    1 if the reader of the output left early.
    """
    from mtattr.evidence import canonical_json, edition_of
    from mtattr.evidence.spreadsheet import check_metrics, csv_lines

    if as_json and (as_csv or metrics):
        raise InputError("--json prints whole records; leave --csv and --metric out")
    records = [
        record
        for record in records_of(path)
        if all(names is None or record["spec"][key] in names for key, names in chosen.items())
        and all(_has(record, *setting) for setting in settings)
        and edition in (None, edition_of(record))
    ]
    check_metrics(records, metrics)
    if as_csv:
        lines = csv_lines(records, metrics)
    else:
        lines = map(canonical_json if as_json else lambda row: _line(row, metrics), records)
    for line in lines:
        click.echo(line)
    click.echo(f"{len(records)} records", err=True)


def _has(record: dict[str, Any], name: str, value: Any) -> bool:
    settings = record["spec"]["settings"]
    # In Python 1 == True.
    return name in settings and (settings[name], type(settings[name]) is bool) == (
        value,
        type(value) is bool,
    )


def _line(record: dict[str, Any], metrics: Collection[str]) -> str:
    from mtattr.evidence import edition_of, short_id

    spec = record["spec"]
    words = [
        short_id(record),
        spec["paper"],
        spec["variant"],
        spec["dataset"],
        "(generated)" if record["data"]["generated"] else "(real)",
        spec["scale"],
        f"seed {spec['seed']}",
        f"edition {edition_of(record)}",
        *(f"{key}={value}" for key, value in spec["settings"].items()),
    ]
    words += [
        f"{name}={value:.4f}"
        for name, value in record["metrics"]["selected"].items()
        if value is not None and (not metrics or name in metrics)
    ]
    return " ".join(words)
