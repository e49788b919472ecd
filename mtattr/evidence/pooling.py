"""The difference of a method and its baseline, pooled over datasets and networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mtattr.evaluation.random_effects import RandomEffects, random_effects
from mtattr.evidence.decision import ALPHA
from mtattr.evidence.paper import Paper, Pooling
from mtattr.evidence.verdict import Verdict


@dataclass(frozen=True)
class Pooled:
    """A pooled difference and the verdicts whose differences went in.

    Args:
        effects: None where no claim was tested.
        within: whether two one-sided tests put the pooled difference within the smallest effect of
            interest; None where there is none, or fewer than two differences.
    """

    pooling: Pooling
    verdicts: tuple[Verdict, ...]
    effects: RandomEffects | None
    within: bool | None


def pool(paper: Paper, verdicts: Mapping[tuple[str, str], Verdict]) -> list[Pooled]:
    """Pooled differences that `paper.yaml` asks for.

    Only tested claims count: a network that did not learn says nothing about a method.

    Args:
        verdicts: of `judge_all`.
    """
    return [
        _pooled(
            pooling,
            tuple(
                found
                for (claim, _), found in verdicts.items()
                if claim in pooling.claims and found.p is not None and found.estimate.error > 0
            ),
        )
        for pooling in paper.pooled
    ]


def _pooled(pooling: Pooling, verdicts: tuple[Verdict, ...]) -> Pooled:
    if not verdicts:
        return Pooled(pooling, verdicts, None, None)
    estimates = [found.estimate for found in verdicts]
    effects = random_effects([e.mean for e in estimates], [e.error for e in estimates])
    within = None
    if pooling.smallest_effect is not None and len(verdicts) > 1:
        within = effects.pooled.p_within(pooling.smallest_effect) < ALPHA
    return Pooled(pooling, verdicts, effects, within)
