"""Tables of verdicts and results, made from a paper and run records alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mtattr.canonical import canonical_json
from mtattr.evaluation.statistics import t_interval
from mtattr.evidence.claim import Claim
from mtattr.evidence.family import judge_all
from mtattr.evidence.paper import Paper
from mtattr.evidence.record import floor_of, measure, short_id
from mtattr.evidence.table import EMPTY, NOT_RUN, Table, format_interval, format_number, format_p
from mtattr.evidence.verdict import Verdict
from mtattr.training.spec import SCALES


def verdict_table(
    paper: Paper,
    records: Sequence[Mapping[str, Any]],
    *,
    scale: str,
    datasets: Sequence[str] | None = None,
) -> Table:
    """One row per claim and dataset: the paper's numbers, ours at `scale`, and the verdict.

    Args:
        datasets: show only these; by default all that the claims name.
    """
    rows = [
        _verdict_row(paper.claim(claim), found, is_generated(dataset, records))
        for (claim, dataset), found in judge_all(paper, records, scale=scale).items()
        if datasets is None or dataset in datasets
    ]
    columns = (
        "claim",
        "where",
        "paper",
        "ours, mean [95 % CI]",
        "seeds",
        "difference",
        "printed difference",
        "p",
        "power",
        "interval from",
        "scale",
        "dataset",
        "verdict",
        "why",
        "records",
    )
    return Table(
        f"{paper.citation.authors[0]} et al.: claims and verdicts, scale: {scale}",
        columns,
        tuple(rows),
    )


def claims_table(
    paper: Paper,
    records: Sequence[Mapping[str, Any]],
    *,
    title: str,
    scale: str,
    datasets: Sequence[str],
    ours: bool = False,
    exploratory: bool = False,
) -> Table:
    """One row per claim of one kind, with the `verdict_words` of each of `datasets`.

    All claims of the paper are judged, also those that are not shown: see `judge_all`.

    Args:
        ours: claims that the paper does not make.
        exploratory: claims made after the first runs.
    """
    verdicts = judge_all(paper, records, scale=scale)
    rows = []
    for claim in paper.claims:
        mine = [name for name in datasets if name in claim.datasets]
        if mine and (claim.ours, claim.exploratory) == (ours, exploratory):
            words = [verdict_words(claim, verdicts[claim.id, name]) for name in mine]
            if len(datasets) > 1:
                words = [f"{name}: {said}" for name, said in zip(mine, words, strict=True)]
            rows.append(
                {
                    "claim": claim.statement + ("" if ours else f" ({claim.where})"),
                    "verdict": "<br>".join(words),
                }
            )
    about = _kind_of_data({is_generated(name, records) for name in datasets})
    return Table(f"{title}, scale: {scale}{about}", ("claim", "verdict"), tuple(rows))


def verdict_words(claim: Claim, found: Verdict) -> str:
    """The verdict in bold with the numbers that decided it, or why there is none.

    The numbers are the difference (a - b, a minus its floor, or a / b - 1), or the mean that is
    compared with a bound, and the printed difference if there is one.
    """
    if found.verdict == "not tested":
        return NOT_RUN if _no_record(found) else f"not tested, {found.reason}"
    words = f"**{found.verdict}**"
    if claim.kind == "greater_than_value" and claim.floor is None:
        bound = f", bound {format_number(claim.value)}" if claim.value else ""
        return f"{words}, {format_interval(found.a, signed=not claim.value)}{bound}"
    words += f", {format_interval(found.difference, signed=True)}"
    return words if found.printed is None else f"{words}, printed {_printed_difference(found)}"


def _no_record(found: Verdict) -> bool:
    return found.reason.startswith("no record")


def is_generated(dataset: str, records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a dataset is drawn by this package, by its records or its name."""
    return dataset.endswith("-twin") or any(
        r["data"]["generated"] for r in records if r["spec"]["dataset"] == dataset
    )


def _verdict_row(claim: Claim, verdict: Verdict, generated: bool) -> dict[str, str]:
    ours = f"{claim.a} {format_interval(verdict.a)}"
    if verdict.b is not None:
        ours += f"; {claim.b} {format_interval(verdict.b)}"
    return {
        "claim": claim.statement,
        "where": claim.where,
        "paper": _printed(claim),
        "ours, mean [95 % CI]": ours if verdict.n else NOT_RUN if _no_record(verdict) else EMPTY,
        "seeds": str(verdict.n),
        "difference": format_interval(verdict.difference, signed=True),
        "printed difference": _printed_difference(verdict),
        "p": _p_values(verdict),
        "power": _power(verdict),
        "interval from": _interval_from(verdict),
        "scale": verdict.scale or EMPTY,
        "dataset": f"{verdict.dataset}{' (generated)' * generated}",
        "verdict": f"exploratory ({verdict.verdict})" if claim.exploratory else verdict.verdict,
        "why": verdict.reason,
        "records": " ".join(sha[:8] for sha in verdict.records) or EMPTY,
    }


