import pytest
from mtattr.evidence import TRAINED_SHARE, Claim, judge

GREATER = {
    "id": "c", "statement": "s", "where": "Table 2", "metric": "class_accuracy", "kind": "greater", "a": "PM", "b": "CM",
    "datasets": ("digits",), "smallest_effect": 0.01, "edition": 2,
}  # fmt: skip


def claim(**changes):
    return Claim(**(GREATER | changes))


@pytest.fixture
def runs(make_runs):
    """Ten runs of edition 2 in which PM is clearly better; the first of CM learned as `learned` says."""

    def build(learned=None, **changes):
        changes = {"edition": 2} | changes
        a, b = [0.8, 0.81, 0.8, 0.82, 0.81], [0.6, 0.61, 0.62, 0.6, 0.61]
        first = make_runs("CM", b[:1], learned=learned, **changes)
        return make_runs("PM", a, **changes) + first + make_runs("CM", b[1:], first_seed=1, **changes)

    return build


def test_one_untrained_seed_of_either_variant_forbids_a_verdict(runs, make_runs):
    assert judge(claim(), runs()).verdict == "trend holds"
    found = judge(claim(), runs({"share": 0.31}))
    assert found.verdict == "not tested"
    assert found.reason == "network not trained: CM in seed 0 covered 0.31 of the way from floor to ceiling, the gate is 0.40"
    assert found.p is None
    assert found.difference.mean == pytest.approx(0.2)
    swapped = judge(claim(a="CM", b="PM"), runs({"share": 0.31}))
    assert swapped.reason == found.reason


def test_the_worst_seed_is_named_and_the_gate_is_forty_percent(runs, make_runs):
    assert TRAINED_SHARE == 0.40
    assert judge(claim(), runs({"share": 0.40})).verdict == "trend holds"
    worse = make_runs("CM", [0.61], first_seed=3, edition=2, learned={"share": -0.05})
    assert "CM in seed 3 covered -0.05" in judge(claim(), runs({"share": 0.39}) + worse).reason


def test_a_share_that_is_not_known_is_no_pass(runs):
    assert "does not say how far" in judge(claim(), runs({"share": None})).reason


def test_the_first_edition_had_no_gate(runs):
    assert judge(claim(edition=1), runs(edition=None)).verdict == "trend holds"


def test_a_claim_about_untrained_networks_can_do_without(runs):
    assert judge(claim(gate=False), runs({"share": 0.0})).verdict == "trend holds"


def test_a_claim_about_many_attributes_asks_how_many_were_learned(runs):
    few = runs({"tasks_above_floor": 14})
    assert judge(claim(), few).verdict == "trend holds"
    found = judge(claim(learned_tasks=25), few)
    assert found.verdict == "not tested"
    assert found.reason == "only 14 of 40 attributes learned by CM in seed 0, 25 are needed"
    assert judge(claim(learned_tasks=14), few).verdict == "trend holds"
    assert "does not say how many" in judge(claim(learned_tasks=25), runs({"tasks_above_floor": None})).reason


def test_wall_clocks_give_no_verdict_and_cpu_time_does(runs):
    for metric in ("cost.seconds", "cost.train_seconds", "cost.images_per_second"):
        found = judge(claim(metric=metric, edition=1), runs(edition=None))
        assert found.verdict == "not tested", metric
        assert found.reason.startswith("wall clock"), metric
    timed = runs(cost__cpu_seconds=1.0)
    same = claim(metric="cost.cpu_seconds", kind="ratio", margin=0.1)
    assert judge(same, timed).verdict == "trend holds"


def test_records_of_another_edition_do_not_count_and_are_counted(runs):
    old, new = runs(edition=None), runs()
    found = judge(claim(), old + new)
    assert (found.verdict, found.n) == ("trend holds", 5)
    assert found.reason.endswith("10 records of another edition left out")
    assert set(found.records) == {run["sha256"] for run in new}
    assert judge(claim(), old).reason == "no record; 10 records of another edition left out"
    assert judge(claim(edition=1), old + new).n == 5
