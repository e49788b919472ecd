"""Gates before a verdict: was the time measured fairly, and have the networks learned?"""

from __future__ import annotations

from mtattr.evidence.claim import Claim
from mtattr.evidence.pairing import Record, Sample
from mtattr.evidence.record import edition_of

#: Share of the way from floor to ceiling that a trained network has covered in every seed.
TRAINED_SHARE = 0.40
#: Costs read from a clock that other programs slow down.
WALL_CLOCKS = ("cost.seconds", "cost.train_seconds", "cost.images_per_second")


def why_not_judged(claim: Claim, sample: Sample) -> str:
    """The gate that the records do not pass, in words; empty if they pass all."""
    if claim.metric in WALL_CLOCKS:
        return "wall clock: other programs on the machine change it"
    runs = [record for group in sample.runs for record in group]
    if claim.gate and (untrained := [run for run in runs if not trained(run)]):
        return f"network not trained: {_worst(untrained)}"
    if claim.learned_tasks is not None:
        return _too_few_learned(claim.learned_tasks, runs)
    return ""


def trained(record: Record) -> bool:
    """Whether a network has learned enough to be compared; edition 1 had no such gate."""
    if edition_of(record) < 2:
        return True
    share = _learned(record, "share")
    return share is not None and share >= TRAINED_SHARE


def _learned(record: Record, name: str) -> float | None:
    return record.get("learned", {}).get(name)


def _worst(runs: list[Record]) -> str:
    unknown = [run for run in runs if _learned(run, "share") is None]
    if unknown:
        return f"{_name(unknown[0])} does not say how far it came from floor to ceiling"
    worst = min(runs, key=lambda run: _learned(run, "share"))
    return (
        f"{_name(worst)} covered {_learned(worst, 'share'):.2f} of the way from floor to ceiling, "
        f"the gate is {TRAINED_SHARE:.2f}"
    )


def _too_few_learned(needed: int, runs: list[Record]) -> str:
    for run in runs:
        if _learned(run, "tasks_above_floor") is None:
            return f"{_name(run)} does not say how many attributes it learned"
    worst = min(runs, key=lambda run: _learned(run, "tasks_above_floor"))
    learned, tasks = _learned(worst, "tasks_above_floor"), _learned(worst, "tasks")
    if learned >= needed:
        return ""
    return f"only {learned} of {tasks} attributes learned by {_name(worst)}, {needed} are needed"


def _name(run: Record) -> str:
    return f"{run['spec']['variant']} in seed {run['spec']['seed']}"
