import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from mtattr.errors import InputError
from mtattr.evidence import append, canonical_json, find_record, read_ledger, remove_edition, verification, verify
from mtattr.evidence import ledger as ledger_module

from cases import assert_refused


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "evidence" / "ledger.jsonl"


def visible(folder):
    """Names without the lock's, which may stay."""
    return [path.name for path in folder.iterdir() if not path.name.endswith(".lock")]


def test_records_come_back_in_order_and_only_once(ledger, make_runs):
    runs = make_runs("PM", [0.1, 0.2, 0.3])
    assert read_ledger(ledger) == []
    assert append(ledger, runs[:2]) == 2
    assert append(ledger, [*runs, runs[2]]) == 1
    assert read_ledger(ledger) == runs
    assert ledger.read_text().splitlines() == [canonical_json(run) for run in runs]
    before = ledger.stat().st_ino
    assert append(ledger, runs) == 0
    assert ledger.stat().st_ino == before
    assert visible(ledger.parent) == ["ledger.jsonl"]


def test_uncommitted_code_is_refused_unless_allowed(ledger, make_record):
    records = [make_record(0.5, code__dirty=True), make_record(0.5, code__commit=None)]
    for record in records:
        with pytest.raises(InputError, match="not committed"):
            append(ledger, [make_record(0.4), record])
        assert not ledger.exists()
    assert append(ledger, records, allow_dirty=True) == 2


def test_one_bad_record_keeps_all_out(ledger, make_record):
    good, bad = make_record(0.4), make_record(0.5) | {"floors": {"class_accuracy": 0.9}}
    with pytest.raises(InputError, match="record 2 of those to add: sha256"):
        append(ledger, [good, bad])
    assert not ledger.exists()


DAMAGES = {
    "the record was changed": lambda line: line.replace('"class_accuracy":0.2', '"class_accuracy":0.9'),
    "breaks at column": lambda line: line[:-40],
    "floors": lambda line: canonical_json({key: value for key, value in json.loads(line).items() if key != "floors"}),
    "got a list": lambda line: f"[{line}]",
    "too deep": lambda line: "[" * 100_000,
    "too long": lambda line: "9" * 5000,
}


def test_a_damaged_line_is_found_with_file_and_line(ledger, make_runs):
    append(ledger, make_runs("PM", [0.1, 0.2, 0.3]))
    whole = ledger.read_text().splitlines()
    for message, damage in DAMAGES.items():
        lines = [whole[0], damage(whole[1]), whole[2]]
        assert lines != whole, message
        ledger.write_text("\n".join(lines) + "\n")
        with pytest.raises(InputError, match=re.escape(f"{ledger}:2: ") + f".*{message}") as caught:
            read_ledger(ledger)
        assert "\n" not in str(caught.value)
        with pytest.raises(InputError, match=r"ledger\.jsonl:2"):
            append(ledger, make_runs("CM", [0.5]))
        assert ledger.read_text().splitlines() == lines, message
        errors = [problem for problem in verify(ledger, ledger.parent.parent) if problem.level == "error"]
        assert [error.where for error in errors] == ["evidence/ledger.jsonl:2"], message
        assert message in errors[0].message


def test_a_failed_write_leaves_the_old_ledger_and_no_rubbish(ledger, make_runs, monkeypatch):
    runs = make_runs("PM", [0.1, 0.2])
    append(ledger, runs[:1])

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=re.escape(str(ledger)) + ".*No space"):
        append(ledger, runs)
    monkeypatch.undo()
    assert read_ledger(ledger) == runs[:1]
    assert visible(ledger.parent) == ["ledger.jsonl"]


@pytest.fixture
def checks(monkeypatch):
    """Hashes of the records that are checked from here on."""
    seen = []
    for module in (ledger_module, verification):
        stock = module.check_record
        monkeypatch.setattr(
            module, "check_record", lambda record, *source, stock=stock: seen.append(record["sha256"]) or stock(record, *source)
        )
    return seen


