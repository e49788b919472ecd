"""Tables of text; numbers and intervals as text; Markdown and HTML."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from mtattr.evaluation.statistics import Interval

NOT_RUN = "not run yet"
EMPTY = "—"


@dataclass(frozen=True)
class Table:
    """A caption, column heads and rows of text; iterating gives the rows as dicts."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]

    def __iter__(self) -> Iterator[Mapping[str, str]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def format_number(value: float | None, *, signed: bool = False) -> str:
    """A number with three decimals below 10, one below 1000, none above; a dash for None and NaN.

    Whole numbers above 9 have no decimals.
    """
    if value is None or math.isnan(value):
        return EMPTY
    whole = isinstance(value, int) and abs(value) > 9
    digits = 0 if whole or abs(value) >= 1000 else 3 if abs(value) < 10 else 1
    text = f"{value:{'+' if signed else ''}.{digits}f}"
    # A bound that only rounds to zero keeps its sign: verdicts depend on its side.
    return text.replace("-", "−") if value else f"{0:.{digits}f}"


def format_p(p: float) -> str:
    """A p-value with three decimals, or that it is below the smallest of them."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def format_interval(interval: Interval | None, *, signed: bool = False) -> str:
    """`mean [low, high]`; below three seeds the mean alone, since an interval says nothing."""
    if interval is None or interval.n == 0:
        return EMPTY
    mean = format_number(interval.mean, signed=signed)
    if interval.n < 3 or math.isnan(interval.low):
        return mean
    low, high = (format_number(end, signed=signed) for end in (interval.low, interval.high))
    return f"{mean} [{low}, {high}]"


def to_markdown(table: Table) -> str:
    """The table as Markdown: the caption in bold, then a pipe table."""

    def line(cells: Sequence[str]) -> str:
        clean = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
        return f"| {' | '.join(clean)} |"

    head = [f"**{table.caption}**", "", line(table.columns), "|" + " --- |" * len(table.columns)]
    return "\n".join([*head, *(line([row[c] for c in table.columns]) for row in table)])


def to_html(table: Table) -> str:
    """The table as HTML with a caption and column heads that screen readers announce."""
    heads = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{escape(row[c])}</td>" for c in table.columns) + "</tr>"
        for row in table
    )
    return (
        f"<table>\n<caption>{escape(table.caption)}</caption>\n<thead><tr>{heads}</tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table>"
    )
