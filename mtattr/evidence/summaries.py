"""Tables that sum up a paper: differences pooled over data, and counts of verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mtattr.evaluation.statistics import Interval
from mtattr.evidence.family import judge_all, tally
from mtattr.evidence.paper import Paper
from mtattr.evidence.pooling import Pooled, pool
from mtattr.evidence.table import EMPTY, NOT_RUN, Table, format_number
from mtattr.evidence.verdict import VERDICTS


def pooled_table(paper: Paper, records: Sequence[Mapping[str, Any]], *, scale: str) -> Table:
    """One row per entry of the paper's `pooled`: the mean difference and its spread over data."""
    rows = [_pooled_row(found) for found in pool(paper, judge_all(paper, records, scale=scale))]
    columns = ("question", "differences", "pooled [95 % CI]", "spread", "one more dataset")
    return Table(f"Pooled over datasets and networks, scale: {scale}", columns, tuple(rows))


def _pooled_row(found: Pooled) -> dict[str, str]:
    row = {
        "question": found.pooling.statement,
        "differences": str(len(found.verdicts)),
        "pooled [95 % CI]": NOT_RUN,
        "spread": EMPTY,
        "one more dataset": EMPTY,
    }
    if found.effects is None:
        return row
    effects = found.effects
    row["pooled [95 % CI]"] = pooled_words(found)
    if effects.pooled.n < 2:
        return row
    return row | {
        "spread": f"tau {format_number(effects.tau)}, I² {100 * effects.i2:.0f} %",
        "one more dataset": _ends(effects.prediction, " to "),
    }


def pooled_words(found: Pooled) -> str:
    """The pooled difference with its interval, and whether it is negligible."""
    if found.effects is None:
        return NOT_RUN
    pooled = found.effects.pooled
    mean = format_number(pooled.mean, signed=True)
    if pooled.n < 2:
        return mean
    words = f"{mean} [{_ends(pooled.interval(), ', ')}]"
    if found.within:
        words += f"; no difference within ±{found.pooling.smallest_effect:g}"
    return words


def _ends(interval: Interval, between: str) -> str:
    return between.join(format_number(end, signed=True) for end in (interval.low, interval.high))


def tally_table(
    papers: Sequence[Paper], records: Sequence[Mapping[str, Any]], *, scale: str
) -> Table:
    """Number of each verdict by paper, with its share of the claims that were tested."""
    rows = []
    for paper in papers:
        counts = tally(judge_all(paper, records, scale=scale).values())
        tested = sum(counts.values()) - counts["not tested"]
        row = {"paper": f"{paper.citation.authors[0]} et al.", "tested": str(tested)}
        for word in VERDICTS:
            share = f" ({100 * counts[word] / tested:.0f} %)" if tested and counts[word] else ""
            row[word] = str(counts[word]) + share * (word != "not tested")
        rows.append(row)
    return Table(f"Verdicts by paper, scale: {scale}", ("paper", *VERDICTS, "tested"), tuple(rows))
