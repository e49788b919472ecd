"""Tables of a `paper.yaml`: printed numbers, deviations, errata, artefacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mtattr.evidence.paper import Paper
from mtattr.evidence.table import Table, format_number


def published_table(paper: Paper, name: str) -> Table:
    """One table as the paper prints it, with a dash where it prints nothing."""
    table = paper.table(name)
    rows = [
        {"": row} | dict(zip(table.columns, map(format_number, numbers), strict=True))
        for row, numbers in table.rows.items()
    ]
    return Table(
        f"{table.title} ({table.where}, as printed). {table.note}".strip(),
        ("", *table.columns),
        tuple(rows),
    )


def deviation_table(paper: Paper) -> Table:
    """Departures from the paper, their reasons and expected effects."""
    names = ("item", "paper_says", "we_do", "why", "expected_effect", "tested")
    heads = {name: name.replace("_", " ") for name in names}
    return _table("Deviations from the paper", paper.deviations, heads)


def errata_table(paper: Paper) -> Table:
    """Errors, ambiguities and silences of the paper, with the evidence."""
    names = ("item", "where", "kind", "finding", "evidence")
    return _table("Errata", paper.errata, dict(zip(names, names, strict=True)))


def artefact_table(paper: Paper) -> Table:
    """Tables and figures of the paper and the notebook cell that remakes each."""
    heads = {"item": "item", "notebook": "notebook", "anchor": "cell"}
    return _table("Where each table and figure is made again", paper.artefacts, heads)


def _table(caption: str, items: Sequence[Any], heads: Mapping[str, str]) -> Table:
    def text(value: Any) -> str:
        return ("yes" if value else "no") if isinstance(value, bool) else str(value)

    rows = tuple(
        {head: text(getattr(item, name)) for name, head in heads.items()} for item in items
    )
    return Table(caption, tuple(heads.values()), rows)
