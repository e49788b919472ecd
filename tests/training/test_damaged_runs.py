"""A run's files that are whole but not what they should be: each is named, none is taken for good, none is lost."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mtattr.errors import InputError
from mtattr.training import FitSettings, fit_or_load
from mtattr.training.checkpoint import load_tensors, save_tensors

_spec = importlib.util.spec_from_file_location("toy", Path(__file__).with_name("toy.py"))
toy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(toy)


@pytest.fixture
def run(fresh_home):
    return fit_or_load(toy.toy_spec(), plan=toy.toy_plan(epochs=1))


@pytest.mark.parametrize("damage", ["", "[]", "null", "[" * 100_000, "spec only", "no test metrics", "folder"])
def test_a_damaged_result_is_named(run, damage):
    path = run.folder / "result.json"
    record = json.loads(path.read_text())
    texts = {"spec only": json.dumps({"spec": record["spec"]}), "no test metrics": json.dumps(record | {"metrics": {}})}
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        path.write_text(texts.get(damage, damage))
    with pytest.raises(InputError, match=r"result\.json: not a run record"):
        fit_or_load(toy.toy_spec(), plan=toy.toy_plan(epochs=1))
    assert path.exists()


@pytest.mark.parametrize("name", ["predictions.safetensors", "weights.safetensors"])
@pytest.mark.parametrize("damage", ["gone", "cut", "of another run", "of no run", "without tensors"])
def test_damaged_predictions_and_weights_are_named(run, name, damage):
    path = run.folder / name
    tensors, about = load_tensors(path)
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        keep = {"a": torch.zeros(1)} if damage == "without tensors" else tensors
        spec = about["spec"] | {"seed": 7} if damage == "of another run" else about["spec"]
        save_tensors(path, keep, {} if damage == "of no run" else {"spec": spec})
    with pytest.raises(InputError, match=name + ".*delete the run's folder"):
        run.predictions() if name.startswith("predictions") else run.network(toy.toy_plan(epochs=1))


def test_an_epoch_that_was_not_kept_is_named(run):
    with pytest.raises(InputError, match="epoch 'first'"):
        run.network(toy.toy_plan(epochs=1), epoch="first")


@pytest.mark.parametrize("damage", ["identity", "state", "running", "net.head.bias"])
def test_a_checkpoint_that_lacks_a_part_is_named_and_kept(fresh_home, monkeypatch, damage):
    from mtattr.training import fit as loop

    calls, take = iter(range(100)), loop.take

    def failing(*arguments):
        if next(calls) == 3:
            raise KeyboardInterrupt
        return take(*arguments)

    monkeypatch.setattr(loop, "take", failing)
    with pytest.raises(KeyboardInterrupt):
        fit_or_load(toy.toy_spec(), plan=toy.toy_plan(), checkpoint_seconds=0)
    monkeypatch.setattr(loop, "take", take)
    (path,) = fresh_home.rglob("checkpoint.safetensors")
    tensors, about = load_tensors(path)
    save_tensors(path, {k: v for k, v in tensors.items() if k != damage}, {k: v for k, v in about.items() if k != damage})
    whole = path.read_bytes()
    with pytest.raises(InputError, match=r"checkpoint\.safetensors: .*delete it to start anew"):
        fit_or_load(toy.toy_spec(), plan=toy.toy_plan())
    assert path.read_bytes() == whole


def test_double_precision_is_measured_in_single(fresh_home):
    def analyse(net, data, device):
        with torch.no_grad():
            return {"mean_logit": net(data["test"].images / 255).logits.mean().item()}

    run = fit_or_load(toy.toy_spec(), plan=replace(toy.toy_plan(epochs=1), analyse=analyse), precision="64-true", device="cpu")
    for epoch in ("last", "selected"):
        assert run.metrics[epoch]["mean_logit"] == pytest.approx(run.predictions()[f"test_{epoch}"].mean().item(), abs=1e-5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"devices": 0}, "devices"), ({"devices": "x"}, "devices"), ({"num_nodes": 2}, "MASTER_ADDR"), ({"device": "mps"}, "mps")],
)
def test_devices_that_cannot_be_are_refused_and_nothing_is_written(fresh_home, monkeypatch, changed, message):
    for name in ("MASTER_ADDR", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InputError, match=message):
        fit_or_load(toy.toy_spec(), plan=toy.toy_plan(), **changed)
    with pytest.raises(InputError, match="RunSpec"):
        fit_or_load("PM")
    assert not fresh_home.exists()


@pytest.mark.parametrize("changed", [{"epochs": "3"}, {"epochs": 2.5}, {"batch_size": 0}, {"learning_rate": float("nan")}, {"shift": -1}])
def test_fit_settings_are_checked(changed):
    (name,) = changed
    with pytest.raises(InputError, match=name):
        FitSettings(**{"epochs": 1} | changed)
