"""A run's folder: another for all that can change its result, the same for the same."""

import subprocess
import sys
from dataclasses import replace
from functools import partial

import pytest
import torch
from mtattr.errors import InputError
from mtattr.training import FixedWeights, Initial, fit_or_load, task_losses
from mtattr.training.identity import identity_of
from mtattr.training.plan import Plan
from torch import nn

from training import toy


def fitted(plan: Plan, **settings):
    return fit_or_load(toy.toy_spec(**settings), plan=plan, device="cpu", precision="32-true", progress=False)


def identity(plan: Plan, **changes):
    return identity_of(**{"spec": toy.toy_spec(), "plan": plan, "precision": "32-true", "threads": 1, "given": True} | changes)


class Wider(toy.ToyNet):
    def forward(self, images):
        return super().forward(images * 2)


def thrice(output, batch, tasks):
    return 3 * task_losses(output, batch, tasks)


def four_times(output, batch, tasks):
    return 4 * task_losses(output, batch, tasks)


def times(factor, output, batch, tasks):
    return factor * task_losses(output, batch, tasks)


def under_one_name(factor):
    return lambda *given: factor * task_losses(*given)


def changed() -> dict[str, Plan]:
    """The toy's plan with one thing changed in each."""
    plan = toy.toy_plan(epochs=1)
    settings, val = plan.settings, plan.data["val"]
    four_times.__qualname__ = thrice.__qualname__
    plans = {
        "epochs": replace(plan, settings=replace(settings, epochs=3)),
        "batch size": replace(plan, settings=replace(settings, batch_size=8)),
        "forward": replace(plan, build=Wider),
        "network": replace(plan, build=lambda: nn.Sequential(toy.ToyNet())),
        "losses": replace(plan, losses=thrice),
        "a constant": replace(plan, losses=four_times),
        "an argument": replace(plan, losses=partial(times, 3)),
        "another argument": replace(plan, losses=partial(times, 4)),
        "what a function remembers": replace(plan, losses=under_one_name(3)),
        "something else": replace(plan, losses=under_one_name(4)),
        "weights of tasks": replace(plan, task_weights=torch.tensor([0.5, 0.2, 0.3])),
        "weighting": replace(plan, weighting=lambda tasks: FixedWeights(torch.ones(tasks))),
        "steering": replace(plan, steering=val.subset(range(10))),
        "steering norm": replace(plan, steering_norm="batch"),
        "beginning": replace(plan, initial=lambda: Initial()),
        "selection": replace(plan, measures=replace(plan.measures, select_by="loss")),
        "data": replace(plan, data={**plan.data, "train": plan.data["train"].subset(range(80))}),
    }
    return {"nothing": plan, **plans}


def test_whatever_changes_the_result_is_part_of_the_identity():
    names = {}
    for what, plan in changed().items():
        other = names.setdefault(str(identity(plan)), what)
        assert other == what, f"{what} does not tell it from {other}"
    same = {str(identity(plan)) for plan in (toy.toy_plan(epochs=1), changed()["nothing"])}
    assert same <= names.keys()
    assert len(same) == 1
    plan = toy.toy_plan(epochs=1)
    for changes in ({"precision": "64-true"}, {"threads": 2}, {"spec": toy.toy_spec(1)}, {"given": False}, {"requires": ["p-teacher-1"]}):
        assert str(identity(plan, **changes)) not in names, changes


def test_another_plan_is_another_run_and_the_same_is_read_back(run):
    plans = changed()
    made = {what: fitted(plans[what]) for what in ("nothing", "epochs", "batch size", "forward", "a constant")}
    assert made["nothing"].folder == run.folder
    assert len({done.folder for done in made.values()}) == len(made)
    assert len(made["epochs"].history) == 3
    stamps = {what: (done.folder / "weights.safetensors").stat().st_mtime_ns for what, done in made.items()}
    for what, plan in changed().items():
        if what in made:
            again = fitted(plan)
            assert again.record == made[what].record
            assert (again.folder / "weights.safetensors").stat().st_mtime_ns == stamps[what]


def test_other_bytes_in_a_weights_file_are_another_run(tmp_path, fresh_home):
    path, plan = tmp_path / "w.safetensors", toy.toy_plan(epochs=1)
    path.write_bytes(b"one")
    one = fitted(plan, weights=str(path))
    assert fitted(plan, weights=str(path)).folder == one.folder
    path.write_bytes(b"another")
    assert fitted(plan, weights=str(path)).folder != one.folder
    path.unlink()
    with pytest.raises(InputError, match=r"w\.safetensors: weights cannot be read"):
        fitted(plan, weights=str(path))


@pytest.mark.slow
def test_every_process_gives_the_same_plan_the_same_identity():
    code = "from training import toy; from mtattr.training.identity import identity_of as of; "
    code += "print(of(toy.toy_spec(), toy.toy_plan(watches='validation'), precision='32-true', threads=1, given=True))"
    path = {"PYTHONPATH": ":".join(sys.path)}
    ours = str(identity(toy.toy_plan(watches="validation")))
    for seed in ("1", "2"):
        made = subprocess.run([sys.executable, "-c", code], env=path | {"PYTHONHASHSEED": seed}, capture_output=True, text=True)
        assert made.stdout.strip() == ours, made.stderr
