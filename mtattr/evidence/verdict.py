"""Verdicts on claims, by rules that are fixed before the runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from mtattr.errors import InputError
from mtattr.evaluation.statistics import Interval, paired_interval, t_interval, welch_test
from mtattr.evidence.claim import Claim
from mtattr.evidence.pairing import Sample, collect
from mtattr.training.spec import SCALES

VERDICTS = ("reproduced", "partly", "trend holds", "not reproduced", "inconclusive", "not tested")

#: Fewer seeds than this give no verdict.
MINIMUM_SEEDS = 5

_HOLDS, _EXCLUDED, _OPEN = "holds", "excluded", "open"


@dataclass(frozen=True)
class Verdict:
    """The verdict on one claim, dataset and scale, with the numbers behind it.

    Args:
        difference: a - b over paired seeds; a minus the threshold or printed number; or a / b - 1
            for a ratio. None without a measurement.
        b: the other side over the same seeds; None for a claim about one variant.
        records: hashes of the run records used.

    Raises:
        ValueError: "reproduced" below paper scale, on generated data, for an exploratory claim or
            with fewer than five seeds.
    """

    claim: str
    dataset: str | None
    scale: str | None
    verdict: str
    reason: str
    difference: Interval | None = None
    a: Interval | None = None
    b: Interval | None = None
    p: float | None = None
    n: int = 0
    generated: bool = False
    exploratory: bool = False
    records: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"unknown verdict {self.verdict!r}")
        allowed = (
            self.scale == "paper"
            and not self.generated
            and not self.exploratory
            and self.n >= MINIMUM_SEEDS
        )
        if self.verdict in ("reproduced", "partly") and not allowed:
            raise ValueError(
                f"{self.claim}: {self.verdict!r} needs paper scale, real data, a claim made before "
                f"the runs and {MINIMUM_SEEDS} seeds"
            )
        if self.verdict != "not tested" and (self.scale == "smoke" or self.n < MINIMUM_SEEDS):
            raise ValueError(
                f"{self.claim}: {self.verdict!r} needs {MINIMUM_SEEDS} seeds, not smoke runs"
            )


def judge(
    claim: Claim,
    records: Sequence[Mapping[str, Any]],
    *,
    dataset: str | None = None,
    scale: str | None = None,
    level: float = 0.95,
) -> Verdict:
    """The verdict on one claim by the records of one dataset and scale.

    - "reproduced", "partly": at paper scale on real data the claim holds, and the printed numbers
      agree, or do not, within the tolerance
    - "trend holds": the claim holds at a smaller scale, on generated data, or is not the paper's
    - "not reproduced": the interval excludes the claim
    - "inconclusive", "not tested": neither, or no verdict is possible, with the reason

    Args:
        records: those that do not concern the claim are ignored.
        dataset: needed, like `scale`, if the other records differ in it.
        level: coverage of the intervals.
    """
    if scale is not None and scale not in SCALES:
        raise InputError(f"scale {scale!r} is not one of {', '.join(SCALES)}")
    mine = [
        r
        for r in records
        if claim.concerns(r)
        and dataset in (None, r["spec"]["dataset"])
        and scale in (None, r["spec"]["scale"])
    ]
    groups = sorted({(r["spec"]["dataset"], r["spec"]["scale"]) for r in mine})
    if len(groups) > 1:
        raise InputError(
            f"claim {claim.id}: records of {groups} are mixed: name one dataset and one scale"
        )
    if groups:
        dataset, scale = groups[0]

    sample = collect(claim, mine)
    difference, a, b, p = _measure(claim, sample, level)
    generated = any(r["data"]["generated"] for r in mine)
    if mine:
        outcome, why = _outcome(claim, sample, difference, scale, generated=generated)
    else:
        outcome, why = "not tested", "no record"
    return Verdict(
        claim=claim.id,
        dataset=dataset,
        scale=scale,
        verdict=outcome,
        reason="; ".join((why, *sample.remarks)),
        difference=difference,
        a=a,
        b=b,
        p=p,
        n=len(sample.seeds),
        generated=generated,
        exploratory=claim.exploratory,
        records=sample.records,
    )


def _measure(
    claim: Claim, sample: Sample, level: float
) -> tuple[Interval | None, Interval | None, Interval | None, float | None]:
    if not sample.seeds:
        return None, None, None, None
    a = t_interval(sample.a, level)
    b = t_interval(sample.b, level) if len(claim.variants) == 2 else None
    if claim.kind == "welch":
        return _welch_interval(sample, 1 - claim.level), a, b, welch_test(sample.a, sample.b).p
    if claim.kind == "ratio":
        ratios = [x / y if y > 0 else math.nan for x, y in zip(sample.a, sample.b, strict=True)]
        return paired_interval(ratios, np.ones(len(ratios)), level), a, b, None
    return paired_interval(sample.a, sample.b, level), a, b, None


def _welch_interval(sample: Sample, level: float) -> Interval:
    """Interval of the difference of means; it excludes 0 exactly when Welch's p < 1 - level."""
    a, b = np.asarray(sample.a), np.asarray(sample.b)
    mean, n = float(a.mean() - b.mean()), len(a)
    if n < 2:
        return Interval(mean, math.nan, math.nan, n)
    test = welch_test(a, b)
    if math.isnan(test.df):
        return Interval(mean, mean, mean, n)
    half = float(
        stdtrit(test.df, (1 + level) / 2) * math.sqrt(a.var(ddof=1) / n + b.var(ddof=1) / n)
    )
    return Interval(mean, mean - half, mean + half, n)


