from dataclasses import replace

import pytest
import torch
from mtattr.adaptive_weighting import recipe
from mtattr.adaptive_weighting.network import SeparateNets, StackedSeparateNets
from mtattr.adaptive_weighting.recipe import SIZES, VARIANTS, check, evidence, load_splits, plan
from mtattr.errors import InputError
from mtattr.evidence import load_paper
from mtattr.nets import build_backbone
from mtattr.tasks import TaskSet
from mtattr.training import RunSpec, fit_or_load
from mtattr.twins.people import write_market1501_twin
from safetensors.torch import save_file

TRENDS = ("weighted", "shuffled", "averaged", "held-out", "train-steered")


def spec(variant="weighted", dataset="market1501-twin", scale="smoke", **settings) -> RunSpec:
    return RunSpec("adaptive_weighting", variant, dataset, scale, 0, settings)


@pytest.fixture
def tiny(monkeypatch):
    size = SIZES["market1501-twin", "smoke"]
    small = replace(size, fit=replace(size.fit, epochs=2), interval=2, widths=(4, 4, 8), train=160, val=96, test=64)
    for name in ("market1501", "market1501-twin"):
        monkeypatch.setitem(SIZES, (name, "smoke"), small)
    return small


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_trains_and_keeps_its_weights_at_mean_one(variant, tiny, fresh_home):
    record = fit_or_load(spec(variant), progress=False).record
    weights = torch.tensor(record["task_history"]["weight"])
    assert weights.shape == (2, 12)
    torch.testing.assert_close(weights.mean(1), torch.ones(2), atol=1e-3, rtol=0)
    assert (weights.std(1) > 0).any() == (variant not in ("separate", "basic", "dwa"))
    assert ("noise_share" in record["metrics"]["last"]) == (variant in TRENDS)
    assert set(record["metrics"]["last"]) >= {"mean_accuracy", "balanced_accuracy", "validation_loss", "optimism"}
    assert all(len(values) == 12 for values in record["task_metrics"].values())


def test_all_variants_are_paired_on_the_same_data(tiny):
    plans = {variant: plan(spec(variant)) for variant in VARIANTS}
    assert len({made.fingerprint for made in plans.values()}) == 1
    held = plans["held-out"]
    assert not set(held.data["val"].keys) & set(held.steering.keys)
    assert sorted(held.data["val"].keys + held.steering.keys) == sorted(plans["basic"].data["val"].keys)
    assert plans["train-steered"].steering.keys == plans["basic"].data["train"].keys
    assert plans["weighted"].steering.keys == plans["basic"].data["val"].keys


def test_shared_variants_start_from_the_same_network_and_differ_in_weighting_alone(tiny):
    nets = []
    for variant in set(VARIANTS) - {"separate"}:
        torch.manual_seed(3)
        made = plan(spec(variant))
        nets.append(made.build().state_dict())
        assert made.settings == tiny.fit
    assert all(torch.equal(net[name], nets[0][name]) for net in nets for name in net)


def test_separate_networks_are_stacked_when_small_and_looped_when_published(tiny, monkeypatch):
    assert isinstance(plan(spec("separate")).build(), StackedSeparateNets)
    assert plan(spec("separate")).settings.learning_rate == tiny.separate_rate
    made = []
    monkeypatch.setattr(recipe, "build_backbone", lambda name, **more: made.append(name) or build_backbone("small_resnet"))
    tasks = TaskSet.binary("ab")
    net = recipe._build(tasks, SIZES["celeba-twin", "paper"], True, None, False, 0.0)
    assert isinstance(net, SeparateNets)
    assert made == ["resnet50", "resnet50"]


def test_settings_reach_what_they_set(tiny):
    assert plan(spec(interval=7)).new_weighting().interval == 7
    assert plan(spec(epochs=1)).settings.epochs == 1
    assert plan(spec(validation_norm="batch")).steering_norm == "batch"
    assert plan(spec(learning_rate=0.5)).settings.learning_rate == 0.5
    assert plan(spec(dropout=0.5)).build().dropout.p == 0.5
    logits, made = torch.rand(4, 30), plan(spec(unit_loss="sum"))
    labels = made.data["train"].labels[:4].nan_to_num(0)
    ratio = made.losses(logits, labels, made.tasks) / plan(spec()).losses(logits, labels, made.tasks)
    torch.testing.assert_close(ratio, torch.tensor([float(task.num_units) for task in made.tasks]))
    frozen, trained = plan(spec(batch_norm="frozen")), plan(spec())
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


def test_a_trend_that_can_never_update_says_so(tiny):
    assert plan(spec(interval=6)).notes[1] == "weights of 1 throughout: 10 iterations are fewer than two windows of 6"
    assert len(plan(spec(interval=5)).notes) == len(plan(spec("basic", interval=6)).notes) == 1


def test_fewer_images_than_a_batch_are_a_batch(tiny):
    few = {split: data.subset(range(20)) for split, data in plan(spec()).data.items()}
    assert plan(spec("dwa"), data=few).new_weighting().interval == 1
    with pytest.raises(InputError, match="val is missing"):
        plan(spec(), data={"train": few["train"], "test": few["test"]})


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
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
    ],
)
def test_bad_specs_are_refused_before_anything_is_read(wanted, message):
    with pytest.raises(InputError, match=message):
        check(wanted)


def test_a_weights_file_that_is_no_resnet_is_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match=r"a\.safetensors.*resnet50"):
        check(spec(scale="paper", weights=str(tmp_path / "a.safetensors")))


def test_the_evidence_covers_every_claim_about_generated_data():
    specs = evidence()
    assert len(set(specs)) == len(specs)
    there = {(s.dataset, s.variant, tuple(s.settings.items())) for s in specs}
    for claim in load_paper("adaptive_weighting").claims:
        for dataset in claim.datasets:
            assert (dataset, "paper") in SIZES, claim.id
            if dataset.endswith("-twin"):
                needed = {(dataset, variant, tuple(claim.settings.items())) for variant in claim.variants}
                assert needed <= there, claim.id


def test_a_run_on_files_in_the_official_layout(tiny, tmp_path, fresh_home):
    root = write_market1501_twin(tmp_path / "official", limit={"train": 160, "val": 96, "test": 64})
    run = fit_or_load(spec(dataset="market1501"), root=root, progress=False)
    assert run.record["data"]["generated"], "drawn images in the official layout must not pass for photographs"
    assert set(load_splits("market1501", "smoke", root=root)) == {"train", "val", "test"}
    assert len(run.record["task_history"]["change"]) == 2
