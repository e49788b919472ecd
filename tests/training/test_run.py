import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mtattr.errors import InputError
from mtattr.training import fit_or_load
from safetensors.torch import load_file

from training import toy


def same_bits(one: Path, other: Path) -> None:
    for name in ("weights.safetensors", "predictions.safetensors"):
        toy.same(load_file(one / name), load_file(other / name))
    records = [json.loads((folder / "result.json").read_text()) for folder in (one, other)]
    for part in ("metrics", "validation", "history", "task_history", "selection", "data"):
        assert records[0][part] == records[1][part], part


def start(home: Path, *arguments: str, launcher: tuple[str, ...] = (), pause: str = "0") -> subprocess.Popen:
    environment = os.environ | {"MTATTR_HOME": str(home), "OMP_NUM_THREADS": "1", toy.PAUSE: pause}
    command = [sys.executable, *launcher, toy.__file__, str(home.parent / f"{home.name}.json"), *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def finish(home: Path, *arguments: str, launcher: tuple[str, ...] = ()) -> Path:
    process = start(home, *arguments, launcher=launcher)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return Path(json.loads((home.parent / f"{home.name}.json").read_text())["folder"])


def test_a_finished_run_is_read_back(fresh_home):
    run = fit_or_load(toy.toy_spec(), plan=toy.toy_plan())
    stamp = (run.folder / "weights.safetensors").stat().st_mtime_ns
    again = fit_or_load(toy.toy_spec(), plan=toy.toy_plan())
    assert again.record == run.record
    assert (run.folder / "weights.safetensors").stat().st_mtime_ns == stamp
    assert not (run.folder / "checkpoint.safetensors").exists()
    assert run.predictions()["test_last"].shape == (31, 5)
    assert len(run.history) == 3
    assert not {"structure", "search"} & run.record.keys()
    best = max(row["val_mean_accuracy"] for row in run.history)
    assert run.history[run.record["selection"]["epoch"]]["val_mean_accuracy"] == best


def test_stored_weights_give_the_stored_logits(trained):
    plan = toy.toy_plan(epochs=1)
    for epoch in ("last", "selected"):
        with torch.no_grad():
            logits = trained.network(plan, epoch=epoch)(plan.data["test"].images / 255).logits
        torch.testing.assert_close(logits, trained.predictions()[f"test_{epoch}"], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("watches", [None, "validation", "training"])
def test_interrupted_at_any_step_ends_with_the_same_bits(watches, interrupt, monkeypatch, tmp_path):
    plan, homes = toy.toy_plan(watches=watches), []
    for step in (None, 1, 5, 8, 12) if watches is None else (None, 3, 8):
        monkeypatch.setenv("MTATTR_HOME", str(tmp_path / "home" / str(step)))
        if step is not None:
            checkpoint = interrupt(step, plan)
        homes.append(fit_or_load(toy.toy_spec(), plan=plan).folder)
        if step is not None:
            assert not checkpoint.exists()
            same_bits(homes[0], homes[-1])


def test_a_training_that_diverges_says_so(trained, fresh_home):
    assert trained.record["notes"] == []
    plan = toy.toy_plan(epochs=1)
    broken = replace(plan, losses=lambda *given: plan.losses(*given) * float("inf"))
    assert fit_or_load(toy.toy_spec(seed=1), plan=broken).record["notes"] == ["the training diverged"]


def test_a_batch_that_the_processes_cannot_share_is_refused(fresh_home, monkeypatch):
    import mtattr.training.run as module

    monkeypatch.setattr(module, "open_fabric", lambda **_: SimpleNamespace(world_size=3))
    with pytest.raises(InputError, match="batch size 16 does not divide over 3 processes"):
        fit_or_load(toy.toy_spec(), plan=toy.toy_plan())


@pytest.mark.slow
def test_killed_three_times_ends_with_the_same_bits(tmp_path):
    undisturbed = finish(tmp_path / "undisturbed")
    home, chance, kills = tmp_path / "killed", random.Random(), 0
    while kills < 3:
        process = start(home, pause="0.05")
        deadline = time.monotonic() + 60
        while not list(home.rglob("checkpoint.safetensors")) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(chance.uniform(0.0, 0.3))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        kills += 1
        assert not list(home.rglob("result.json")), "killed after the end: make the toy slower"
    same_bits(undisturbed, finish(home))
    assert not list(home.rglob("*.part"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "more", [("--precision", "32-true"), ("--precision", "64-true"), ("--watches", "validation"), ("--watches", "training")]
)
def test_two_processes_end_where_one_does(more, tmp_path):
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    arguments = ("--precision", "32-true", "--no-dropout", *more)
    one = finish(tmp_path / "one", *arguments)
    two = finish(tmp_path / "two", *arguments, launcher=launcher)
    a, b = load_file(one / "weights.safetensors"), load_file(two / "weights.safetensors")
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], atol=1e-5, rtol=0, msg=name)
    record = json.loads((two / "result.json").read_text())
    assert record["environment"]["processes"] == 2
    histories = [json.loads((folder / "result.json").read_text())["task_history"]["weight"] for folder in (one, two)]
    torch.testing.assert_close(*(torch.tensor(history) for history in histories), atol=1e-4, rtol=0)
