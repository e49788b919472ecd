"""The finding of a chapter in sentences, made from verdicts on one question asked several times."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from mtattr.evidence.family import DECIDED
from mtattr.evidence.pooling import Pooled
from mtattr.evidence.summaries import pooled_words
from mtattr.evidence.table import NOT_RUN, format_number
from mtattr.evidence.verdict import VERDICTS, Verdict

#: What several verdicts on one question can add up to.
ANSWERS = ("yes", "in part", "no", "not shown", "not tested", NOT_RUN)

_HOLDS = tuple(word for word in DECIDED if word != "not reproduced")


def answer(verdicts: Iterable[Verdict]) -> str:
    """One of `ANSWERS` to the question that all these verdicts are about.

    Of those that were tested: "yes" if the claim holds in all, "in part" if in some, "no" if in
    none and each is excluded or no difference, "not shown" if in none and some are inconclusive.
    """
    verdicts = list(verdicts)
    tested = [found.verdict for found in verdicts if found.verdict != "not tested"]
    if not tested:
        return NOT_RUN if all(map(_never_ran, verdicts)) else "not tested"
    holds = [verdict in _HOLDS for verdict in tested]
    if any(holds):
        return "yes" if all(holds) else "in part"
    return "not shown" if "inconclusive" in tested else "no"


def count_words(verdicts: Iterable[Verdict]) -> str:
    """Number of each verdict among those given, like `1 trend holds, 2 not run yet`."""
    counts = Counter(_word(found) for found in verdicts)
    return ", ".join(f"{counts[word]} {word}" for word in (*VERDICTS, NOT_RUN) if counts[word])


def finding(statement: str, verdicts: Sequence[Verdict], pooled: Pooled | None = None) -> str:
    """Whether a statement holds, in one sentence of Markdown.

    Args:
        statement: what is claimed, without a full stop.
        verdicts: on the statement, one for each dataset or network.
        pooled: their pooled difference; left out below two differences.
    """
    said = answer(verdicts)
    if said == NOT_RUN:
        return f"{statement}: {NOT_RUN}."
    sentence = f"**{said.capitalize()}:** {statement} ({count_words(verdicts)}"
    if pooled is not None and len(pooled.verdicts) > 1:
        sentence += f"; pooled difference {pooled_words(pooled)}"
    return f"{sentence})."


def certainty(verdicts: Iterable[Verdict]) -> str:
    """Seeds, the differences that these runs would see, and what was not tested, in sentences."""
    verdicts = list(verdicts)
    tested = [found for found in verdicts if found.verdict != "not tested"]
    sentences = []
    if tested:
        seeds = _range([str(found.n) for found in sorted(tested, key=lambda found: found.n)])
        sentences.append(f"{seeds} seeds in each comparison that was tested.")
    if seen := sorted(found.detectable for found in tested if found.detectable is not None):
        sizes = _range([format_number(size) for size in seen])
        sentences.append(f"With 80 % power these runs would see a difference of {sizes}.")
    missing = Counter(_why_missing(found) for found in verdicts if found.verdict == "not tested")
    for why, count in missing.items():
        sentences.append(f"{count} of {len(verdicts)} comparisons: {why}.")
    return " ".join(sentences)


def _word(found: Verdict) -> str:
    return NOT_RUN if _never_ran(found) else found.verdict


def _never_ran(found: Verdict) -> bool:
    return found.verdict == "not tested" and found.estimate is None


def _why_missing(found: Verdict) -> str:
    """The first clause of the reason, without the run that it names."""
    return NOT_RUN if _never_ran(found) else re.split("[:;]", found.reason)[0]


def _range(ordered: Sequence[str]) -> str:
    return ordered[0] if ordered[0] == ordered[-1] else f"{ordered[0]} to {ordered[-1]}"
