"""Trainings that begin elsewhere, are watched, stop early and go on; and the clipping of gradients."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mtattr.errors import InputError
from mtattr.training import FitSettings, Start, fit_or_load
from mtattr.training.checkpoint import load_tensors
from mtattr.training.device import open_fabric
from mtattr.training.fit import fit

_spec = importlib.util.spec_from_file_location("toy", Path(__file__).with_name("toy.py"))
toy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(toy)


class Watcher(torch.nn.Module):
    """Counts batches and adds up what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("batches", torch.tensor(0))
        self.register_buffer("total", torch.tensor(0.0, dtype=torch.float64))

    def observe(self, logits, labels):
        assert not logits.requires_grad
        assert len(logits) == len(labels)
        self.batches += 1
        self.total += logits.double().sum() + labels.nan_to_num(0).double().sum()


def how(path: Path, **more):
    fabric = open_fabric(device="cpu", precision="32-true")
    return {"fabric": fabric, "seed": 0, "checkpoint": path, "identity": {"a": 1}, "progress": False, **more}


def same(a, b):
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


# Five steps an epoch: inside an epoch, at its end, and beyond the whole schedule.
@pytest.mark.parametrize("stops", [(2,), (5,), (3, 5, 7), (1, 2, 14, 15), (40,)])
def test_a_stopped_training_goes_on_as_if_undisturbed(tmp_path, stops):
    plan, whole, parts = toy.toy_plan(), Watcher(), Watcher()
    _, undisturbed = fit(plan, observer=whole, **how(tmp_path / "one"))
    for stop in stops:
        fit(plan, observer=parts, stop_after=stop, **how(tmp_path / "two"))
        state = load_tensors(tmp_path / "two")[1]["state"]
        assert state["epoch"] * 5 + state["step"] == min(stop, 15)
        parts = Watcher()  # what it saw must come back from the checkpoint
    _, stopped = fit(plan, observer=parts, **how(tmp_path / "two"))
    same(stopped.last, undisturbed.last)
    same(stopped.selected, undisturbed.selected)
    assert stopped.history == undisturbed.history
    assert whole.batches == parts.batches == 15
    assert torch.equal(whole.total, parts.total)


def test_an_observer_changes_nothing(tmp_path):
    plan = toy.toy_plan()
    _, watched = fit(plan, observer=Watcher(), **how(tmp_path / "one"))
    _, alone = fit(plan, **how(tmp_path / "two"))
    same(watched.last, alone.last)


def test_a_start_gives_structure_weights_and_findings(fresh_home):
    plan, built, asked = toy.toy_plan(epochs=1), [], []
    torch.manual_seed(9)
    given = {name: value.clone() for name, value in toy.ToyNet().state_dict().items()}

    def build(structure=None):
        built.append(structure)
        return toy.ToyNet()

    def search(of, *, folder, identity, seed, fabric, **rest):
        asked.append((folder.name, seed, set(rest)))
        return Start(structure={"wide": 6}, weights=given, findings={"rounds": 3})

    found = replace(plan, build=build, search=search, settings=replace(plan.settings, learning_rate=1e-12))
    run = fit_or_load(toy.toy_spec(), plan=found, progress=False, precision="32-true")
    assert asked == [("search", 0, {"title", "checkpoint_seconds", "progress"})]
    assert run.record["structure"] == {"wide": 6}
    assert run.record["search"] == {"rounds": 3}
    assert built == [{"wide": 6}] * 2  # the training, and the count of parameters for the record
    torch.testing.assert_close(run.network(found).state_dict()["head.weight"], given["head.weight"])
    assert built[-1] == {"wide": 6}
    assert not list(run.folder.glob("search*"))
    assert fit_or_load(toy.toy_spec(), plan=found, precision="32-true").record == run.record
    assert len(asked) == 1
    assert json.loads((run.folder / "result.json").read_text())["structure"] == {"wide": 6}


def test_without_a_search_the_record_says_nothing_of_one(fresh_home):
    record = fit_or_load(toy.toy_spec(), plan=toy.toy_plan(epochs=1), progress=False).record
    assert "structure" not in record
    assert "search" not in record


def test_clipping_bounds_the_step_and_leaves_short_gradients_alone(tmp_path):
    def moved(clip, name):
        plan = toy.toy_plan(epochs=1, dropout=False)
        settings = FitSettings(epochs=1, batch_size=80, learning_rate=1.0, optimizer="sgd", momentum=0.0, clip_norm=clip)
        torch.manual_seed(0)
        before = toy.ToyNet().state_dict()
        _, fitted = fit(replace(plan, settings=settings), **how(tmp_path / name))
        names = [name for name, _ in toy.ToyNet().named_parameters()]
        return torch.cat([(fitted.last[name] - before[name]).flatten() for name in names])

    free = moved(None, "free")
    length = free.norm().item()
    torch.testing.assert_close(moved(length * 2, "loose"), free)
    clipped = moved(length / 4, "tight")
    torch.testing.assert_close(clipped, free / 4, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("clip", [0, -1, float("inf"), "20"])
def test_clip_norm_must_be_positive(clip):
    with pytest.raises(InputError, match="clip_norm"):
        FitSettings(epochs=1, clip_norm=clip)
