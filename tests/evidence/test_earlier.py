import json
from dataclasses import replace

import pytest
from mtattr.errors import InputError
from mtattr.evidence import Claim, changes_table, load_paper, read_earlier


def claim(name):
    return Claim(
        id=name,
        statement=name,
        where="ours",
        metric="class_accuracy",
        kind="greater",
        a="PM",
        b="CM",
        datasets=("digits",),
        smallest_effect=0.01,
    )


def test_only_verdicts_that_changed_are_listed(make_record, tmp_path):
    paper = replace(load_paper("attribute_estimation"), edition=1, claims=(claim("moved"), claim("same"), claim("new")))
    records = [
        make_record(score, spec__variant=variant, spec__seed=seed)
        for variant, score in (("PM", 0.7), ("CM", 0.5))
        for seed in range(5)
        for score in [score + 0.01 * (seed % 2 if variant == "PM" else seed % 3)]
    ]
    old = {"paper": paper.name, "dataset": "digits", "n": 5, "difference": [0.01, -0.02, 0.04]}
    file = tmp_path / "old.jsonl"
    file.write_text(
        "\n".join(
            json.dumps(old | more)
            for more in (
                {"claim": "moved", "verdict": "inconclusive"},
                {"claim": "same", "verdict": "trend holds"},
                {"claim": "gone", "verdict": "inconclusive"},
            )
        )
    )
    (row,) = changes_table(paper, records, read_earlier(file))
    assert (row["claim"], row["first edition"], row["now"]) == ("moved (digits)", "inconclusive", "trend holds")
    assert row["difference now"].startswith("+0.19")
    assert len(changes_table(paper, [], read_earlier(file))) == 0


def test_a_file_that_is_no_list_of_verdicts_is_refused(tmp_path):
    (tmp_path / "old.jsonl").write_text("no")
    with pytest.raises(InputError, match=r"old\.jsonl"):
        read_earlier(tmp_path / "old.jsonl")
