"""A record's training repeated: the same bits for the same code, and what differs otherwise is named."""

import copy
import os

import pytest
import torch
from mtattr.data.home import home
from mtattr.evidence import ABSENT, causes, compare, rerun, seal
from mtattr.training import RunSpec, fit_or_load

from cases import assert_refused


def sealed(run, **changes):
    """The record of a run as the ledger holds it; `changes` are given as section__field=value."""
    record = copy.deepcopy(run.record)
    record["code"]["claims_sha256"] = None
    for key, value in changes.items():
        section, field = key.split("__")
        record[section][field] = value
    return seal(record)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of one epoch with two threads in double precision: neither is what a command would choose."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTATTR_HOME", str(tmp_path_factory.mktemp("first")))
        spec = RunSpec("attribute_estimation", "CM", "digits", "smoke", 3, {"epochs": 1})
        yield fit_or_load(spec, device="cpu", precision="64-true", threads=2, progress=False)


def test_the_same_code_repeats_a_record_to_the_last_bit_in_a_folder_of_its_own(trained, tmp_path, fresh_home):
    record, threads = sealed(trained), torch.get_num_threads()
    again = rerun(record, tmp_path / "again", progress=False)
    assert again.folder.parent == tmp_path / "again" / "runs"
    assert again.folder.name == trained.folder.name
    assert again.record["environment"]["threads"] == 2
    assert again.record["environment"]["precision"] == "64-true"
    rows = compare(record, again.record)
    assert all(row.agrees and row.old == row.new for row in rows)
    numbers = {"data.fingerprint", "metrics.selected.class_accuracy", "metrics.last.class_accuracy", "history.last.train_loss"}
    assert numbers <= {row.name for row in rows}
    assert causes(record, again.record) == []
    assert (home(), torch.get_num_threads()) == (fresh_home, threads)
    assert_refused("holds files; a run is repeated in a new or empty folder", rerun, record, tmp_path / "again")


def test_one_changed_number_is_found_and_only_that(trained):
    record = sealed(trained)
    changed = copy.deepcopy(record)
    changed["metrics"]["last"]["class_accuracy"] += 2**-50
    (row,) = [row for row in compare(changed, record) if not row.agrees]
    assert row.name == "metrics.last.class_accuracy"
    assert row.difference == -(2**-50)


def test_a_value_that_the_repetition_lacks_differs_and_one_that_only_it_has_does_not(trained):
    record = sealed(trained)
    more = copy.deepcopy(record)
    more["metrics"]["selected"]["other"] = 0.5
    for old, new, agrees in ((more, record, False), (record, more, True)):
        (row,) = [row for row in compare(old, new) if ABSENT in (row.old, row.new)]
        assert (row.name, row.agrees, row.difference) == ("metrics.selected.other", agrees, None)


def test_times_differ_without_a_contradiction_but_must_be_there(make_record):
    fast, slow = (make_record(value, metric="milliseconds") for value in (1.0, 2.0))
    assert all(row.agrees for row in compare(fast, slow))
    assert not all(row.agrees for row in compare(fast, make_record()))


def test_what_may_explain_a_difference_is_named(make_record):
    old, digest = make_record(), "e" * 64
    for changes, words in (
        ({}, []),
        ({"code__digest": digest}, ["code digest: dddddddddddd then, eeeeeeeeeeee now"]),
        ({"environment__torch": "9.0"}, ["torch version: 2.8.0 then, 9.0 now"]),
        ({"environment__cpu": "M9"}, ["CPU model: not in the record then, M9 now"]),
        ({"environment__device": "cuda (H)"}, ["device: cpu then, cuda (H) now"]),
    ):
        assert causes(old, make_record(**changes)) == words, changes
    assert causes(old, make_record(edition=2)) == ["edition: 1 then, 2 now"]
    named = [make_record(environment__cpu=name) for name in ("M8", "M9")]
    assert causes(*named) == ["CPU model: M8 then, M9 now"]


def test_a_record_that_cannot_be_repeated_is_one_line(make_record, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for changes, words in (
        ({"spec__paper": "nobody"}, "paper 'nobody' no longer exists; there are adaptive_weighting, "),
        ({"spec__variant": "QM"}, "variant 'QM' is unknown; .*; check out commit aaaaaaaa"),
        ({"spec__settings": {"colour": 3}}, "setting 'colour' is unknown"),
        ({"spec__scale": "paper"}, "no scale 'paper' for digits"),
        ({"environment__device": "cuda (H200)"}, r"trained on cuda \(H200\), and torch sees no GPU"),
        ({"environment__processes": 4}, "trained by 4 processes"),
    ):
        assert_refused(f"record [0-9a-f]{{8}}: .*{words}", rerun, make_record(**changes), tmp_path / "new", case=changes)
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_runs_that_a_record_requires_are_trained_in_the_same_folder(tmp_path, fresh_home):
    spec = RunSpec("adaptive_sharing", "thin-32", "celeba-twin", "smoke", 0, {"epochs": 1})
    record = sealed(fit_or_load(spec, device="cpu", precision="32-true", threads=1, progress=False))
    again = rerun(record, tmp_path / "again", progress=False)
    assert all(row.agrees for row in compare(record, again.record))
    assert len(os.listdir(tmp_path / "again" / "runs")) == 2
