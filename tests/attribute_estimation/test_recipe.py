from dataclasses import replace

import pytest
import torch
from mtattr.attribute_estimation import recipe, select_attributes
from mtattr.attribute_estimation.measurements import floors, metrics
from mtattr.attribute_estimation.recipe import VARIANTS, check, evidence
from mtattr.attribute_estimation.sizes import CLASSES, SIZES, Size, load_splits
from mtattr.data import load_dataset
from mtattr.evidence import load_paper
from mtattr.tasks import Task, TaskSet
from mtattr.training import FitSettings, Plan, RunSpec, fit_or_load, plan_for
from mtattr.twins.clothes import write_to

from cases import assert_refused


def spec(variant="PM", dataset="digits", **settings) -> RunSpec:
    return RunSpec("attribute_estimation", variant, dataset, "smoke", 0, settings)


@pytest.fixture(scope="module")
def data():
    return recipe.data(spec())


def plan(data, variant="PM", **settings) -> Plan:
    return plan_for(spec(variant, **settings), data=data, give=lambda needed: None)


def test_attributes_are_chosen_on_the_training_split_and_are_the_same_in_all():
    splits = load_splits("digits", "smoke", attributes=5)
    whole = load_dataset("digits", "train", image_size=16)
    best = select_attributes(whole.labels[:, 1:], whole.labels[:, 0].long(), 5)
    expected = ("class", *(whole.tasks[int(k) + 1].name for k in best))
    assert all(of.tasks.names == expected for of in splits.values())


def test_the_twin_holds_the_letters_classes_and_no_other(monkeypatch):
    monkeypatch.setitem(SIZES, ("deepfashion-twin", "smoke"), Size(16, 4, FitSettings(epochs=1), 40, 8, 8))
    splits = load_splits("deepfashion-twin", "smoke")
    assert all(of.tasks[0].values == ("Blouse", "Tank", "Shorts", "Skirt") for of in splits.values())
    assert load_splits("deepfashion-twin", "smoke", classes="Dress,Coat")["val"].tasks[0].values == ("Dress", "Coat")


def test_a_twin_is_drawn_anew_for_each_seed(monkeypatch):
    monkeypatch.setitem(SIZES, ("deepfashion-twin", "smoke"), Size(16, 4, FitSettings(epochs=1), 40, 8, 8))
    zero, one = (recipe.data(replace(spec(dataset="deepfashion-twin"), seed=seed)) for seed in (0, 1))
    for split in zero:
        assert not torch.equal(zero[split].images, one[split].images), split
    assert zero["val"].fingerprint == load_splits("deepfashion-twin", "smoke", draw=0)["val"].fingerprint


def test_every_variant_has_weights_that_sum_to_one_and_units_for_its_tasks(data):
    for variant in VARIANTS:
        made = plan(data, variant)
        assert made.task_weights.sum().item() == pytest.approx(1.0), variant
        net = made.build().eval()
        assert net(torch.rand(2, 3, 16, 16)).logits.shape == (2, made.tasks.num_units), variant
        assert len(made.tasks) == (1 if variant == "Ideal" else 9), variant


def test_all_variants_are_paired_on_the_same_data(data):
    assert len({plan(data, variant).fingerprint for variant in VARIANTS}) == 1
    assert plan_for(spec(attributes=5)).fingerprint != plan(data).fingerprint


def test_controls_differ_from_pm_in_one_thing(data):
    pm, detached, unsupervised = (plan(data, v) for v in ("PM", "PM-detached", "PM-unsupervised"))
    assert detached.build().detach
    assert not pm.build().detach
    assert unsupervised.task_weights.tolist() == [1.0] + [0.0] * 8
    shapes = [{name: p.shape for name, p in made.build().named_parameters()} for made in (pm, detached, unsupervised)]
    assert shapes[0] == shapes[1] == shapes[2]
    joint, sequential, independent = (plan(data, f"bottleneck-{how}") for how in ("joint", "sequential", "independent"))
    assert joint.build().class_branch[0].in_features == 8
    assert not joint.build().fixed
    assert sequential.build().fixed
    assert independent.build().fixed
    assert {made.settings for made in (joint, sequential, independent)} == {pm.settings}
    matched = plan(data, "CM-matched").build()
    assert matched.class_branch[0].out_features == pm.build().class_branch[0].out_features


