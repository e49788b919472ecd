import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mtattr.evaluation.random_effects import random_effects
from mtattr.evaluation.statistics import Interval
from mtattr.evidence import (
    Claim,
    Pooling,
    artefact_table,
    claims_table,
    deviation_table,
    errata_table,
    format_interval,
    format_number,
    judge,
    judge_all,
    load_paper,
    pooled_table,
    published_table,
    result_table,
    tally,
    tally_table,
    to_html,
    to_markdown,
    verdict_table,
    verdict_words,
)

INCEPTION = {"backbone": "inception"}
TWIN = "deepfashion-twin"
NOT_TESTED = {"not tested", "exploratory (not tested)"}
CLAIM = {
    "statement": "PM beats CM", "where": "Table 2", "metric": "class_accuracy", "kind": "greater", "a": "PM", "b": "CM",
    "datasets": [TWIN, "deepfashion", "digits"], "settings": INCEPTION, "smallest_effect": 0.005,
}  # fmt: skip
CLAIMS = (
    CLAIM | {"id": "inception", "published": {"a": 0.883, "b": 0.872}, "tolerance": 0.01},
    CLAIM | {"id": "xception", "statement": "And on Xception", "settings": {"backbone": "xception"}, "datasets": [TWIN]},
    CLAIM | {"id": "ours", "statement": "It lies above half", "where": "ours", "kind": "greater_than_value", "b": None, "value": 0.5},
    CLAIM | {"id": "seen", "statement": "They differ", "where": "ours", "kind": "differs", "exploratory": True, "datasets": [TWIN]},
)


@pytest.fixture(scope="module")
def paper():
    claims = tuple(Claim(**fields, paper="attribute_estimation") for fields in CLAIMS)
    return replace(load_paper("attribute_estimation"), edition=1, claims=claims, pooled=())


@pytest.fixture(scope="module")
def runs(make_runs):
    def spread(mean):
        return [mean + 0.002 * i for i in range(5)]

    changes = {"spec__settings": INCEPTION, "spec__dataset": "deepfashion-twin", "data__generated": True}
    return make_runs("PM", spread(0.8), **changes) + make_runs("CM", [0.7, 0.71, 0.7, 0.71, 0.7], **changes)


def row_of(table, claim, dataset):
    [row] = [row for row in table if row["claim"] == claim.statement and row["dataset"].startswith(dataset)]
    return row


def test_without_records_every_claim_is_listed_and_nothing_is_claimed(paper):
    table = verdict_table(paper, [], scale="reduced")
    assert len(table) == sum(len(claim.datasets) for claim in paper.claims)
    assert {row["verdict"] for row in table} == NOT_TESTED
    assert {row["ours, mean [95 % CI]"] for row in table} == {"not run yet"}
    assert {row["why"] for row in table} == {"no record"}


def test_a_row_carries_print_ours_difference_scale_and_the_runs_behind_it(paper, runs):
    claim = paper.claims[0]
    row = row_of(verdict_table(paper, runs, scale="reduced"), claim, "deepfashion-twin")
    assert row["paper"] == "PM 0.883; CM 0.872"
    assert row["ours, mean [95 % CI]"].startswith("PM 0.804 [0.800, 0.808]; CM 0.704 [")
    assert row["difference"].startswith("+0.100 [+0.09")
    assert (row["seeds"], row["scale"], row["verdict"]) == ("5", "reduced", "trend holds")
    assert row["dataset"] == "deepfashion-twin (generated)"
    assert sorted(row["records"].split()) == sorted(run["sha256"][:8] for run in runs)


def test_other_scales_and_datasets_stay_out(paper, runs):
    assert {row["verdict"] for row in verdict_table(paper, runs, scale="smoke")} == NOT_TESTED
    table = verdict_table(paper, runs, scale="reduced", datasets=["digits"])
    assert {row["dataset"] for row in table} == {"digits"}
    assert {row["verdict"] for row in table} == {"not tested"}


def test_an_exploratory_claim_says_so(paper, runs):
    explored = replace(paper, claims=(replace(paper.claims[0], exploratory=True, primary=None),))
    table = verdict_table(explored, runs, scale="reduced", datasets=[TWIN])
    assert [row["verdict"] for row in table] == ["exploratory (trend holds)"]


def test_results_show_mean_interval_floor_and_what_the_data_are(runs):
    table = result_table(runs, ["class_accuracy", "f1"])
    assert [row["variant"] for row in table] == ["PM", "CM"]
    first = table.rows[0]
    assert first["class_accuracy"] == "0.804 [0.800, 0.808]"
    assert first["class_accuracy floor"] == "0.100"
    assert (first["f1"], first["backbone"], first["seeds"]) == ("—", "inception", "5")
    assert "scale: reduced, generated data" in table.caption
    assert first["dataset"] == "deepfashion-twin (generated)"


