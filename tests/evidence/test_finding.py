"""The sentences of a chapter's finding."""

from __future__ import annotations

import pytest
from mtattr.evaluation.random_effects import random_effects
from mtattr.evaluation.statistics import Estimate
from mtattr.evidence import ANSWERS, Pooled, Pooling, Verdict, answer, certainty, count_words, finding


def verdict(word, mean=0.01, *, n=5, reason="", detectable=None):
    estimate = Estimate(mean, 0.002, n - 1, n) if n else None
    return Verdict("c", "digits", "reduced", word, reason, n=n, estimate=estimate, detectable=detectable, generated=True)


HOLDS, WORSE, SAME, OPEN = map(verdict, ("trend holds", "not reproduced", "no difference", "inconclusive"))
NEVER = verdict("not tested", n=0, reason="no record")
UNTRAINED = verdict("not tested", reason="network not trained: basic in seed 1 covered 0.20 of the way; 1 record left out")
FEW = verdict("not tested", n=3, reason="3 usable seeds, a verdict needs 5")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([HOLDS, HOLDS], "yes"),
        ([HOLDS, WORSE], "in part"),
        ([HOLDS, OPEN], "in part"),
        ([WORSE, SAME], "no"),
        ([WORSE, OPEN], "not shown"),
        ([OPEN], "not shown"),
        ([UNTRAINED, NEVER], "not tested"),
        ([NEVER], "not run yet"),
        ([], "not run yet"),
    ],
)
def test_verdicts_add_up_to_one_answer(verdicts, expected):
    assert answer(verdicts) == answer(reversed(verdicts)) == expected
    assert expected in ANSWERS


@pytest.mark.parametrize("word", ["trend holds", "not reproduced", "no difference", "inconclusive"])
def test_what_was_not_tested_changes_no_answer(word):
    assert answer([verdict(word)]) == answer([NEVER, verdict(word), UNTRAINED, FEW])


def test_the_finding_counts_all_verdicts_and_names_the_pooled_difference():
    verdicts = [WORSE, SAME, NEVER, UNTRAINED]
    pooled = Pooled(Pooling("p", "question", ("c",), 0.005), (WORSE, SAME), random_effects([-0.03, -0.01], [0.002, 0.002]), False)
    said = finding("Weights help", verdicts, pooled)
    assert said.startswith("**No:** Weights help (1 not reproduced, 1 no difference, 1 not tested, 1 not run yet; ")
    assert "pooled difference −0.020 [" in said
    assert said.endswith("]).")
    assert count_words(verdicts) in said


def test_one_difference_is_not_called_pooled():
    pooled = Pooled(Pooling("p", "question", ("c",)), (WORSE,), random_effects([-0.03], [0.002]), None)
    assert finding("Weights help", [WORSE, NEVER], pooled) == "**No:** Weights help (1 not reproduced, 1 not run yet)."


def test_without_runs_the_finding_says_so():
    assert finding("Weights help", [NEVER, NEVER]) == "Weights help: not run yet."


def test_certainty_names_seeds_power_and_what_is_missing():
    verdicts = [verdict("trend holds", detectable=0.01), verdict("inconclusive", n=10, detectable=0.004), NEVER, UNTRAINED, FEW]
    said = certainty(verdicts)
    assert said.startswith("5 to 10 seeds in each comparison that was tested.")
    assert "difference of 0.004 to 0.010." in said
    assert "1 of 5 comparisons: not run yet." in said
    assert "1 of 5 comparisons: network not trained." in said
    assert said.endswith("1 of 5 comparisons: 3 usable seeds, a verdict needs 5.")


def test_certainty_of_nothing_tested_claims_no_seeds():
    assert certainty([NEVER, NEVER]) == "2 of 2 comparisons: not run yet."
