import csv

import pytest
from mtattr.evidence.spreadsheet import csv_lines

from cases import assert_refused


def parsed(records, *metrics):
    return list(csv.DictReader(csv_lines(records, metrics)))


@pytest.fixture
def records(make_record):
    return [
        make_record(0.1 + 0.2, spec__settings={"backbone": "a,b", "epochs": 3}, edition=2),
        make_record(0.5, metric="mean_accuracy", spec__settings={"backbone": 'say "x"', "weights": None, "sizes": [1, 2]}),
        make_record(None),
    ]


def test_a_row_holds_the_record_and_reads_back_to_the_last_bit(records):
    rows = parsed(records)
    assert [row["sha256"] for row in rows] == [record["sha256"] for record in records]
    for row, record in zip(rows, records, strict=True):
        for name in ("paper", "variant", "dataset", "scale"):
            assert row[name] == record["spec"][name]
        assert (int(row["seed"]), row["generated"]) == (record["spec"]["seed"], str(record["data"]["generated"]))
        for name, value in record["metrics"]["selected"].items():
            assert float(row[f"metric.{name}"]) == value
        for name, value in record["cost"].items():
            assert float(row[f"cost.{name}"]) == value
    assert [row["edition"] for row in rows] == ["2", "1", "1"]
    assert rows[0]["floor.class_accuracy"] == "0.1"
    assert [row["setting.backbone"] for row in rows] == ["a,b", 'say "x"', ""]
    assert [row["setting.weights"] for row in rows] == ["", "null", ""]
    assert rows[1]["setting.sizes"] == "[1, 2]"
    assert [row["metric.mean_accuracy"] for row in rows] == ["", "0.5", ""]


def test_columns_stand_in_groups_whatever_record_brings_them(records):
    names = [name.partition(".")[0].replace("floor", "metric") for name in parsed(records)[0] if "." in name]
    assert set(names) == {"setting", "metric", "cost"}
    assert names == sorted(names, key=["setting", "metric", "cost"].index)


def test_chosen_metrics_alone_and_an_unknown_one_is_refused(records):
    columns = [name for name in parsed(records, "mean_accuracy")[0] if name.startswith("metric.")]
    assert columns == ["metric.mean_accuracy"]
    assert_refused("metric 'nope' is in none of these records: class_accuracy, mean_accuracy", lambda: list(csv_lines(records, ["nope"])))
    assert list(csv_lines([])) == list(csv_lines([], ["nope"])) == []