def test_results_keep_settings_and_scales_apart(make_runs, runs):
    tuned = make_runs("PM", [0.5] * 5, spec__settings=INCEPTION | {"alpha": 1.0}, spec__dataset="deepfashion-twin")
    large = make_runs("PM", [0.9] * 5, spec__settings=INCEPTION, spec__scale="paper")
    table = result_table(runs + tuned + large, ["class_accuracy"])
    assert [row["class_accuracy"][:5] for row in table] == ["0.804", "0.704", "0.500", "0.900"]
    assert [row["settings"] for row in table] == ["—", "—", '{"alpha":1.0}', "—"]
    assert "real and generated data" in table.caption
    assert "paper and reduced" in table.caption
    assert len(result_table(runs + large, ["class_accuracy"], scale="paper")) == 1


def test_results_are_sorted_by_dataset_scale_and_setting(make_runs):
    cells = [("digits", "b"), ("deepfashion-twin", "b"), ("digits", "a")]
    runs = [
        run for dataset, backbone in cells for run in make_runs("PM", [0.5], spec__settings={"backbone": backbone}, spec__dataset=dataset)
    ]
    rows = [(row["dataset"].split()[0], row["backbone"]) for row in result_table(runs, ["class_accuracy"])]
    assert rows == [("deepfashion-twin", "b"), ("digits", "a"), ("digits", "b")]


def test_costs_have_no_floor(runs):
    table = result_table(runs, ["cost.train_seconds", "class_accuracy"])
    assert table.rows[0]["cost.train_seconds"] == "2.000 [2.000, 2.000]"
    assert [column for column in table.columns if column.endswith("floor")] == ["class_accuracy floor"]


def test_a_table_without_records_says_not_run_yet():
    table = result_table([], ["class_accuracy"], scale="reduced")
    assert [row["class_accuracy"] for row in table] == ["not run yet"]
    assert "reduced" in table.caption
    assert "not run yet" in to_markdown(table)


def test_markdown_has_as_many_cells_in_every_line(paper, runs):
    table = verdict_table(paper, runs, scale="reduced")
    lines = to_markdown(table).splitlines()[2:]
    assert len(lines) == len(table) + 2
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {len(table.columns) + 1}


class Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.cells, self.open = [], None

    def handle_starttag(self, tag, attrs):
        if tag in ("td", "th"):
            self.open = ""

    def handle_data(self, data):
        if self.open is not None:
            self.open += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.cells.append(self.open)
            self.open = None


def test_html_reads_back_as_the_same_cells(paper, runs):
    table = verdict_table(paper, runs, scale="reduced")
    parser = Cells()
    parser.feed(to_html(table))
    assert parser.cells == [*table.columns, *(row[column] for row in table for column in table.columns)]


@settings(deadline=None, max_examples=60)
@given(st.floats(-1e6, 1e6))
def test_numbers_are_rounded_and_keep_their_sign(value):
    """Also where they round to zero: a bound just below it decides otherwise than one just above."""
    text = format_number(value)
    read = float(text.replace("−", "-"))
    assert abs(read - value) <= (0.0005 if abs(value) < 10 else 0.05 if abs(value) < 1000 else 0.5) * 1.001
    assert "-" not in text
    assert ("−" in text) == (value < 0)
    assert ("+" in format_number(value, signed=True)) == (value > 0)


def test_numbers_and_intervals_as_printed():
    assert [format_number(x) for x in (0.8834, 3628, 12.34, -0.5, None, math.nan)] == ["0.883", "3628", "12.3", "−0.500", "—", "—"]
    assert format_number(0.011, signed=True) == "+0.011"
    assert format_interval(Interval(0.5, 0.1, 0.9, 2)) == "0.500"
    assert format_interval(Interval(0.5, 0.4, 0.6, 3)) == "0.500 [0.400, 0.600]"
    assert format_interval(Interval(math.nan, math.nan, math.nan, 0)) == "—"


def test_what_the_paper_prints_becomes_tables_cell_by_cell(paper):
    counts = published_table(paper, "image-counts")
    assert [row["Blouse"] for row in counts] == ["17752", "3389", "3416"]
    assert published_table(paper, "class-accuracy").rows[0] == {"": "inception", "PM": "0.883", "CM": "0.872", "Ideal": "—"}
    for table, items in (
        (deviation_table(paper), paper.deviations),
        (errata_table(paper), paper.errata),
        (artefact_table(paper), paper.artefacts),
    ):
        assert [row["item"] for row in table] == [item.item for item in items]
        assert all(set(row) == set(table.columns) for row in table)
    assert {row["tested"] for row in deviation_table(paper)} == {"yes", "no"}


def test_claims_of_each_kind_stand_once(paper, runs):
    tables = [
        claims_table(paper, runs, title="T", scale="reduced", datasets=(TWIN, "digits"), ours=ours, exploratory=exploratory)
        for ours in (False, True)
        for exploratory in (False, True)
    ]
    listed = [row["claim"].split(" (")[0] for table in tables for row in table]
    concerned = [c.statement for c in paper.claims if {TWIN, "digits"} & set(c.datasets)]
    assert sorted(listed) == sorted(statement.split(" (")[0] for statement in concerned)
    assert all(table.caption == "T, scale: reduced, real and generated data" for table in tables)