def _printed(claim: Claim) -> str:
    if not claim.published:
        return EMPTY
    names = {"a": claim.a, "b": claim.b, "p": "p ="}
    return "; ".join(
        f"{names.get(key, key)} {format_number(value)}" for key, value in claim.published.items()
    )


def _printed_difference(found: Verdict) -> str:
    if found.printed is None:
        return EMPTY
    return format_number(found.printed, signed=True) + " (excluded)" * found.printed_excluded


def _p_values(found: Verdict) -> str:
    if found.p is None:
        return EMPTY
    holm = "" if found.p_holm is None else f", after Holm {format_p(found.p_holm)}"
    return format_p(found.p) + holm


def _power(found: Verdict) -> str:
    """Chance to see the printed difference, else the difference that is seen with 80 %."""
    if found.power is not None:
        return f"{100 * found.power:.0f} % for {format_number(abs(found.printed))}"
    return EMPTY if found.detectable is None else f"80 % for {format_number(found.detectable)}"


def _interval_from(found: Verdict) -> str:
    known = found.estimate is not None and not math.isnan(found.estimate.df)
    return f"{found.error_from}, {found.estimate.df:.3g} df" if known else EMPTY


def result_table(
    records: Sequence[Mapping[str, Any]],
    metrics: Sequence[str],
    *,
    by: Sequence[str] = ("backbone",),
    scale: str | None = None,
    epoch: str = "selected",
) -> Table:
    """Mean [95 % t interval over seeds] of each metric and its floor on the test split.

    One row per dataset, scale, setting and variant, in this order; without records, one row that
    says so. Of several records of one seed the last counts.

    Args:
        metrics: test metrics, or costs ("cost.train_seconds"), which have no floor.
        by: settings with a column of their own; the others share the column "settings".
        epoch: "selected" or "last".
    """
    records = [record for record in records if scale in (None, record["spec"]["scale"])]
    groups: dict[tuple[str, ...], dict[int, Mapping[str, Any]]] = {}
    for record in records:
        spec = record["spec"]
        rest = {key: value for key, value in spec["settings"].items() if key not in by}
        key = (
            spec["dataset"],
            spec["scale"],
            *(str(spec["settings"].get(name, EMPTY)) for name in by),
            spec["variant"],
        )
        groups.setdefault((*key, canonical_json(rest) if rest else EMPTY), {})[spec["seed"]] = (
            record
        )
    heads = [
        head
        for metric in metrics
        for head in (metric, f"{metric} floor")
        if not head.startswith("cost.") or head == metric
    ]
    keys = ("dataset", "scale", *by, "variant", "settings")
    if all(key[-1] == EMPTY for key in groups):
        keys = keys[:-1]
    rows = []
    for key, by_seed in sorted(
        groups.items(), key=lambda group: (group[0][0], SCALES.index(group[0][1]), group[0][2:-2])
    ):
        runs = list(by_seed.values())
        row = dict(zip(keys, key, strict=False))
        row["dataset"] += " (generated)" * any(run["data"]["generated"] for run in runs)
        row["seeds"] = str(len(runs))
        for metric in metrics:
            row[metric] = format_interval(t_interval([measure(run, metric, epoch) for run in runs]))
            row[f"{metric} floor"] = format_number(
                t_interval([floor_of(run, metric) for run in runs]).mean
            )
        row["records"] = " ".join(short_id(run) for run in runs)
        rows.append(row)
    columns = (*keys, "seeds", *heads, "records")
    if not rows:
        rows = [{column: NOT_RUN if column in metrics else EMPTY for column in columns}]
    return Table(_caption(records, scale, epoch), columns, tuple(rows))


def _caption(records: Sequence[Mapping[str, Any]], scale: str | None, epoch: str) -> str:
    scales = sorted({record["spec"]["scale"] for record in records}) or [scale or NOT_RUN]
    about = _kind_of_data({record["data"]["generated"] for record in records})
    head = f"Mean [95 % CI over seeds] on the test split, {epoch} epoch"
    return f"{head}, scale: {' and '.join(scales)}{about}"


def _kind_of_data(generated: set[bool]) -> str:
    kinds = {(): "", (True,): ", generated data", (False,): ", real data"}
    return kinds.get(tuple(generated), ", real and generated data")
