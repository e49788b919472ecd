import importlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from mtattr.adaptive_sharing import BranchedVGG, ErrorAffinity, SearchSettings, Tree, search
from mtattr.adaptive_sharing.affinity import branch_affinity
from mtattr.adaptive_sharing.grouping import choose_branches, unit_cost
from mtattr.adaptive_sharing.layout import LAYERS
from mtattr.adaptive_sharing.measurements import floors, metrics
from mtattr.data.image_data import ImageData
from mtattr.tasks import TaskSet
from mtattr.training import FitSettings, Initial, Loop, Measures, Plan, RunSpec, fit, fit_or_load
from mtattr.training.checkpoint import load_tensors, save_tensors
from mtattr.training.device import open_fabric
from safetensors.torch import load_file

from cases import assert_refused

NUM_TASKS = 6
WIDTHS = (3,) * 13 + (4, 4)


def data(split: str, n: int, num_tasks: int = NUM_TASKS) -> ImageData:
    """Half of the tasks ask for the red of an image, half for the blue, each with noise of its own."""
    generator = torch.Generator().manual_seed(n)
    images = torch.randint(0, 256, (n, 3, 32, 32), dtype=torch.uint8, generator=generator)
    images[:, 0] = images[:, 0] // 2 + (torch.rand(n, 1, 1, generator=generator) * 120).to(torch.uint8)
    images[:, 2] = images[:, 2] // 2 + (torch.rand(n, 1, 1, generator=generator) * 120).to(torch.uint8)
    mean = images.float().mean((2, 3))
    signal = torch.stack([mean[:, 0 if t < num_tasks / 2 else 2] for t in range(num_tasks)], 1)
    labels = (signal + 15 * torch.randn(n, num_tasks, generator=generator) > signal.median()).float()
    return ImageData(
        images, labels, TaskSet.binary([f"t{t}" for t in range(num_tasks)]), tuple(f"{split}{i}" for i in range(n)), "toy", split
    )


def build(structure=None, num_tasks: int = NUM_TASKS):
    return BranchedVGG(Tree.trunk(num_tasks), WIDTHS, input_size=32) if structure is None else BranchedVGG.from_structure(structure)


def begin(num_tasks: int = NUM_TASKS) -> Initial:
    torch.manual_seed(0)
    net = build(num_tasks=num_tasks)
    return Initial(net.structure, net.state_dict())


def toy_plan(num_tasks: int = NUM_TASKS, *, alpha: float = 4.0, **settings) -> Plan:
    how = SearchSettings(alpha=alpha, limits=[8] * 15, interval=4, **settings)

    return Plan(
        data={split: data(split, n, num_tasks) for split, n in (("train", 64), ("val", 16), ("test", 16))},
        build=partial(build, num_tasks=num_tasks),
        task_weights=torch.ones(num_tasks),
        settings=FitSettings(epochs=2, batch_size=8, learning_rate=0.02, optimizer="sgd", clip_norm=20.0),
        measures=Measures(metrics=metrics, select_by="selection_score", floors=floors),
        initial=partial(begin, num_tasks),
        train=partial(search, settings=how),
    )


def loop_in(folder: Path, *, seed: int = 0, identity: str = "run") -> Loop:
    fabric = open_fabric(device="cpu", precision="32-true")
    return Loop(fabric, seed, folder / "checkpoint.safetensors", {"of": identity}, progress=False)


def run(plan: Plan, variant: str = "toy", precision: str = "32-true"):
    spec = RunSpec("adaptive_sharing", variant, "toy", "smoke", 0)
    return fit_or_load(spec, plan=plan, device="cpu", precision=precision, progress=False, checkpoint_seconds=0)


