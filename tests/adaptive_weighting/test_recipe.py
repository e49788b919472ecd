from dataclasses import replace

import pytest
import torch
from mtattr.adaptive_weighting import recipe
from mtattr.adaptive_weighting.network import SeparateNets, StackedSeparateNets
from mtattr.adaptive_weighting.recipe import SIZES, VARIANTS, check, evidence, load_splits
from mtattr.evaluation import count_parameters
from mtattr.evidence import load_paper
from mtattr.nets import Output, build_backbone
from mtattr.tasks import TaskSet
from mtattr.training import Batch, Plan, RunSpec, fit_or_load, plan_for
from mtattr.twins.people import write_market1501_twin
from safetensors.torch import save_file

from cases import assert_refused

TRENDS = ("weighted", "weighted-long", "shuffled", "averaged", "held-out", "train-steered")


def spec(variant="weighted", dataset="market1501-twin", scale="smoke", **settings) -> RunSpec:
    return RunSpec("adaptive_weighting", variant, dataset, scale, 0, settings)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A small size and a home for this file, where every run is trained once."""
    size = SIZES["market1501-twin", "smoke"]
    small = replace(size, fit=replace(size.fit, epochs=2), interval=2, widths=(4, 4, 8), train=160, val=96, test=64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTATTR_HOME", str(tmp_path_factory.mktemp("home")))
        for name in ("market1501", "market1501-twin"):
            patch.setitem(SIZES, (name, "smoke"), small)
        yield small


@pytest.fixture(scope="module")
def data(tiny):
    return recipe.data(spec())


def plan(data, variant="weighted", **settings) -> Plan:
    return plan_for(spec(variant, **settings), data=data)


def run(variant):
    return fit_or_load(spec(variant), progress=False, device="cpu", precision="32-true")


@pytest.mark.parametrize("variant", [v if v in ("weighted", "gradnorm") else pytest.param(v, marks=pytest.mark.slow) for v in VARIANTS])
def test_every_variant_trains_and_keeps_its_weights_at_mean_one(variant, tiny):
    record = run(variant).record
    weights = torch.tensor(record["task_history"]["weight"])
    assert weights.shape == (2, 12)
    torch.testing.assert_close(weights.mean(1), torch.ones(2), atol=1e-3, rtol=0)
    # Five times as long a window is longer than this training, and the plan says so.
    moves = VARIANTS[variant].weighting not in (None, "dwa") and variant != "weighted-long"
    assert (weights.std(1) > 0).any() == moves
    assert ("noise_share" in record["metrics"]["last"]) == (variant in TRENDS)
    assert set(record["metrics"]["last"]) >= {"mean_accuracy", "balanced_accuracy", "validation_loss", "optimism"}
    assert all(len(values) == 12 for values in record["task_metrics"].values())


def test_all_variants_are_paired_on_the_same_data(tiny, data):
    plans = {variant: plan(data, variant) for variant in VARIANTS}
    assert len({made.fingerprint for made in plans.values()}) == 1
    held = plans["held-out"]
    assert not set(held.data["val"].keys) & set(held.steering.keys)
    assert sorted(held.data["val"].keys + held.steering.keys) == sorted(plans["basic"].data["val"].keys)
    assert plans["train-steered"].steering.keys == plans["basic"].data["train"].keys
    assert plans["weighted"].steering.keys == plans["basic"].data["val"].keys


def test_shared_variants_start_from_the_same_network_and_differ_in_weighting_alone(tiny, data):
    nets = []
    for variant in [name for name, of in VARIANTS.items() if not of.separate and not of.wide]:
        torch.manual_seed(3)
        made = plan(data, variant)
        nets.append(made.build().state_dict())
        assert made.settings == tiny.fit
    assert all(torch.equal(net[name], nets[0][name]) for net in nets for name in net)


def test_separate_networks_are_stacked_when_small_and_looped_when_published(tiny, data, monkeypatch):
    assert isinstance(plan(data, "separate").build(), StackedSeparateNets)
    assert plan(data, "separate").settings.learning_rate == tiny.separate_rate
    made = []
    monkeypatch.setattr(recipe, "build_backbone", lambda name, **more: made.append(name) or build_backbone("small_resnet"))
    tasks = TaskSet.binary("ab")
    net = recipe.network(spec("separate", "celeba", "paper"), tasks)
    assert isinstance(net, SeparateNets)
    assert made == ["resnet50", "resnet50"]


def test_controls_of_size_have_the_parameters_that_they_promise():
    tasks = TaskSet.binary([f"a{k}" for k in range(40)])
    nets = {name: recipe.network(spec(name, "celeba-twin", "reduced"), tasks) for name in ("basic", "basic-wide", "separate-equal")}
    counts = {name: count_parameters(net) for name, net in nets.items()}
    assert counts["separate-equal"] == pytest.approx(counts["basic"], rel=0.1)
    assert counts["basic-wide"] == pytest.approx(4 * counts["basic"], rel=0.1)
    assert_refused("control of the small scales", check, spec("basic-wide", "celeba", "paper"))


def test_settings_reach_what_they_set(tiny, data):
    assert plan(data, interval=7).new_weighting().interval == 7
    assert plan(data, epochs=1).settings.epochs == 1
    assert plan(data, validation_norm="batch").steering_norm == "batch"
    assert plan(data, learning_rate=0.5).settings.learning_rate == 0.5
    assert plan(data, dropout=0.5).build().dropout.p == 0.5
    logits, made = torch.rand(4, 30), plan(data, unit_loss="sum")
    labels = made.data["train"].labels[:4].nan_to_num(0)
    output, batch = Output(logits), Batch(None, labels)
    ratio = made.losses(output, batch, made.tasks) / plan(data).losses(output, batch, made.tasks)
    torch.testing.assert_close(ratio, torch.tensor([float(task.num_units) for task in made.tasks]))
    frozen, trained = plan(data, batch_norm="frozen"), plan(data)
    assert "frozen" in frozen.notes[0]
    assert "trained" in trained.notes[0]
    assert not any(module.training for module in frozen.build().train().modules() if "BatchNorm" in type(module).__name__)


def test_the_paper_scale_is_the_papers_recipe():
    for dataset, iterations, falls in (("celeba", 130_000, (70, 100, 120)), ("market1501", 20_000, (10, 15)), ("duke", 20_000, (10, 15))):
        size = SIZES[dataset, "paper"]
        assert (size.image_size, size.interval, size.widths) == (224, 200, None)
        assert (size.fit.learning_rate, size.fit.batch_size, size.fit.optimizer, size.fit.momentum) == (1e-4, 10, "sgd", 0.9)
        assert [round(share * iterations / 1000) for share in size.fit.milestones] == list(falls)
    assert SIZES["celeba", "paper"].fit.epochs == round(130_000 * 10 / 162_770)


def test_a_trend_that_can_never_update_says_so(data):
    assert plan(data, interval=6).notes[1] == "weights of 1 throughout: 10 iterations are fewer than two windows of 6"
    assert len(plan(data, interval=5).notes) == len(plan(data, "basic", interval=6).notes) == 1


def test_fewer_images_than_a_batch_are_a_batch(data):
    few = {split: part.subset(range(20)) for split, part in data.items()}
    assert plan(few, "dwa").new_weighting().interval == 1


def test_bad_specs_are_refused_before_anything_is_read(tmp_path):
    for wanted, message in (
        (spec("heavier"), "variant 'heavier'"),
        (spec(k=3), "setting 'k'"),
        *((spec(interval=value), "interval") for value in (0, -1, 2.5, True, "20", None, 2**63)),
        *((spec(dropout=value), "dropout") for value in (1.0, -0.1, "half")),
        *((spec(learning_rate=value), "learning_rate") for value in (0, 1e7, 10**400)),
        (spec(batch_norm="cold"), "frozen or training"),
        (spec(unit_loss="max"), "mean or sum"),
        (spec(validation_norm="none"), "running or batch"),
        (spec(weights="no.safetensors"), "needs scale paper"),
        (spec(scale="paper", weights="no.safetensors"), "no such file"),
        (spec(dataset="digits"), "dataset 'digits'"),
    ):
        assert_refused(message, check, wanted)
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    assert_refused(r"a\.safetensors.*resnet50", check, spec(scale="paper", weights=str(tmp_path / "a.safetensors")))


def test_the_evidence_covers_every_claim_about_generated_data():
    specs = evidence()
    there = {(s.dataset, s.variant, tuple(s.settings.items())) for s in specs}
    for claim in load_paper("adaptive_weighting").claims:
        for dataset in claim.datasets:
            assert (dataset, "paper") in SIZES, claim.id
            if dataset.endswith("-twin"):
                needed = {(dataset, variant, tuple(claim.settings.items())) for variant in claim.variants}
                assert needed <= there, claim.id


@pytest.mark.slow
def test_a_run_on_files_in_the_official_layout(tiny, tmp_path):
    root = write_market1501_twin(tmp_path / "official", limit={"train": 160, "val": 96, "test": 64})
    run = fit_or_load(spec(dataset="market1501"), root=root, progress=False)
    assert run.record["data"]["generated"], "drawn images in the official layout must not pass for photographs"
    assert set(load_splits("market1501", "smoke", root=root)) == {"train", "val", "test"}
    assert len(run.record["task_history"]["change"]) == 2
