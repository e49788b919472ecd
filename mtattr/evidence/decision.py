"""What an estimate says about a claim: holds, excluded, no difference or open."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mtattr.evaluation.statistics import Estimate
from mtattr.evidence.claim import Claim

#: Largest p-value of a decision, alone and after Holm's correction.
ALPHA = 0.05

HOLDS, EXCLUDED, OPEN = "holds", "excluded", "open"


@dataclass(frozen=True)
class Decision:
    """The place of an estimate against a claim.

    Args:
        state: "holds", "excluded" or "open"; the first two have p < .05.
        p: p-value of the test of the claim's bound.
        negligible: whether the difference from the bound is within the smallest effect of interest
            by two one-sided tests.
        why: the rule that decided.
    """

    state: str
    p: float
    negligible: bool
    why: str


def decide(claim: Claim, estimate: Estimate) -> Decision:
    """The decision on one claim alone, without the correction for the others of its paper."""
    match claim.kind:
        case "greater" | "greater_than_value" | "welch":
            return _above(claim, estimate)
        case "equivalent" | "ratio" | "value":
            return _inside(claim, estimate)
        case _:
            return _outside(claim, estimate)


def null_of(claim: Claim) -> float:
    """Number that `no difference` is about: the bound of an ordering, else 0."""
    ordering = claim.kind in ("greater", "greater_than_value", "welch")
    return (claim.margin or 0.0) if ordering else 0.0


def _above(claim: Claim, estimate: Estimate) -> Decision:
    null, alpha = null_of(claim), claim.level or ALPHA
    interval, p = estimate.interval(1 - alpha), estimate.p_differs(null)
    negligible = _negligible(claim, estimate)
    if interval.low > null:
        return Decision(HOLDS, p, negligible, f"the interval lies above {null:g}")
    # An interval without width that is the bound itself excludes the claim, if nothing says more.
    if interval.high < null or (interval.high == null and not negligible):
        return Decision(EXCLUDED, p, negligible, f"the interval does not reach above {null:g}")
    return Decision(OPEN, p, negligible, f"the interval spans {null:g}")


def _inside(claim: Claim, estimate: Estimate) -> Decision:
    bound = claim.tolerance if claim.kind == "value" else claim.margin
    within = estimate.p_within(bound)
    if within < ALPHA:
        return Decision(HOLDS, within, False, f"the 90 % interval lies within ±{bound:g}")
    if abs(estimate.mean) < bound:
        return Decision(OPEN, within, False, f"the interval spans the edge of ±{bound:g}")
    p = estimate.p_differs(math.copysign(bound, estimate.mean))
    if p < ALPHA:
        return Decision(EXCLUDED, p, False, f"the interval lies outside ±{bound:g}")
    return Decision(OPEN, p, False, f"the interval spans the edge of ±{bound:g}")


def _outside(claim: Claim, estimate: Estimate) -> Decision:
    bound, negligible = claim.margin or 0.0, _negligible(claim, estimate)
    if abs(estimate.mean) > bound:
        p = estimate.p_differs(math.copysign(bound, estimate.mean))
        beyond = f"the interval lies outside ±{bound:g}" if bound else "the interval excludes 0"
        if p < ALPHA:
            return Decision(HOLDS, p, negligible, beyond)
    else:
        p = estimate.p_within(bound)
        if p < ALPHA:
            return Decision(EXCLUDED, p, negligible, f"the 90 % interval lies within ±{bound:g}")
        if estimate.error == 0 and not bound and not negligible:
            return Decision(EXCLUDED, p, negligible, "there is no difference at all")
    edge = f"the edge of ±{bound:g}" if bound else "0"
    return Decision(OPEN, p, negligible, f"the interval spans {edge}")


def _negligible(claim: Claim, estimate: Estimate) -> bool:
    smallest = claim.smallest_effect
    return smallest is not None and estimate.p_within(smallest, null_of(claim)) < ALPHA