def test_rounds_go_down_layer_by_layer_and_the_record_tells_them(fresh_home):
    seen = []
    plan = toy_plan()
    plan = replace(plan, train=partial(plan.train, on_round=lambda tree, affinity, layer: seen.append((tree, affinity, layer))))
    record = run(plan).record
    decisions = record["search"]["decisions"]
    layers = [decision["layer"] for decision in decisions]
    assert layers == list(reversed(LAYERS))[: len(layers)]
    counts = [decision["branches"] for decision in decisions]
    assert all(1 <= after <= before for before, after in zip([NUM_TASKS, *counts], counts, strict=False))
    tree = Tree.from_list(record["structure"]["tree"])
    split = [count for count in counts if count > 1]
    assert list(reversed(tree.copies))[: len(split)] == split
    assert [layer for *_, layer in seen] == layers[: len(split)]
    assert seen[-1][0] == tree
    assert len(record["search"]["affinity"]) == NUM_TASKS * (NUM_TASKS - 1) // 2
    assert all(0 <= a <= 1 for a in record["search"]["affinity"])
    # The final training is a whole schedule, of which the last round is the beginning.
    assert [row["epoch"] for row in record["history"]] == [0, 1]


class Enough(Exception):
    """One round is enough."""


def test_one_round_decides_as_the_equations_say(tmp_path):
    """The first decision, made again from the margins of the very batches that a plain training sees."""
    plan, found = toy_plan(alpha=1.0), []

    def look(*of):
        found.append(of)
        raise Enough

    with pytest.raises(Enough):
        plan.train(plan, loop_in(tmp_path / "searched", seed=3), on_round=look)

    class Batches(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.seen = []

        def observe(self, logits, labels):
            self.seen.append((logits.clone(), labels.clone()))

    watch = Batches()
    fit(plan, loop_in(tmp_path / "plain", seed=3), observer=watch, stop_after=4)
    affinity = ErrorAffinity(NUM_TASKS)
    for logits, labels in watch.seen:
        affinity.update((labels - logits.sigmoid()).abs())
    assert len(watch.seen) == 4
    expected = choose_branches(branch_affinity(affinity.matrix, [[t] for t in range(NUM_TASKS)]), unit_cost(14), 1.0, 8, seed=3)
    tree, matrix, layer = found[0]
    assert layer == "fc7"
    assert tree.tasks_of(14) == expected
    torch.testing.assert_close(matrix, affinity.matrix)


def test_alpha_zero_stops_at_once_and_is_the_thin_model(fresh_home):
    record = run(toy_plan(alpha=0.0)).record
    assert record["structure"]["tree"] == Tree.trunk(NUM_TASKS).to_list()
    assert [d["branches"] for d in record["search"]["decisions"]] == [1]
    alone = run(replace(toy_plan(), train=None), "plain")
    ours, theirs = record["metrics"]["last"], alone.record["metrics"]["last"]
    assert {name: ours[name] for name in theirs if name != "milliseconds"} == {k: v for k, v in theirs.items() if k != "milliseconds"}


def test_retest_asks_again_until_the_schedule_ends(fresh_home):
    never = run(toy_plan(alpha=0.0)).record["search"]["decisions"]
    always = run(toy_plan(alpha=0.0, retest=True), "always").record["search"]["decisions"]
    assert [d["iteration"] for d in never] == [4]
    assert [d["iteration"] for d in always] == [4, 8, 12, 16]


def test_one_task_has_nothing_to_group(fresh_home):
    record = run(toy_plan(1)).record
    assert record["search"]["decisions"] == []
    assert record["structure"]["tree"] == Tree.trunk(1).to_list()


def test_the_widened_network_goes_on_from_the_weights_it_had(tmp_path):
    plan, widened = toy_plan(alpha=50.0), []

    def look(tree, affinity, layer):
        widened.append(tree)
        raise Enough

    with pytest.raises(Enough):
        plan.train(plan, loop_in(tmp_path), on_round=look)
    state = load_file(tmp_path / "search" / "rounds.safetensors")
    fc7 = state["net.layers.14.weight"]
    copies = fc7.unflatten(0, (widened[0].copies[14], -1))
    assert len(copies) > 1
    assert all(torch.equal(copies[0], other) for other in copies)


@pytest.mark.slow
def test_killed_between_and_inside_rounds_ends_with_the_same_bits(tmp_path):
    """kill -9 inside the first round, at the start of a later one, and somewhere around an end, against an undisturbed run elsewhere.

    Moments are counted in batches, so that a busy machine is killed in the same rounds; only the last has milliseconds of chance,
    to fall also into the writing that follows a round.
    """
    whole, home = finish(tmp_path / "whole"), tmp_path / "killed"
    for batches, seconds, rounds_are_on_disk in ((2, 0, False), (5, 0, True), (4, random.random() * 0.05, True)):
        process = start(home, "--die", str(batches), str(seconds))
        output, _ = process.communicate(timeout=240)
        assert process.returncode == -signal.SIGKILL, output
        assert any(home.rglob("search/rounds.safetensors")) == rounds_are_on_disk
    same_end(whole, finish(home))


def same_end(one: Path, other: Path) -> None:
    for name in ("weights.safetensors", "predictions.safetensors"):
        a, b = load_file(one / name), load_file(other / name)
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a), name
    records = [json.loads((folder / "result.json").read_text()) for folder in (one, other)]
    for part in ("metrics", "history", "structure"):
        assert records[0][part] == records[1][part], part
    for part in ("decisions", "affinity"):
        assert records[0]["search"][part] == records[1]["search"][part], part


