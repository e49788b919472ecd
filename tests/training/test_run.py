import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mtattr.errors import InputError
from mtattr.training import RunSpec, fit_or_load, plan_for
from mtattr.training.fit import step_seed
from safetensors.torch import load_file

TOY = Path(__file__).with_name("toy.py")
_spec = importlib.util.spec_from_file_location("toy", TOY)
toy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(toy)


def same_bits(one: Path, other: Path) -> None:
    for name in ("weights.safetensors", "predictions.safetensors"):
        a, b = load_file(one / name), load_file(other / name)
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key].nan_to_num(-9), b[key].nan_to_num(-9)) for key in a), name
    records = [json.loads((folder / "result.json").read_text()) for folder in (one, other)]
    for part in ("metrics", "validation", "history", "task_history", "selection", "data"):
        assert records[0][part] == records[1][part], part


def start(home: Path, *arguments: str, launcher: tuple[str, ...] = ()) -> subprocess.Popen:
    environment = os.environ | {"MTATTR_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *launcher, str(TOY), str(home.parent / f"{home.name}.json"), *arguments]
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
    best = max(row["val_mean_accuracy"] for row in run.history)
    assert run.history[run.record["selection"]["epoch"]]["val_mean_accuracy"] == best


def test_seed_and_data_make_another_folder(fresh_home):
    plan = toy.toy_plan(epochs=1)
    one = fit_or_load(toy.toy_spec(), plan=plan)
    assert fit_or_load(toy.toy_spec(seed=1), plan=plan).folder != one.folder
    fewer = replace(plan, data={**plan.data, "train": plan.data["train"].subset(range(80))})
    assert fit_or_load(toy.toy_spec(), plan=fewer).folder != one.folder


def test_stored_weights_give_the_stored_logits(fresh_home):
    plan = toy.toy_plan(epochs=2)
    run = fit_or_load(toy.toy_spec(), plan=plan, precision="32-true")
    for epoch in ("last", "selected"):
        with torch.no_grad():
            logits = run.network(plan, epoch=epoch)(plan.data["test"].images / 255).logits
        torch.testing.assert_close(logits, run.predictions()[f"test_{epoch}"], atol=1e-5, rtol=1e-5)


def interrupt_after(seconds_or_steps: int, fresh_home: Path, monkeypatch, plan=None) -> Path:
    """Leave a real checkpoint behind by failing in the middle of a training."""
    from mtattr.training import fit as loop

    calls = iter(range(1000))
    take = loop.take

    def failing(*arguments):
        if next(calls) == seconds_or_steps:
            raise KeyboardInterrupt
        return take(*arguments)

    monkeypatch.setattr(loop, "take", failing)
    with pytest.raises(KeyboardInterrupt):
        fit_or_load(toy.toy_spec(), plan=plan or toy.toy_plan(), checkpoint_seconds=0)
    monkeypatch.setattr(loop, "take", take)
    (checkpoint,) = fresh_home.rglob("checkpoint.safetensors")
    return checkpoint


@pytest.mark.parametrize("step", [1, 5, 7, 12])
def test_interrupted_at_any_step_ends_with_the_same_bits(step, fresh_home, monkeypatch, tmp_path):
    interrupt_after(step, fresh_home, monkeypatch)
    resumed = fit_or_load(toy.toy_spec(), plan=toy.toy_plan())
    monkeypatch.setenv("MTATTR_HOME", str(tmp_path / "undisturbed"))
    same_bits(resumed.folder, fit_or_load(toy.toy_spec(), plan=toy.toy_plan()).folder)


@pytest.mark.parametrize("watches", ["validation", "training"])
@pytest.mark.parametrize("step", [3, 8])
def test_an_interrupted_weighting_ends_with_the_same_bits(watches, step, fresh_home, monkeypatch, tmp_path):
    plan = toy.toy_plan(watches=watches)
    interrupt_after(step, fresh_home, monkeypatch, plan)
    resumed = fit_or_load(toy.toy_spec(), plan=plan)
    monkeypatch.setenv("MTATTR_HOME", str(tmp_path / "undisturbed"))
    same_bits(resumed.folder, fit_or_load(toy.toy_spec(), plan=plan).folder)


def test_a_checkpoint_cut_short_or_foreign_is_refused_and_kept(fresh_home, monkeypatch):
    checkpoint = interrupt_after(8, fresh_home, monkeypatch)
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"checkpoint\.safetensors: cut short or damaged"):
        fit_or_load(toy.toy_spec(), plan=toy.toy_plan())
    checkpoint.write_bytes(whole.replace(b'\\"seed\\": 0', b'\\"seed\\": 7'))
    assert checkpoint.read_bytes() != whole
    with pytest.raises(InputError, match="belongs to another run"):
        fit_or_load(toy.toy_spec(), plan=toy.toy_plan())
    assert not (checkpoint.parent / "result.json").exists()
    assert checkpoint.exists()


def test_a_result_of_another_spec_is_refused(fresh_home):
    run = fit_or_load(toy.toy_spec(), plan=toy.toy_plan(epochs=1))
    result = run.folder / "result.json"
    result.write_text(result.read_text().replace('"variant": "toy"', '"variant": "other"'))
    with pytest.raises(InputError, match=r"result\.json: holds the run"):
        fit_or_load(toy.toy_spec(), plan=toy.toy_plan(epochs=1))
    result.write_text("{")
    with pytest.raises(InputError, match=r"result\.json: not a run record"):
        fit_or_load(toy.toy_spec(), plan=toy.toy_plan(epochs=1))


def test_a_training_that_diverges_says_so(fresh_home):
    plan = toy.toy_plan(epochs=1)
    assert fit_or_load(toy.toy_spec(), plan=plan).record["notes"] == []
    broken = replace(plan, losses=lambda *given, **more: plan.losses(*given, **more) * float("inf"))
    assert fit_or_load(toy.toy_spec(seed=1), plan=broken).record["notes"] == ["the training diverged"]


def test_seeds_of_steps_differ():
    seeds = {step_seed(s, e, k, r) for s in range(3) for e in range(3) for k in range(5) for r in range(2)}
    assert len(seeds) == 3 * 3 * 5 * 2


def test_unknown_papers_devices_and_precisions_are_refused():
    with pytest.raises(InputError, match="paper 'nobody'"):
        plan_for(RunSpec("nobody", "v", "d", "smoke"))
    with pytest.raises(InputError, match="precision 'half'"):
        fit_or_load(toy.toy_spec(), plan=toy.toy_plan(), precision="half")
    with pytest.raises(InputError, match="device 'tpu'"):
        fit_or_load(toy.toy_spec(), plan=toy.toy_plan(), device="tpu")


@pytest.mark.slow
def test_killed_three_times_ends_with_the_same_bits(tmp_path):
    undisturbed = finish(tmp_path / "undisturbed")
    home, chance, kills = tmp_path / "killed", random.Random(), 0
    while kills < 3:
        process = start(home, "--slow", "0.05")
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
