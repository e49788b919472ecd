"""Source of the library, tables and the course's ledger, as notebooks show them."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mtattr.evidence import (
    Table,
    answer,
    certainty,
    finding,
    judge_all,
    load_paper,
    of_edition,
    pool,
    read_ledger,
    to_markdown,
)
from mtattr.files import found_upwards

_UNDECIDED = {
    "not tested": "Too few trained networks are on record to say.",
    "not run yet": "The runs of this edition are not on record yet.",
}


def show_source(*objects: Any) -> Any:
    """Source of functions, methods or classes without docstrings, as an IPython display object.

    Needs the extra `book`.
    """
    from IPython.display import Markdown

    parts = [_without_docstring(textwrap.dedent(inspect.getsource(thing))) for thing in objects]
    return Markdown("```python\n" + "\n\n".join(parts) + "\n```")


def show_table(table: Table, *, columns: Sequence[str] | Mapping[str, str] | None = None) -> Any:
    """A table, or some of its columns in the given order, as an IPython display object.

    Args:
        table: the table.
        columns: names, or name -> shorter head, which keeps a table within a phone's width.
    """
    from IPython.display import Markdown

    heads = (
        columns
        if isinstance(columns, Mapping)
        else {name: name for name in columns or table.columns}
    )
    rows = tuple({head: row[name] for name, head in heads.items()} for row in table)
    return Markdown(to_markdown(Table(table.caption, tuple(heads.values()), rows)))


def show_finding(
    paper: str,
    rows: Sequence[tuple[str, str, str]],
    *,
    statement: str,
    about: Sequence[str],
    so_what: Mapping[str, str],
    title: str,
    pooled: str | None = None,
    unit: float = 100.0,
    label: str = "difference in percentage points",
    scale: str = "reduced",
) -> Any:
    """A forest plot of a chapter's claims, and its finding in three sentences made from verdicts.

    Args:
        paper: name of the paper.
        rows: a short name, the id of a claim, and a dataset, from top to bottom.
        statement: what the paper claims, without a full stop.
        about: ids of the claims in `rows` that say so.
        so_what: what follows from "yes", "in part", "no" and "not shown"; other answers of
            `mtattr.evidence.ANSWERS` have words of their own.
        title: what the figure shows.
        pooled: id of the pooled difference that belongs to the statement.
        unit: factor of differences in the figure.
        label: of the figure's axis.
        scale: of the runs.
    """
    from IPython.display import Markdown

    from mtattr.plots import forest_plot

    told = load_paper(paper)
    verdicts = judge_all(told, records_of(paper, scale=scale), scale=scale)
    forest_plot(
        [(name, verdicts[c, data], told.claim(c).smallest_effect) for name, c, data in rows],
        unit=unit,
        title=title,
        label=label,
    )
    asked = [verdicts[claim, data] for _, claim, data in rows if claim in about]
    together = [found for found in pool(told, verdicts) if found.pooling.id == pooled]
    said = finding(statement, asked, together[0] if together else None)
    return Markdown(
        f"1. *Does it work?* {said}\n2. *How sure?* {certainty(asked)}\n"
        f"3. *So what?* {(_UNDECIDED | dict(so_what))[answer(asked)]}"
    )


def course_ledger(start: str | Path = ".") -> list[dict[str, Any]]:
    """Records of the course's ledger, found from `start` upwards; none outside a checkout."""
    ledger = found_upwards("book/evidence/ledger.jsonl", start)
    return [] if ledger is None else read_ledger(ledger)


def records_of(paper: str, *, scale: str = "reduced") -> list[dict[str, Any]]:
    """Records of the course's ledger of one paper's present edition, at one scale."""
    mine = [
        r for r in course_ledger() if (r["spec"]["paper"], r["spec"]["scale"]) == (paper, scale)
    ]
    return of_edition(mine, load_paper(paper).edition)


def _without_docstring(source: str) -> str:
    import ast

    tree = ast.parse(source)
    lines = source.splitlines()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            text = node.body[0]
            for number in range(text.lineno - 1, text.end_lineno):
                lines[number] = None
    return "\n".join(line for line in lines if line is not None)