def _outcome(
    claim: Claim, sample: Sample, difference: Interval | None, scale: str, *, generated: bool
) -> tuple[str, str]:
    n = len(sample.seeds)
    if scale == "smoke":
        return "not tested", "smoke runs only show that the code runs"
    if not claim.judged_at(scale):
        return (
            "not tested",
            f"the claim can be judged from {claim.minimum_scale} scale on, these are {scale} runs",
        )
    faithful = scale == "paper" and not generated
    if claim.kind == "value" and not faithful:
        return "not tested", "a printed number can only be met at paper scale on real data"
    if n < MINIMUM_SEEDS or difference.n < MINIMUM_SEEDS:
        return "not tested", f"{n} usable seed{'s' * (n != 1)}, a verdict needs {MINIMUM_SEEDS}"
    state, why = _state(claim, difference)
    if state == _EXCLUDED:
        return "not reproduced", why
    if state == _OPEN:
        return "inconclusive", why
    if not faithful or claim.exploratory or claim.ours:
        return "trend holds", why
    if far := _far_from_print(claim, sample):
        return "partly", f"{why}, but {far}"
    return "reproduced", why


def _state(claim: Claim, difference: Interval) -> tuple[str, str]:
    """Place of the interval: inside the claim, outside it, or across its edge; and why."""
    low, high = difference.low, difference.high
    margin = claim.tolerance if claim.kind == "value" else claim.margin or 0.0
    match claim.kind:
        case "greater" | "greater_than_value" | "welch":
            if low > margin:
                return _HOLDS, f"the interval lies above {margin:g}"
            if high <= margin:
                return _EXCLUDED, f"the interval does not reach above {margin:g}"
            return _OPEN, f"the interval spans {margin:g}"
        case "equivalent" | "ratio" | "value":
            if -margin < low and high < margin:
                return _HOLDS, f"the interval lies within ±{margin:g}"
            if low >= margin or high <= -margin:
                return _EXCLUDED, f"the interval lies outside ±{margin:g}"
            return _OPEN, f"the interval spans the edge of ±{margin:g}"
        case _:
            if -margin <= low and high <= margin:
                within = f"the interval lies within ±{margin:g}"
                return _EXCLUDED, within if margin else "there is no difference"
            if difference.excludes(0.0):
                return _HOLDS, "the interval excludes 0"
            return _OPEN, "the interval spans 0"


def _far_from_print(claim: Claim, sample: Sample) -> str:
    """Our means further than the tolerance from the printed numbers, in words; may be empty."""
    if claim.kind != "greater" or not claim.published:
        return ""
    parts = []
    for side, variant, values in (("a", claim.a, sample.a), ("b", claim.b, sample.b)):
        printed, ours = claim.published.get(side), float(np.mean(values))
        if printed is not None and abs(ours - printed) > claim.tolerance:
            parts.append(f"{variant} is {ours:.3f} where the paper prints {printed:.3f}")
    return " and ".join(parts)