def interrupted_every(calls: int, home: Path, plan: Plan, monkeypatch) -> Path:
    """The folder of a run that is interrupted after every so many batches and begun again."""
    loop, seen = importlib.import_module("mtattr.training.fit"), itertools.count(1)
    take = loop.take

    def unplugged(*arguments):
        if next(seen) % calls == 0:
            raise KeyboardInterrupt
        return take(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "take", unplugged)
        patch.setenv("MTATTR_HOME", str(home))
        for _ in range(100):
            try:
                return run(plan).folder
            except KeyboardInterrupt:
                continue
    raise AssertionError("never finished")


@pytest.mark.parametrize("alpha", [0.0, pytest.param(4.0, marks=pytest.mark.slow)])
def test_interrupted_while_it_asks_again(tmp_path, monkeypatch, fresh_home, alpha):
    """Every place between two iterations in turn, with a layer that may split late."""
    plan = toy_plan(alpha=alpha, retest=True)
    same_end(run(plan).folder, interrupted_every(5 if alpha == 0 else 9, tmp_path / "cut", plan, monkeypatch))


@pytest.mark.slow
def test_two_processes_find_the_tree_that_one_finds(tmp_path):
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    one = finish(tmp_path / "one", "--double")
    two = finish(tmp_path / "two", "--double", launcher=launcher)
    records = [json.loads((folder / "result.json").read_text()) for folder in (one, two)]
    assert [record["environment"]["processes"] for record in records] == [1, 2]
    assert records[0]["structure"] == records[1]["structure"]
    assert records[0]["search"]["decisions"] == records[1]["search"]["decisions"]
    assert records[0]["search"]["affinity"] == pytest.approx(records[1]["search"]["affinity"], abs=1e-4)
    a, b = (load_file(folder / "weights.safetensors") for folder in (one, two))
    for name in a:
        torch.testing.assert_close(a[name], b[name], atol=1e-9, rtol=1e-9, msg=name)


def test_a_damaged_file_of_rounds_is_named(tmp_path):
    plan = toy_plan(alpha=0.0)
    plan.train(plan, loop_in(tmp_path))
    file = tmp_path / "search" / "rounds.safetensors"
    whole = file.read_bytes()
    for damage in ("cut", "foreign", "tree"):
        file.write_bytes(whole[:-100] if damage == "cut" else whole)
        if damage == "tree":
            tensors, about = load_tensors(file)
            about["state"]["structure"]["tree"] = [[0], [3]]
            save_tensors(file, tensors, about)
        loop = loop_in(tmp_path, identity="another run" if damage == "foreign" else "run")
        assert_refused(r"rounds.safetensors.*delete it", plan.train, plan, loop, case=damage)


