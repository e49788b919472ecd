import json
import os
import re

import pytest
from mtattr.errors import InputError
from mtattr.evidence import append, canonical_json, read_ledger, verification, verify
from mtattr.evidence import ledger as ledger_module


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


@pytest.mark.parametrize("changes", [{"code__dirty": True}, {"code__commit": None}])
def test_uncommitted_code_is_refused_unless_allowed(ledger, make_record, changes):
    record = make_record(0.5, **changes)
    with pytest.raises(InputError, match="not committed"):
        append(ledger, [make_record(0.4), record])
    assert not ledger.exists()
    assert append(ledger, [record], allow_dirty=True) == 1


def test_one_bad_record_keeps_all_out(ledger, make_record):
    good, bad = make_record(0.4), make_record(0.5) | {"floors": {"class_accuracy": 0.9}}
    with pytest.raises(InputError, match="record 2 of those to add: sha256"):
        append(ledger, [good, bad])
    assert not ledger.exists()


def damage_hash(line):
    return line.replace('"class_accuracy":0.2', '"class_accuracy":0.9')


def damage_json(line):
    return line[:-40]


def damage_schema(line):
    return canonical_json({key: value for key, value in json.loads(line).items() if key != "floors"})


def damage_kind(line):
    return f"[{line}]"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_hash, "the record was changed"),
        (damage_json, "breaks at column"),
        (damage_schema, "floors"),
        (damage_kind, "got a list"),
        (lambda line: "[" * 100_000, "too deep"),
        (lambda line: "9" * 5000, "too long"),
    ],
)
def test_a_damaged_line_is_found_with_file_and_line(ledger, make_runs, damage, message):
    append(ledger, make_runs("PM", [0.1, 0.2, 0.3]))
    lines = ledger.read_text().splitlines()
    assert damage(lines[1]) != lines[1]
    lines[1] = damage(lines[1])
    ledger.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=re.escape(f"{ledger}:2: ") + f".*{message}") as caught:
        read_ledger(ledger)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"ledger\.jsonl:2"):
        append(ledger, make_runs("CM", [0.5]))
    assert ledger.read_text().splitlines() == lines
    errors = [problem for problem in verify(ledger, ledger.parent.parent) if problem.level == "error"]
    assert [error.where for error in errors] == ["evidence/ledger.jsonl:2"]
    assert re.search(message, errors[0].message)


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
