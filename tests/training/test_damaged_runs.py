"""A run's files that are whole but not what they should be: each is named, none is taken for good, none is lost."""

import json
from dataclasses import replace

import pytest
import torch
from mtattr.training import fit_or_load
from mtattr.training.checkpoint import load_tensors, save_tensors

from cases import assert_refused
from training import toy

HOW = {"device": "cpu", "precision": "32-true", "progress": False}


def again():
    return fit_or_load(toy.toy_spec(), plan=toy.toy_plan(epochs=1), **HOW)


def test_a_damaged_result_is_named(run):
    path = run.folder / "result.json"
    record = json.loads(path.read_text())
    others = (json.dumps({"spec": record["spec"]}), json.dumps(record | {"metrics": {}}))
    for text in ("", "{", "[]", "null", "[" * 100_000, *others):
        path.write_text(text)
        assert_refused(r"result\.json: not a run record.*delete it", again, case=text[:80])
    path.write_text(json.dumps(record | {"spec": record["spec"] | {"variant": "other"}}))
    assert_refused(r"result\.json: holds the run", again)
    path.unlink()
    path.mkdir()
    assert_refused(r"result\.json: not a run record", again)
    assert path.exists()


@pytest.mark.parametrize("name", ["predictions.safetensors", "weights.safetensors"])
def test_damaged_predictions_and_weights_are_named(run, name):
    path = run.folder / name
    (tensors, about), whole = load_tensors(path), path.read_bytes()
    none = {"a": torch.zeros(1)}

    def read():
        return run.predictions() if name.startswith("predictions") else run.network(toy.toy_plan(epochs=1))

    for damage in ("gone", "cut", "of another run", "of no run", "without tensors"):
        path.write_bytes(whole)
        if damage == "gone":
            path.unlink()
        elif damage == "cut":
            path.write_bytes(whole[:-1])
        else:
            spec = {"of no run": {}, "of another run": {"spec": about["spec"] | {"seed": 7}}}.get(damage, {"spec": about["spec"]})
            save_tensors(path, none if damage == "without tensors" else tensors, spec)
        assert_refused(name + ".*delete the run's folder", read, case=damage)


def test_an_epoch_that_was_not_kept_is_named(run):
    assert_refused("epoch 'first'", run.network, toy.toy_plan(epochs=1), epoch="first")


def test_a_checkpoint_that_is_damaged_or_foreign_is_named_and_kept(interrupt):
    path = interrupt(8)
    whole = path.read_bytes()
    tensors, about = load_tensors(path)
    foreign = whole.replace(b'\\"seed\\": 0', b'\\"seed\\": 7')
    assert foreign != whole
    for damage in ("cut", "foreign", "identity", "state", "running", "net.head.bias"):
        if damage in ("cut", "foreign"):
            path.write_bytes(foreign if damage == "foreign" else whole[: len(whole) // 2])
        else:
            left = [{key: value for key, value in part.items() if key != damage} for part in (tensors, about)]
            save_tensors(path, *left)
        damaged = path.read_bytes()
        message = {"cut": "cut short or damaged", "foreign": "belongs to another run", "identity": "belongs to another run"}
        expected = rf"checkpoint\.safetensors: {message.get(damage, 'damaged')}.*delete it to start anew"
        assert_refused(expected, fit_or_load, toy.toy_spec(), plan=toy.toy_plan(), case=damage)
        assert path.read_bytes() == damaged
        assert not (path.parent / "result.json").exists()


def test_double_precision_is_measured_in_single(fresh_home):
    def analyse(net, data, device):
        with torch.no_grad():
            return {"mean_logit": net(data["test"].images / 255).logits.mean().item()}

    plan = toy.toy_plan(epochs=1)
    plan = replace(plan, measures=replace(plan.measures, analyse=analyse))
    run = fit_or_load(toy.toy_spec(), plan=plan, precision="64-true", device="cpu")
    for epoch in ("last", "selected"):
        assert run.metrics[epoch]["mean_logit"] == pytest.approx(run.predictions()[f"test_{epoch}"].mean().item(), abs=1e-5)
