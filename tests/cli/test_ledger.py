"""`mtattr ledger`: what a person or a script sees of it."""

import copy
import csv
import io
import json
import subprocess
import sys

import pytest
from mtattr.cli import main
from mtattr.evidence import append, read_ledger, seal
from mtattr.training import RunSpec, fit_or_load

from evidence.conftest import fabricate


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    """A ledger with records of two papers, three variants, five seeds and two editions."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "pyproject.toml").touch()
    file = tmp_path / "book" / "evidence" / "ledger.jsonl"
    records = [
        fabricate(seed / 10, spec__variant=variant, spec__seed=seed, spec__settings=settings, edition=edition)
        for variant, settings, edition in (("PM", {}, None), ("CM", {"epochs": 1}, 2), ("Ideal", {"epochs": True, "backbone": "vgg"}, 2))
        for seed in range(5)
    ]
    records += [fabricate(0.7, metric="mean_accuracy", spec__paper="channel_attention", spec__scale="smoke")]
    append(file, records)
    return file


def shown(capsys, *options) -> list[dict]:
    assert main(["ledger", "show", "--json", *options]) == 0
    out, err = capsys.readouterr()
    records = [json.loads(line) for line in out.splitlines()]
    assert err.strip() == f"{len(records)} records"
    return records


def test_filters_choose_records_that_fit_all_of_them(ledger, capsys):
    every = read_ledger(ledger)
    for options, fits in (
        ([], lambda record, spec: True),
        (["--paper", "channel_attention"], lambda record, spec: spec["paper"] == "channel_attention"),
        (["--variant", "PM,CM", "--seed", "1-2"], lambda record, spec: spec["variant"] in ("PM", "CM") and spec["seed"] in (1, 2)),
        (["--scale", "smoke"], lambda record, spec: spec["scale"] == "smoke"),
        (["--dataset", "celeba"], lambda record, spec: False),
        (["--edition", "1"], lambda record, spec: "edition" not in record),
        (["--edition", "2", "--setting", "epochs=1"], lambda record, spec: spec["variant"] == "CM"),
        (["--setting", "backbone=vgg", "--setting", "epochs=true"], lambda record, spec: spec["variant"] == "Ideal"),
    ):
        assert shown(capsys, *options) == [record for record in every if fits(record, record["spec"])], options


def test_lines_for_people_name_hash_edition_and_the_metrics_asked_for(ledger, capsys):
    assert main(["ledger", "show", "--ledger", str(ledger), "--variant", "CM", "--seed", "3", "--metric", "class_accuracy"]) == 0
    (record,) = [r for r in read_ledger(ledger) if (r["spec"]["variant"], r["spec"]["seed"]) == ("CM", 3)]
    line = f"{record['sha256'][:8]} attribute_estimation CM digits (real) reduced seed 3 edition 2 epochs=1 class_accuracy=0.3000\n"
    assert capsys.readouterr().out == line
    assert main(["ledger", "show", "--metric", "nope"]) == 2
    assert "metric 'nope' is in none of these records: class_accuracy, mean_accuracy" in capsys.readouterr().err


def test_csv_reads_back(ledger, capsys):
    assert main(["ledger", "show", "--csv", "--paper", "attribute_estimation", "--metric", "class_accuracy"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    records = read_ledger(ledger)[:15]
    assert [row["sha256"] for row in rows] == [record["sha256"] for record in records]
    assert [float(row["metric.class_accuracy"]) for row in rows] == [r["metrics"]["selected"]["class_accuracy"] for r in records]
    assert {row["floor.class_accuracy"] for row in rows} == {"0.1"}


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_no_error_message(ledger):
    append(ledger, [fabricate(0.3, spec__variant=f"v{i}") for i in range(500)])  # more than a pipe holds
    command = [sys.executable, "-m", "mtattr.cli", "ledger", "show", "--csv"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline().startswith("sha256,paper,")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 1


def test_an_edition_is_removed_and_no_single_record_can_be(ledger, capsys):
    every = read_ledger(ledger)
    assert main(["ledger", "remove", "--paper", "attribute_estimation", "--edition", "1"]) == 0
    assert capsys.readouterr().out.startswith("5 removed: ")
    assert read_ledger(ledger) == every[5:]
    for options in (["--seed", "1"], ["--variant", "CM"]):
        assert main(["ledger", "remove", "--paper", "attribute_estimation", "--edition", "2", *options]) == 2
    assert read_ledger(ledger) == every[5:]


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """The record of a run of one epoch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTATTR_HOME", str(tmp_path_factory.mktemp("home")))
        spec = RunSpec("attribute_estimation", "CM", "digits", "smoke", 0, {"epochs": 1})
        record = fit_or_load(spec, device="cpu", precision="32-true", threads=1, progress=False).record
    record["code"]["claims_sha256"] = None
    return seal(record)


def test_a_rerun_agrees_with_its_record_and_leaves_no_file(record, ledger, capsys, monkeypatch, tmp_path):
    append(ledger, [record], allow_dirty=True)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    assert main(["ledger", "rerun", record["sha256"][:16].upper(), "--check"]) == 0
    out = capsys.readouterr().out
    assert "attribute_estimation CM digits smoke seed 0, 32-true, threads 1" in out
    assert "all values agree" in out
    assert "expected" not in out
    (row,) = [line.split() for line in out.splitlines() if line.startswith("metrics.last.class_accuracy")]
    assert row[1] == row[2] == f"{record['metrics']['last']['class_accuracy']:.8g}"
    assert row[3] == "0"
    assert not list(temporary.iterdir())


def test_a_record_that_was_tampered_with_differs_and_the_rerun_is_kept_on_request(record, ledger, capsys, tmp_path):
    wrong = copy.deepcopy(record)
    wrong["metrics"]["last"]["class_accuracy"] += 0.125
    wrong["code"]["digest"] = "0" * 64
    wrong = seal(wrong)
    append(ledger, [wrong], allow_dirty=True)
    command = ["ledger", "rerun", wrong["sha256"], "--check", "--to", str(tmp_path / "kept")]
    assert main(command) == 1
    out = capsys.readouterr().out
    assert "1 of " in out
    assert "code digest: 000000000000 then, " in out
    assert "so a difference is expected" in out
    (row,) = [line.split() for line in out.splitlines() if line.startswith("metrics.last.class_accuracy")]
    assert row[3] == "-0.12"
    (run,) = (tmp_path / "kept" / "runs").iterdir()
    assert json.loads((run / "result.json").read_text())["metrics"] == record["metrics"]
    assert f"kept in {run}" in out
    assert main(command) == 2
    assert "holds files" in capsys.readouterr().err


def test_an_ambiguous_hash_is_refused(ledger, capsys):
    begins = [record["sha256"][0] for record in read_ledger(ledger)]
    shared = max(begins, key=begins.count)
    assert begins.count(shared) > 1
    assert main(["ledger", "rerun", shared]) == 2
    assert f"records begin with '{shared}'" in capsys.readouterr().err
