"""Verdicts of an earlier edition beside those of today."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mtattr.errors import InputError
from mtattr.evidence.family import judge_all
from mtattr.evidence.paper import Paper
from mtattr.evidence.table import Table, format_interval


def read_earlier(path: Path) -> list[dict[str, Any]]:
    """Earlier verdicts, one JSON object per line: paper, claim, dataset, verdict, n, difference.

    The difference is [mean, low, high], or null where nothing was measured.
    """
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected one verdict as JSON per line ({error})") from None


def changes_table(
    paper: Paper,
    records: Sequence[Mapping[str, Any]],
    earlier: Sequence[Mapping[str, Any]],
    *,
    scale: str = "reduced",
) -> Table:
    """Claims that two editions share and judge differently, with the difference of today.

    Claims that today's edition has not tested are left out.
    """
    now, rows = judge_all(paper, records, scale=scale), []
    for before in earlier:
        key = before["claim"], before["dataset"]
        found = now.get(key) if before["paper"] == paper.name else None
        if found is None or found.verdict in (before["verdict"], "not tested"):
            continue
        rows.append(
            {
                "claim": f"{paper.claim(key[0]).statement} ({key[1]})",
                "first edition": before["verdict"],
                "now": found.verdict,
                "difference now": format_interval(found.difference, signed=True),
            }
        )
    columns = ("claim", "first edition", "now", "difference now")
    return Table(f"Verdicts that changed, scale: {scale}", columns, tuple(rows))
