"""The estimate that judges a claim: its difference, with the standard error of its block."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtattr.evaluation.residuals import pooled_residual
from mtattr.evaluation.statistics import Estimate, mean_estimate, paired_estimate, welch_estimate
from mtattr.evidence.claim import Claim
from mtattr.evidence.gate import trained
from mtattr.evidence.pairing import Record, Sample, comparable
from mtattr.evidence.record import edition_of

#: Fewer variants make no block.
MINIMUM_VARIANTS = 3
#: Below this p-value the variances of a block differ, and nothing is pooled.
EQUAL_VARIANCES = 0.05

_POOLS = ("greater", "differs", "equivalent")


@dataclass(frozen=True)
class Contrast:
    """An estimate and where its standard error comes from, in words."""

    estimate: Estimate
    error_from: str


def contrast(claim: Claim, records: Sequence[Record], sample: Sample) -> Contrast:
    """The claim's difference over the sample's seeds.

    Where the block has at least three variants with equal variances, the standard error is that of
    the pooled residual; otherwise it is that of the claim's own pairs.

    Args:
        records: also those of other variants, which make up the block.
    """
    if claim.kind == "welch":
        return Contrast(welch_estimate(sample.a, sample.b), "Welch")
    if claim.kind == "ratio":
        ratios = [x / y if y > 0 else math.nan for x, y in zip(sample.a, sample.b, strict=True)]
        return Contrast(mean_estimate(np.subtract(ratios, 1.0)), "own pairs")
    own = paired_estimate(sample.a, sample.b)
    if claim.kind not in _POOLS or own.n < 2:
        return Contrast(own, "own pairs" if len(claim.variants) == 2 else "own seeds")
    scores = _block(claim, records, sample)
    if len(scores) < MINIMUM_VARIANTS:
        return Contrast(own, "own pairs")
    residual = pooled_residual(scores)
    if not residual.p_equal >= EQUAL_VARIANCES:
        return Contrast(own, f"own pairs, the variances of {len(scores)} variants differ")
    error = residual.sd * math.sqrt(2 / own.n)
    return Contrast(
        Estimate(own.mean, error, residual.df, own.n), f"block of {residual.variants} variants"
    )


def _block(claim: Claim, records: Sequence[Record], sample: Sample) -> list[list[float]]:
    """Scores by variant and seed of all variants that have every seed of the sample."""
    first = {seed: group[0] for seed, group in zip(sample.seeds, sample.runs, strict=True)}
    own = sample.runs[0][0]
    runs: dict[str, dict[int, Record]] = {}
    for record in records:
        spec = record["spec"]
        if claim.block_variants and spec["variant"] not in claim.block_variants:
            continue
        if spec["seed"] in first and _alike(own, record):
            runs.setdefault(spec["variant"], {})[spec["seed"]] = record
    scores = []
    for by_seed in runs.values():
        if by_seed.keys() != first.keys():
            continue
        same = all(comparable(claim, first[seed], run) for seed, run in by_seed.items())
        row = [claim.measure(by_seed[seed]) for seed in sample.seeds]
        known = all(map(math.isfinite, row))
        # Whether an untrained network has started is another kind of spread.
        if same and known and (not claim.gate or all(map(trained, by_seed.values()))):
            scores.append(row)
    return scores


def _alike(a: Record, b: Record) -> bool:
    """Whether two records differ in variant and seed only."""
    names = ("paper", "dataset", "scale", "settings")
    return edition_of(a) == edition_of(b) and all(a["spec"][n] == b["spec"][n] for n in names)
