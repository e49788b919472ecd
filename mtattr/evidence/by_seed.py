"""Measurements of one variant by seed, and paired differences of two variants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mtattr.evaluation.statistics import Interval, paired_interval, t_interval
from mtattr.evidence.record import measure
from mtattr.evidence.table import NOT_RUN, format_interval

Record = Mapping[str, Any]


def runs_by_seed(
    records: Iterable[Record], *, variant: str, dataset: str, **settings: Any
) -> dict[int, Record]:
    """Records of one variant on one dataset with exactly these settings, by seed in order.

    Of several records of a seed the last counts, as in a verdict. Hand in records of one paper and
    one scale.
    """
    wanted = (variant, dataset, settings)
    mine = [
        r
        for r in records
        if (r["spec"]["variant"], r["spec"]["dataset"], r["spec"]["settings"]) == wanted
    ]
    return {r["spec"]["seed"]: r for r in sorted(mine, key=lambda r: r["spec"]["seed"])}


def measures(runs: Mapping[int, Record], metric: str, epoch: str = "selected") -> dict[int, float]:
    """One measurement per seed; see `measure` for the names."""
    return {seed: measure(record, metric, epoch) for seed, record in runs.items()}


def values_by_seed(
    records: Iterable[Record],
    metric: str,
    *,
    variant: str,
    dataset: str,
    epoch: str = "selected",
    **settings: Any,
) -> list[float]:
    """Measurements of one variant on one dataset with exactly these settings, in order of seed."""
    runs = runs_by_seed(records, variant=variant, dataset=dataset, **settings)
    return list(measures(runs, metric, epoch).values())


def paired_difference(a: Mapping[int, float], b: Mapping[int, float]) -> Interval:
    """Mean and t interval of a - b over the seeds that both have; n is 0 if they share none."""
    seeds = sorted(a.keys() & b.keys())
    return paired_interval([a[seed] for seed in seeds], [b[seed] for seed in seeds])


def interval_words(
    values: Interval | Mapping[int, float] | Iterable[float], *, signed: bool = False
) -> str:
    """`mean [low, high]` of values over seeds, or of an interval; "not run yet" without a value."""
    if not isinstance(values, Interval):
        values = t_interval(list(values.values() if isinstance(values, Mapping) else values))
    return format_interval(values, signed=signed) if values.n else NOT_RUN