def test_a_claim_has_a_line_for_each_dataset(paper, runs):
    claim = paper.claims[0]
    first = next(iter(claims_table(paper, runs, title="T", scale="reduced", datasets=(TWIN, "digits"))))
    assert first["claim"] == f"{claim.statement} ({claim.where})"
    lines = first["verdict"].split("<br>")
    assert lines[0].startswith(f"{TWIN}: **trend holds**, +0.100 [")
    assert lines[1] == "digits: not run yet"
    alone = next(iter(claims_table(paper, runs, title="T", scale="reduced", datasets=(TWIN,))))
    assert alone["verdict"] == lines[0].removeprefix(f"{TWIN}: ")


def words(claim, runs):
    return verdict_words(claim, judge(claim, runs, dataset=TWIN, scale="reduced"))


def test_words_of_a_verdict_say_why_there_is_none(paper, runs):
    claim = paper.claims[0]
    assert words(claim, []) == "not run yet"
    assert words(claim, runs[:2] + runs[5:7]).startswith("not tested, 2 usable seeds")


def test_words_of_a_bound_show_the_mean_and_those_of_a_floor_the_difference(paper, runs):
    claim = replace(paper.claims[0], kind="greater_than_value", b=None, value=0.5, published={}, tolerance=None)
    assert words(claim, runs) == "**trend holds**, 0.804 [0.800, 0.808], bound 0.500"
    assert words(replace(claim, value=0.0), runs) == "**trend holds**, +0.804 [+0.800, +0.808]"
    floored = replace(claim, value=None, floor="class_accuracy")
    assert words(floored, runs) == "**trend holds**, +0.704 [+0.700, +0.708]"


def test_words_of_a_difference_show_the_printed_one_and_whether_it_is_excluded(paper, runs):
    claim = paper.claims[0]
    assert words(claim, runs).endswith("], printed +0.011 (excluded)")
    assert words(replace(claim, published={"a": 0.9, "b": 0.8}), runs).endswith("], printed +0.100")


def test_a_row_shows_p_values_power_and_where_the_interval_comes_from(paper, runs):
    claim = paper.claims[0]
    row = row_of(verdict_table(paper, runs, scale="reduced"), claim, TWIN)
    assert row["printed difference"] == "+0.011 (excluded)"
    assert row["interval from"] == "own pairs, 4 df"
    found = judge(claim, runs, dataset=TWIN, scale="reduced")
    assert row["p"] == "<0.001, after Holm <0.001"
    assert row["power"] == f"{100 * found.power:.0f} % for 0.011"
    own = row_of(verdict_table(replace(paper, claims=(replace(claim, published=None),)), runs, scale="reduced"), claim, TWIN)
    assert own["power"] == f"80 % for {format_number(found.detectable)}"
    waiting = row_of(verdict_table(paper, [], scale="reduced"), claim, TWIN)
    assert {waiting[column] for column in ("p", "power", "interval from", "printed difference")} == {"—"}


def test_pooled_differences_show_mean_spread_and_their_number(paper, runs, make_runs):
    other = {"spec__settings": {"backbone": "xception"}, "spec__dataset": TWIN}
    runs = runs + make_runs("PM", [0.5, 0.52, 0.51, 0.5, 0.53], **other) + make_runs("CM", [0.5, 0.5, 0.51, 0.49, 0.5], **other)
    asked = Pooling("pm-cm", "PM against CM", ("inception", "xception"))
    row = next(iter(pooled_table(replace(paper, pooled=(asked,)), runs, scale="reduced")))
    verdicts = [judge(paper.claim(name), runs, dataset=TWIN, scale="reduced") for name in asked.claims]
    effects = random_effects([v.estimate.mean for v in verdicts], [v.estimate.error for v in verdicts])
    assert row["differences"] == "2"
    assert row["pooled [95 % CI]"].startswith(f"{format_number(effects.pooled.mean, signed=True)} [")
    assert row["spread"] == f"tau {format_number(effects.tau)}, I² {100 * effects.i2:.0f} %"
    empty = next(iter(pooled_table(replace(paper, pooled=(asked,)), [], scale="reduced")))
    assert (empty["differences"], empty["pooled [95 % CI]"]) == ("0", "not run yet")


def test_the_tally_counts_every_claim_once(paper, runs):
    row = next(iter(tally_table([paper], runs, scale="reduced")))
    counts = tally(judge_all(paper, runs, scale="reduced").values())
    assert sum(counts.values()) == sum(len(claim.datasets) for claim in paper.claims)
    tested = sum(counts.values()) - counts["not tested"]
    assert tested > 0
    assert row["tested"] == str(tested)
    assert row["trend holds"] == f"{counts['trend holds']} ({100 * counts['trend holds'] / tested:.0f} %)"
    assert row["not tested"] == str(counts["not tested"])
