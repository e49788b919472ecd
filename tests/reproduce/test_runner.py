import json
import os
import sys
from pathlib import Path

import pytest
from mtattr.errors import InputError
from mtattr.reproduce import expand, record, reproduce, runner
from mtattr.reproduce.runner import FAILED, PLANNED, SKIPPED, TIMED_OUT, print_table, slots, visible_gpus


def test_slots_deal_gpus_round_robin():
    assert [slot.gpu for slot in slots(None, ["0", "3"])] == ["0", "3"]
    assert [slot.gpu for slot in slots(5, ["a", "b"])] == ["a", "b", "a", "b", "a"]
    assert [slot.gpu for slot in slots(2, [])] == [None, None]
    assert len(slots(None, [])) >= 1
    with pytest.raises(InputError, match="--jobs 0"):
        slots(0, [])


@pytest.mark.parametrize(("named", "expected"), [("", []), ("-1", []), ("2,5", ["2", "5"]), ("MIG-a, MIG-b", ["MIG-a", "MIG-b"])])
def test_only_visible_gpus_are_used(monkeypatch, named, expected):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert visible_gpus() == expected


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """Replaces the notebook process by a short script: `stand_in(code)`, with `folder` and `job` in its scope."""
    true_start = runner.subprocess.Popen

    def use(code: str) -> None:
        library = str(Path(runner.__file__).parents[2])
        head = (
            f"import sys, json, os, time; sys.path.insert(0, {library!r}); from pathlib import Path; from mtattr.reproduce import record\n"
        )
        head += "folder = Path(sys.argv[1]); job = json.loads((folder / 'job.json').read_text())\n"
        monkeypatch.setattr(
            runner.subprocess, "Popen", lambda command, **rest: true_start([sys.executable, "-c", head + code, command[-1]], **rest)
        )

    return use


SUCCEED = "(folder / 'notebook.ipynb').write_text('{}'); record.write_result(folder, job, seconds=1)\n"


def test_done_runs_are_skipped_and_only_they(make_project, stand_in, tmp_path):
    runs = expand(make_project(build="1", train="2"))
    stand_in(SUCCEED + f"open({str(tmp_path / 'calls')!r}, 'a').write(job['name'] + ' ')\n")
    reproduce(runs, output=tmp_path / "out", say=lambda _: None)
    (tmp_path / "out" / runs[1].folder_name / record.NOTEBOOK).write_text("cut sho")
    statuses = [outcome.status for outcome in reproduce(runs, output=tmp_path / "out", say=lambda _: None)]
    assert statuses == [SKIPPED, runner.DONE]
    reproduce(runs, output=tmp_path / "out", resume=False, say=lambda _: None)
    calls = (tmp_path / "calls").read_text().split()
    assert calls == [
        "attribute_estimation/build",
        *["attribute_estimation/train"] * 2,
        "attribute_estimation/build",
        "attribute_estimation/train",
    ]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("sys.exit(0)", "exit code 0"),  # a process that says success and leaves no result
        (SUCCEED + "print('cell [3]: ValueError: no', file=sys.stderr); sys.exit(1)", "cell [3]: ValueError: no"),
        ("record.write_atomically(folder / 'result.json', '{}')", "exit code 0"),
        ("os.kill(os.getpid(), 9)", "exit code -9"),
    ],
)
def test_only_exit_code_and_result_together_mean_done(make_project, stand_in, tmp_path, code, error):
    stand_in(code)
    said = []
    (outcome,) = reproduce(expand(make_project(build="1")), output=tmp_path / "out", say=said.append)
    assert (outcome.status, outcome.ok) == (FAILED, False)
    assert error in outcome.error
    assert error in said[-1]


def test_a_failure_does_not_stop_the_others(make_project, stand_in, tmp_path):
    stand_in("sys.exit(1) if job['name'].endswith('build') else None\n" + SUCCEED)
    outcomes = reproduce(expand(make_project(build="1", train="2"), seeds=[0, 1]), output=tmp_path / "out", jobs=2, say=lambda _: None)
    assert [outcome.ok for outcome in outcomes] == [False, False, True, True]


def test_time_limit(make_project, stand_in, tmp_path):
    stand_in("time.sleep(60)")
    (outcome,) = reproduce(expand(make_project(build="1")), output=tmp_path / "out", timeout=0.2, say=lambda _: None)
    assert (outcome.status, outcome.ok) == (TIMED_OUT, False)


def test_each_run_sees_one_gpu_and_steps_keep_their_order(make_project, stand_in, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    log = tmp_path / "log"
    facts = "[job['parameters']['seed'], job['name'], os.environ['CUDA_VISIBLE_DEVICES'], when]"
    note = f"open({str(log)!r}, 'a').write(json.dumps({facts}) + '\\n')\n"
    stand_in(f"assert 'MPLBACKEND' not in os.environ\nwhen = 'begin'\n{note}time.sleep(0.1)\nwhen = 'end'\n{note}" + SUCCEED)
    outcomes = reproduce(expand(make_project(build="1", train="2"), seeds=[0, 1, 2]), output=tmp_path / "out", say=lambda _: None)
    assert all(outcome.ok for outcome in outcomes)
    busy: dict[str, tuple] = {}
    for seed, name, gpu, when in map(json.loads, log.read_text().splitlines()):
        if when == "begin":
            assert gpu in ("4", "7")
            assert gpu not in busy, "two runs on one GPU"
            assert seed not in [other for other, _ in busy.values()], "two steps of one chapter at once"
            busy[gpu] = (seed, name)
        else:
            assert busy.pop(gpu) == (seed, name)


def test_dry_run_writes_nothing(make_project, tmp_path):
    outcomes = reproduce(expand(make_project(build="1")), output=tmp_path / "out", dry_run=True)
    assert [outcome.status for outcome in outcomes] == [PLANNED]
    assert not (tmp_path / "out").exists()
    assert not Path(os.environ["MTATTR_HOME"]).exists()


def test_table_has_a_line_per_run(make_project, tmp_path, capsys):
    print_table(reproduce(expand(make_project(build="1"), seeds=[0, 1]), output=tmp_path / "out", dry_run=True))
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["chapter", "notebook", "seconds", "status"]
    assert [line.split()[:2] for line in lines] == [["attribute_estimation", "build"]] * 2
