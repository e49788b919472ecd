"""How much a network has learned: the share of the way from a constant answer to the ceiling."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

#: A task counts as learned if its accuracy exceeds that of its most frequent answer by this.
ABOVE_FLOOR = 0.005


def learned(
    metric: str,
    scores: Mapping[str, float],
    floors: Mapping[str, float],
    by_task: Mapping[str, Sequence[float]],
) -> dict[str, Any]:
    """Score, floor, ceiling and share of one metric, and the number of tasks above their floor.

    Where the test split has a drawn truth (names with the prefix `true_`), that is what counts,
    since annotation errors can't be learned; the ceiling is 1.

    Args:
        metric: the one that selects the epoch.
        scores: test metrics of the selected epoch, by name.
        floors: the same of a constant answer.
        by_task: `accuracy` and `floor` of every task, if the run has them.

    Returns:
        `metric`, `score`, `floor`, `ceiling`, `share` in [-inf, 1], `tasks` and
        `tasks_above_floor`; None where the run does not say.
    """
    prefix = "true_" if f"true_{metric}" in scores else ""
    name = prefix + metric
    score, floor, ceiling = scores[name], floors.get(name, math.nan), 1.0
    accuracy, constant = by_task.get(f"{prefix}accuracy"), by_task.get(f"{prefix}floor")
    above = None
    if accuracy is not None and constant is not None:
        above = sum(a > f + ABOVE_FLOOR for a, f in zip(accuracy, constant, strict=True))
    return {
        "metric": name,
        "score": score,
        "floor": floor,
        "ceiling": ceiling,
        "share": (score - floor) / (ceiling - floor) if floor < ceiling else math.nan,
        "tasks": None if accuracy is None else len(accuracy),
        "tasks_above_floor": above,
    }
