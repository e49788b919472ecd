"""Records that judge a claim: one per variant and seed, paired if it compares two variants."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtattr.canonical import canonical_json
from mtattr.evidence.claim import Claim

Record = Mapping[str, Any]
#: Settings that name what a network starts from. They pair no runs and part none: of a pretrained
#: network and its rival from scratch, one alone reads the file.
STARTS = ("weights",)


@dataclass(frozen=True)
class Sample:
    """Measurements of a claim's variants by seed; `remarks` say what was left out and why.

    For a claim about one variant, b holds the number that a is compared with.

    Args:
        runs: the records of each seed, one per variant of the claim.
    """

    seeds: tuple[int, ...] = ()
    a: tuple[float, ...] = ()
    b: tuple[float, ...] = ()
    runs: tuple[tuple[Record, ...], ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def records(self) -> tuple[str, ...]:
        """Hashes of the records, seed by seed."""
        return tuple(record["sha256"] for group in self.runs for record in group)


def collect(claim: Claim, records: Sequence[Record]) -> Sample:
    """Sample of the records, of one dataset and scale, that concern the claim.

    Of several records of one variant and seed the last counts (a ledger is in order of time). Two
    records make a pair if they share seed and data fingerprint, and for costs also device, threads
    and precision. Settings that the claim leaves open must agree in all records, else none counts,
    except those that name a start.
    """
    remarks: list[str] = []
    everything = [record for record in records if claim.concerns_in_any_edition(record)]
    records = [record for record in everything if claim.concerns(record)]
    if others := len(everything) - len(records):
        remarks.append(f"{others} record{'s' * (others > 1)} of another edition left out")
    records = _one_setting(claim, records, remarks)
    chosen: dict[tuple[str, int], Record] = {}
    for record in records:
        chosen[record["spec"]["variant"], record["spec"]["seed"]] = record
    if replaced := len({record["sha256"] for record in records}) - len(chosen):
        plural = "s" * (replaced > 1)
        remarks.append(
            f"{replaced} earlier record{plural} of the same seeds replaced by later ones"
        )

    paired = len(claim.variants) == 2
    rows, used, unpaired, unmeasured = [], [], [], []
    for seed in sorted({seed for _, seed in chosen}):
        group = [chosen.get((variant, seed)) for variant in claim.variants]
        if None in group or (paired and not comparable(claim, *group)):
            unpaired.append(seed)
            continue
        other = claim.measure(group[1]) if paired else _reference(claim, group[0])
        row = (seed, claim.measure(group[0]), other)
        if not all(map(math.isfinite, row[1:])):
            unmeasured.append(seed)
            continue
        rows.append(row)
        used.append(tuple(group))
    if unpaired:
        remarks.append(f"no matching pair for seed {_list(unpaired)}")
    if unmeasured:
        remarks.append(f"no {claim.metric} for seed {_list(unmeasured)}")
    if len({record["code"]["digest"] for group in used for record in group}) > 1:
        remarks.append("records come from more than one version of the code")
    if len({record["environment"].get("cpu") for group in used for record in group}) > 1:
        remarks.append("records come from more than one model of processor")
    seeds, a, b = zip(*rows, strict=True) if rows else ((), (), ())
    return Sample(seeds=seeds, a=a, b=b, runs=tuple(used), remarks=tuple(remarks))


def _one_setting(claim: Claim, records: list[Record], remarks: list[str]) -> list[Record]:
    """Records with exactly the claim's settings; without any, all if their settings agree."""
    wanted = _shared(claim.settings)
    by_settings: dict[str, list[Record]] = {}
    for record in records:
        by_settings.setdefault(_shared(record["spec"]["settings"]), []).append(record)
    if len(by_settings) > 1 and wanted not in by_settings:
        open_settings = " | ".join(sorted(by_settings))
        remarks.append(f"records differ in settings that the claim leaves open: {open_settings}")
        return []
    return by_settings.get(wanted, records)


def _shared(settings: Mapping[str, Any]) -> str:
    """JSON of the settings that two paired runs must share."""
    return canonical_json({name: value for name, value in settings.items() if name not in STARTS})


def _reference(claim: Claim, record: Record) -> float:
    return float(claim.published["a"]) if claim.kind == "value" else claim.threshold(record)


def comparable(claim: Claim, first: Record, second: Record) -> bool:
    """Whether two records of a seed saw the same data, and for a cost the same machine."""
    if first["data"]["fingerprint"] != second["data"]["fingerprint"]:
        return False
    if not claim.metric.startswith("cost."):
        return True
    return all(
        first["environment"].get(key) == second["environment"].get(key)
        for key in ("device", "cpu", "threads", "precision")
    )


def _list(seeds: list[int]) -> str:
    return ", ".join(map(str, seeds))
