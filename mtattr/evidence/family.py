"""Verdicts on all claims of a paper, with one correction for its primary claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mtattr.evaluation.statistics import holm
from mtattr.evidence.claim import Claim
from mtattr.evidence.decision import ALPHA
from mtattr.evidence.paper import Paper
from mtattr.evidence.verdict import VERDICTS, Verdict, judge, undecided

#: Verdicts that a claim reaches by a small p-value.
DECIDED = ("reproduced", "partly", "trend holds", "not reproduced")


def judge_all(
    paper: Paper, records: Sequence[Mapping[str, Any]], *, scale: str
) -> dict[tuple[str, str], Verdict]:
    """Verdicts of a paper at one scale, by claim and dataset.

    The p-values of all primary claims on all their datasets that were tested make up one family.
    A primary claim holds, or is excluded, only if its p-value after Holm's correction is below .05;
    otherwise it is "no difference" or "inconclusive", as if its interval had not decided.
    """
    by_id = {claim.id: claim for claim in paper.claims}
    verdicts = {
        (claim.id, dataset): judge(claim, records, dataset=dataset, scale=scale)
        for claim in paper.claims
        for dataset in claim.datasets
    }
    family = [
        key for key, found in verdicts.items() if by_id[key[0]].primary and found.p is not None
    ]
    corrected = holm([verdicts[key].p for key in family])
    for key, p_holm in zip(family, corrected, strict=True):
        verdicts[key] = _corrected(by_id[key[0]], verdicts[key], float(p_holm))
    return verdicts


def _corrected(claim: Claim, found: Verdict, p_holm: float) -> Verdict:
    if found.verdict not in DECIDED or p_holm < ALPHA:
        return replace(found, p_holm=p_holm)
    alone = f"not after Holm (p = {p_holm:.3f}; alone {found.verdict}: {found.reason})"
    verdict, why = undecided(found.negligible, alone, claim.smallest_effect)
    reason = why if why == alone else f"{why}; {alone}"
    return replace(found, p_holm=p_holm, verdict=verdict, reason=reason)


def tally(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """Number of verdicts by word, in the order of `VERDICTS`; a word that nobody got counts 0."""
    counts = dict.fromkeys(VERDICTS, 0)
    for found in verdicts:
        counts[found.verdict] += 1
    return counts
