"""Verdicts on claims, by rules that are fixed before the runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtattr.errors import InputError
from mtattr.evaluation.statistics import Estimate, Interval, t_interval
from mtattr.evidence.block import contrast
from mtattr.evidence.claim import Claim
from mtattr.evidence.decision import ALPHA, EXCLUDED, HOLDS, Decision, decide, null_of
from mtattr.evidence.gate import why_not_judged
from mtattr.evidence.pairing import Sample, collect
from mtattr.training.spec import SCALES

VERDICTS = (
    "reproduced",
    "partly",
    "trend holds",
    "not reproduced",
    "no difference",
    "inconclusive",
    "not tested",
)

#: Fewer seeds than this give no verdict.
MINIMUM_SEEDS = 5


@dataclass(frozen=True)
class Verdict:
    """The verdict on one claim, dataset and scale, with the numbers behind it.

    Args:
        difference: a - b over paired seeds; a minus the threshold or printed number; or a / b - 1
            for a ratio. None without a measurement.
        b: the other side over the same seeds; None for a claim about one variant.
        p: p-value of the test of the claim's bound; None where nothing was tested.
        p_holm: the same after Holm's correction within the paper; None for a claim that is not
            primary, or that was judged alone.
        estimate: the difference with standard error and degrees of freedom.
        error_from: where the standard error comes from: the claim's own pairs or a block.
        negligible: whether the difference is shown to be within the smallest effect of interest.
        printed: the difference that the paper prints.
        printed_excluded: whether it lies outside the 95 % interval; None if none is printed.
        power: chance that these runs would see an effect of the printed size; None if none is.
        detectable: smallest effect that these runs would see with 80 % power.
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
    p_holm: float | None = None
    n: int = 0
    estimate: Estimate | None = None
    error_from: str = ""
    negligible: bool = False
    printed: float | None = None
    printed_excluded: bool | None = None
    power: float | None = None
    detectable: float | None = None
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
) -> Verdict:
    """The verdict on one claim by the records of one dataset and scale.

    It stands alone: the claims of a paper are judged together, with Holm's correction, by
    `judge_all`. The first line that applies is the verdict:

    - "not tested": too few runs, a time by the wall clock, or networks that have not learned
    - "reproduced", "partly": at paper scale on real data the claim holds, and the printed numbers
      agree, or do not, within the tolerance
    - "trend holds": the claim holds at a smaller scale, on generated data, or is not the paper's
    - "not reproduced": the interval excludes the claim
    - "no difference": two one-sided tests put the difference within the smallest effect of interest
    - "inconclusive": none of these

    Args:
        records: those that do not concern the claim make up its block, or are ignored.
        dataset: needed, like `scale`, if the other records differ in it.
    """
    if scale is not None and scale not in SCALES:
        raise InputError(f"scale {scale!r} is not one of {', '.join(SCALES)}")
    mine = [
        r
        for r in records
        if claim.concerns_in_any_edition(r)
        and dataset in (None, r["spec"]["dataset"])
        and scale in (None, r["spec"]["scale"])
    ]
    current = [r for r in mine if claim.concerns(r)]
    groups = sorted({(r["spec"]["dataset"], r["spec"]["scale"]) for r in current})
    if len(groups) > 1:
        raise InputError(
            f"claim {claim.id}: records of {groups} are mixed: name one dataset and one scale"
        )
    if groups:
        dataset, scale = groups[0]

    sample = collect(claim, mine)
    generated = any(r["data"]["generated"] for r in current)
    about = {
        "claim": claim.id,
        "dataset": dataset,
        "scale": scale,
        "n": len(sample.seeds),
        "generated": generated,
        "exploratory": claim.exploratory,
        "records": sample.records,
    }
    if sample.seeds:
        found = contrast(claim, records, sample)
        level = 1 - claim.level if claim.kind == "welch" else 0.95
        about |= {
            "difference": found.estimate.interval(level),
            "a": t_interval(sample.a),
            "b": t_interval(sample.b) if len(claim.variants) == 2 else None,
            "estimate": found.estimate,
            "error_from": found.error_from,
        }
    faithful = scale == "paper" and not generated
    why = _why_not_tested(claim, sample, about.get("estimate"), scale, faithful=faithful)
    if not current or why:
        reason = "; ".join((why if current else "no record", *sample.remarks))
        return Verdict(**about, verdict="not tested", reason=reason)
    decision = decide(claim, found.estimate)
    outcome, why = _outcome(claim, sample, decision, faithful=faithful)
    return Verdict(
        **about,
        **_printed_effect(claim, found.estimate),
        verdict=outcome,
        reason="; ".join((why, *sample.remarks)),
        p=decision.p,
        negligible=decision.negligible,
    )


def _why_not_tested(
    claim: Claim, sample: Sample, estimate: Estimate | None, scale: str, *, faithful: bool
) -> str:
    if scale == "smoke":
        return "smoke runs only show that the code runs"
    if scale is not None and not claim.judged_at(scale):
        return (
            f"the claim can be judged from {claim.minimum_scale} scale on, these are {scale} runs"
        )
    if claim.kind == "value" and not faithful:
        return "a printed number can only be met at paper scale on real data"
    if (n := min(len(sample.seeds), estimate.n if estimate else 0)) < MINIMUM_SEEDS:
        return f"{n} usable seed{'s' * (n != 1)}, a verdict needs {MINIMUM_SEEDS}"
    return why_not_judged(claim, sample)


def _outcome(
    claim: Claim, sample: Sample, decision: Decision, *, faithful: bool
) -> tuple[str, str]:
    why = decision.why
    if decision.state not in (HOLDS, EXCLUDED):
        return undecided(decision.negligible, why, claim.smallest_effect)
    if decision.negligible:
        why += (
            f", but the effect is smaller than the smallest of interest, {claim.smallest_effect:g}"
        )
    if decision.state == EXCLUDED:
        return "not reproduced", why
    if not faithful or claim.exploratory or claim.ours:
        return "trend holds", why
    if far := _far_from_print(claim, sample):
        return "partly", f"{why}, but {far}"
    return "reproduced", why


def undecided(negligible: bool, why: str, smallest_effect: float | None) -> tuple[str, str]:
    """The verdict on a claim that neither holds nor is excluded, and the reason."""
    if negligible:
        return "no difference", f"the 90 % interval lies within ±{smallest_effect:g} of the bound"
    return "inconclusive", why


def _printed_effect(claim: Claim, estimate: Estimate) -> dict[str, Any]:
    """The paper's difference, whether ours excludes it, and what these runs could see."""
    found: dict[str, Any] = {}
    if (detectable := estimate.detectable(0.8, ALPHA)) == detectable:
        found["detectable"] = detectable
    a, b = ((claim.published or {}).get(side) for side in "ab")
    if a is None or b is None or len(claim.variants) != 2:
        return found
    printed = a / b - 1 if claim.kind == "ratio" else a - b
    power = estimate.power(printed - null_of(claim), ALPHA)
    return found | {
        "printed": printed,
        "printed_excluded": estimate.interval(1 - ALPHA).excludes(printed),
        "power": None if math.isnan(power) else power,
    }


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