def test_sequential_and_independent_bottleneck_keep_one_attribute_estimation_bit_by_bit(fresh_home, monkeypatch):
    few = Size(16, 8, FitSettings(epochs=1, learning_rate=0.01, optimizer="adamw", weight_decay=0.1), 128, 64, 64, stem_stride=1)
    monkeypatch.setitem(SIZES, ("digits", "smoke"), few)
    wanted = [spec(f"bottleneck-{name}", epochs=1) for name in ("sequential", "independent")]
    (needed,) = {each for one in wanted for each in recipe.requires(one)}
    assert needed == spec("bottleneck-attributes", epochs=1)
    runs = [fit_or_load(one, progress=False, precision="32-true") for one in (needed, *wanted)]
    assert len(list((fresh_home / "runs").iterdir())) == 3
    first, *others = (run.weights(epoch="last") for run in runs)
    for weights in others:
        changed = {name for name, value in weights.items() if not torch.equal(value, first[name])}
        assert changed == {name for name in first if name.startswith("class_branch.")}
    assert not torch.equal(others[0]["class_branch.0.weight"], others[1]["class_branch.0.weight"])
    logits = [run.predictions()["test_last"] for run in runs]
    assert torch.equal(logits[0][:, 10:], logits[1][:, 10:])
    assert torch.equal(logits[0][:, 10:], logits[2][:, 10:])
    for run in runs[1:]:
        found = run.metrics["selected"]
        assert found["corrected_0"] == pytest.approx(found["class_accuracy"], abs=1.1 / 64)
        assert {"corrected_all", "corrected_area", "corrected_random_4", "told_gain"} <= found.keys()
    assert not [name for name in runs[0].metrics["last"] if name.startswith(("corrected", "told"))]


def test_a_fixed_weight_of_the_class_loss_is_no_setting():
    assert_refused("alpha: bottleneck-sequential has alpha = 1", check, spec("bottleneck-sequential", alpha=0.3))
    check(spec("bottleneck-joint", alpha=0.3))


def test_the_evidence_covers_every_claim_about_its_datasets():
    specs = evidence()
    there = {(s.dataset, s.settings["backbone"], s.variant) for s in specs}
    for claim in load_paper("attribute_estimation").claims:
        for dataset in set(claim.datasets) - {"deepfashion"}:
            for variant in claim.variants:
                assert (dataset, claim.settings["backbone"], variant) in there, claim.id


def test_metrics_by_hand():
    tasks = TaskSet([Task("class", "categorical", ("a", "b")), Task("p"), Task("q")])
    logits = torch.tensor([[2.0, 0, 1, -1], [0, 2, -1, -1], [2, 0, 1, 1], [0, 2, 1, -1]])
    labels = torch.tensor([[0.0, 1, 0], [1, 0, torch.nan], [1, 1, 0], [1, 0, 0]])
    found = metrics(logits, labels, tasks)
    assert found["class_accuracy"] == pytest.approx(3 / 4)
    assert found["attribute_micro_accuracy"] == pytest.approx(5 / 7)
    assert found["attribute_mean_accuracy"] == pytest.approx((3 / 4 + 2 / 3) / 2)
    assert floors(labels, tasks)["attribute_micro_accuracy"] == pytest.approx(5 / 7)
    assert floors(labels, tasks)["class_accuracy"] == pytest.approx(3 / 4)


@pytest.mark.slow
def test_a_run_on_files_in_the_official_layout(tmp_path, fresh_home, monkeypatch):
    root = write_to(tmp_path / "official", image_size=40, limit={"train": 96, "val": 32, "test": 32}, classes=CLASSES)
    monkeypatch.setitem(SIZES, ("deepfashion", "smoke"), Size(32, 6, FitSettings(epochs=1)))
    run = fit_or_load(spec("PM", "deepfashion", backbone="xception"), root=root)
    assert run.record["data"]["splits"] == {"train": 96, "val": 32, "test": 32}
    assert run.record["data"]["generated"], "drawn images in the official layout must not pass for photographs"
    assert run.record["notes"] == ["small_xception, random initial weights"]
    assert set(run.metrics["last"]) >= {"class_accuracy", "attribute_micro_accuracy", "shuffle_drop", "told_gain", "flip_rate"}
    assert "localisation_energy" not in run.metrics["last"]


def test_bad_specs_are_named_before_data_are_read():
    values = {
        "epochs": ("abc", 2.5, 0, True, None, [1]),
        "alpha": ("x", None, [1], True, {"a": 1}, 2.0),
        "attributes": (0, -1, 2.5, "abc", True, None),
        "backbone": (5, [1], None, {"a": 1}, "vgg"),
        "tap": (99, -4, "abc", 1.5, None),
        "weights": (5, []),
    }
    for name, wrong in values.items():
        for value in wrong:
            assert_refused(name, check, spec(**{name: value}))
    for wanted, message in (
        (spec("XM"), "variant 'XM'"),
        (spec(epoch=3), "setting 'epoch'"),
        (spec(dataset="celeba"), "dataset 'celeba'"),
        (replace(spec(), scale="paper"), "no scale 'paper' for digits"),
        (spec(weights="missing.safetensors"), r"missing\.safetensors: no such file"),
        (spec(weights=""), r"^\.: no such file"),
    ):
        assert_refused(message, check, wanted)
    for tap in (-3, 0, 2):
        check(spec(tap=tap, weights=None))
    # Only data can tell these.
    assert_refused(r"1\.\.15", recipe.data, spec(attributes=99))
    assert_refused("deepfashion", recipe.data, replace(spec(dataset="deepfashion"), scale="paper"))