def test_a_version_of_the_ledger_is_checked_once_and_every_time_by_verify(ledger, make_runs, checks):
    runs = make_runs("PM", [0.11, 0.22, 0.33])
    hashes = [run["sha256"] for run in runs]
    append(ledger, runs)
    checks.clear()
    assert [read_ledger(ledger) for _ in range(5)] == [runs] * 5
    assert checks == hashes
    for _ in range(2):
        checks.clear()
        assert all(problem.level == "note" for problem in verify(ledger, ledger.parent))
        assert checks == hashes


def test_a_ledger_changed_within_one_tick_of_the_clock_is_read_anew(ledger, make_runs):
    first, second = make_runs("PM", [0.12]), make_runs("PM", [0.13])
    append(ledger, first)
    assert read_ledger(ledger) == first
    changed, stat = canonical_json(second[0]) + "\n", ledger.stat()
    assert len(changed) == stat.st_size
    ledger.write_text(changed)
    os.utime(ledger, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert read_ledger(ledger) == second


def test_what_a_caller_does_to_the_list_stays_there_and_to_a_record_never_reaches_the_file(ledger, make_runs):
    runs = make_runs("PM", [0.14, 0.24])
    append(ledger, runs)
    mine = read_ledger(ledger)
    mine.pop()
    assert read_ledger(ledger) == runs
    line = ledger.read_text().splitlines()[0]
    mine[0]["floors"] = {"changed": True}
    append(ledger, make_runs("CM", [0.34]))
    assert ledger.read_text().splitlines()[0] == line
    assert read_ledger(ledger)[:2] == runs


def test_of_many_that_add_and_remove_at_the_same_time_none_loses_the_work_of_another(ledger, make_runs, make_record, monkeypatch):
    runs, old = make_runs("PM", [i / 10 for i in range(8)], edition=2), make_record(0.9)
    append(ledger, [old])
    write = ledger_module.write_atomically
    monkeypatch.setattr(ledger_module, "write_atomically", lambda *given: time.sleep(0.02) or write(*given))
    with ThreadPoolExecutor(9) as pool:
        added = [pool.submit(append, ledger, [run]) for run in runs]
        removed = pool.submit(remove_edition, ledger, "attribute_estimation", 1)
    assert [done.result() for done in added] == [1] * 8
    assert removed.result() == 1
    assert sorted(read_ledger(ledger), key=str) == sorted(runs, key=str)


def test_an_edition_of_a_paper_leaves_whole_and_the_other_lines_stay_as_they_are(ledger, make_record):
    first, named = make_record(0.1), make_record(0.2, edition=1)
    second, other = make_record(0.3, edition=2), make_record(0.4, spec__paper="channel_attention")
    append(ledger, [first, second, named, other])
    assert remove_edition(ledger, "attribute_estimation", 1) == 2
    assert read_ledger(ledger) == [second, other]
    assert ledger.read_text().splitlines() == [canonical_json(second), canonical_json(other)]
    for paper, edition, there in (("attribute_estimation", 1, "2"), ("channel_attention", 2, "1"), ("nobody", 1, "none")):
        assert_refused(f"no record of {paper}, edition {edition}; editions: {there}$", remove_edition, ledger, paper, edition)
    assert read_ledger(ledger) == [second, other]


def test_a_record_is_found_by_the_beginning_of_its_hash_if_no_other_begins_so(make_runs):
    runs = make_runs("PM", [i / 100 for i in range(40)])  # more than hex digits: some share the first
    for run in runs:
        assert find_record(runs, run["sha256"]) == find_record(runs, run["sha256"][:12]) == run
    begins = [run["sha256"][0] for run in runs]
    shared = max(begins, key=begins.count)
    assert_refused(f"{begins.count(shared)} records begin with '{shared}'", find_record, runs, shared)
    assert_refused("no record's hash begins with 'xyz'", find_record, runs, "xyz")
    assert find_record([runs[0], runs[0]], runs[0]["sha256"][:8]) == runs[0]
