"""What a `paper.yaml` holds, as tables for a page: printed numbers, deviations, errata, artefacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mtattr.evidence.paper import Paper
from mtattr.evidence.table import Table, format_number


def published_table(paper: Paper, name: str) -> Table:
    """A table as the paper prints it; a dash where it prints nothing. `InputError` for an unknown id."""
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
    """Where we depart from the paper, why, and what that may change."""
    heads = {
        "item": "item",
        "paper_says": "paper says",
        "we_do": "we do",
        "why": "why",
        "expected_effect": "expected effect",
        "tested": "tested",
    }
    return _of("Deviations from the paper", paper.deviations, heads)


def errata_table(paper: Paper) -> Table:
    """Slips, ambiguities and silences of the paper, with the evidence."""
    return _of(
        "Errata",
        paper.errata,
        {name: name for name in ("item", "where", "kind", "finding", "evidence")},
    )


def artefact_table(paper: Paper) -> Table:
    """The paper's tables and figures and the notebook cell that makes each again."""
    return _of(
        "Where each table and figure is made again",
        paper.artefacts,
        {"item": "item", "notebook": "notebook", "anchor": "cell"},
    )


def _of(caption: str, items: Sequence[Any], heads: Mapping[str, str]) -> Table:
    def text(value: Any) -> str:
        return ("yes" if value else "no") if isinstance(value, bool) else str(value)

    rows = tuple(
        {head: text(getattr(item, name)) for name, head in heads.items()} for item in items
    )
    return Table(caption, tuple(heads.values()), rows)