def test_rounds_can_be_trainings_of_their_own(tmp_path, monkeypatch):
    plan = toy_plan()
    steps = len(plan.data["train"]) // plan.settings.batch_size
    settings = replace(plan.train.keywords["settings"], interval=steps + 1, first_epochs=3)
    module, asked = importlib.import_module("mtattr.adaptive_sharing.search"), []

    def watched(plan, loop, *, initial, observer=None, stop_after=None):
        done = fit(plan, loop, initial=initial, observer=observer, stop_after=stop_after)
        asked.append((plan.settings.epochs, len(done.history), initial.weights, {k: v.clone() for k, v in done.last.items()}))
        return done

    monkeypatch.setattr(module, "fit", watched)
    found = search(replace(plan, settings=replace(plan.settings, schedule="one_cycle")), loop_in(tmp_path), settings=settings).findings
    rounds = len(found["decisions"])
    assert rounds > 1
    # Each is a whole cycle; the final training has a whole one too and starts where the last round ended.
    assert [epochs for epochs, *_ in asked] == [3] + [2] * (rounds - 1) + [plan.settings.epochs]
    assert all(epochs == history for epochs, history, *_ in asked)
    for name in ("layers.0.weight", "outputs.weight"):  # conv1_1 and the outputs are never copied
        assert torch.equal(asked[-1][2][name], asked[-2][3][name])
    assert [decision["iteration"] for decision in found["decisions"]] == [3 * steps] + [2 * steps] * (rounds - 1)
    assert found["iterations"] == (3 + 2 * (rounds - 1)) * steps


def test_an_interval_longer_than_the_schedule_is_refused(tmp_path):
    plan = toy_plan()
    steps = plan.settings.epochs * (len(plan.data["train"]) // plan.settings.batch_size)
    for interval, refused in ((steps, False), (steps + 1, True)):
        settings = replace(plan.train.keywords["settings"], interval=interval)
        asked = partial(search, plan, loop_in(tmp_path / str(interval)), settings=settings)
        if refused:
            assert_refused(f"interval of {interval} iterations is longer than the whole schedule of {steps}", asked)
        else:
            made = asked().findings["decisions"]
            assert all(decision["iteration"] == steps for decision in made)


def test_bad_settings():
    for wrong in (
        *({"alpha": value} for value in (-1, float("nan"), True)),
        {"interval": 0},
        *({"limits": value} for value in ([0] * 15, [1] * 3)),
    ):
        assert_refused(next(iter(wrong)), SearchSettings, **{"alpha": 1.0, "limits": [1] * 15} | wrong)


def start(home: Path, *arguments: str, launcher: tuple[str, ...] = ()) -> subprocess.Popen:
    path = os.pathsep.join(filter(None, sys.path))  # as pytest has it, with the folder of the tests
    environment = os.environ | {"MTATTR_HOME": str(home), "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    command = [sys.executable, *launcher, __file__, str(home.parent / f"{home.name}.json"), *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def finish(home: Path, *arguments: str, launcher: tuple[str, ...] = ()) -> Path:
    process = start(home, *arguments, launcher=launcher)
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    return Path(json.loads((home.parent / f"{home.name}.json").read_text())["folder"])


def doom(batches: int, seconds: float) -> None:
    """This process is killed `seconds` after it took the given number of training batches."""
    loop, seen = importlib.import_module("mtattr.training.fit"), itertools.count(1)
    take = loop.take

    def fatal(*arguments):
        if next(seen) == batches:
            die = partial(os.kill, os.getpid(), signal.SIGKILL)
            threading.Timer(seconds, die).start() if seconds else die()
        return take(*arguments)

    loop.take = fatal


if __name__ == "__main__":
    torch.set_num_threads(1)
    if "--die" in sys.argv:
        at = sys.argv.index("--die")
        doom(int(sys.argv[at + 1]), float(sys.argv[at + 2]))
    done = run(toy_plan(), precision="64-true" if "--double" in sys.argv else "32-true")
    if int(os.environ.get("RANK", 0)) == 0:
        Path(sys.argv[1]).write_text(json.dumps({"folder": str(done.folder)}))
