from dataclasses import replace

import pytest
import torch
from mtattr.attribute_estimation import select_attributes
from mtattr.attribute_estimation.recipe import SIZES, VARIANTS, Size, check, evidence, floors, load_splits, metrics, plan
from mtattr.data import load_dataset
from mtattr.errors import InputError
from mtattr.evidence import load_paper
from mtattr.tasks import Task, TaskSet
from mtattr.training import FitSettings, RunSpec, fit_or_load
from mtattr.twins.clothes import write_to


def spec(variant="PM", dataset="digits", **settings) -> RunSpec:
    return RunSpec("attribute_estimation", variant, dataset, "smoke", 0, settings)


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


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_has_weights_that_sum_to_one_and_units_for_its_tasks(variant):
    made = plan(spec(variant))
    assert made.task_weights.sum().item() == pytest.approx(1.0)
    net = made.build().eval()
    assert net(torch.rand(2, 3, 16, 16)).logits.shape == (2, made.tasks.num_units)
    assert len(made.tasks) == (1 if variant == "Ideal" else 9)


def test_all_variants_are_paired_on_the_same_data():
    assert len({plan(spec(variant)).fingerprint for variant in VARIANTS}) == 1
    assert plan(spec("PM", attributes=5)).fingerprint != plan(spec("PM")).fingerprint


def test_controls_differ_from_pm_in_one_thing():
    pm, detached, unsupervised = (plan(spec(v)) for v in ("PM", "PM-detached", "PM-unsupervised"))
    assert detached.build().detach
    assert not pm.build().detach
    assert unsupervised.task_weights.tolist() == [1.0] + [0.0] * 8
    shapes = [{name: p.shape for name, p in made.build().named_parameters()} for made in (pm, detached, unsupervised)]
    assert shapes[0] == shapes[1] == shapes[2]
    matched = plan(spec("CM-matched")).build()
    assert matched.class_branch[0].out_features == pm.build().class_branch[0].out_features


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (spec("XM"), "variant 'XM'"),
        (spec(backbone="vgg"), "backbone 'vgg'"),
        (spec(alpha=2.0), "alpha"),
        (spec(attributes=99), r"1\.\.15"),
        (spec(epoch=3), "setting 'epoch'"),
        (spec(dataset="celeba"), "dataset 'celeba'"),
        (replace(spec(), scale="paper"), "no scale 'paper' for digits"),
        (replace(spec(dataset="deepfashion"), scale="paper"), "deepfashion"),
    ],
)
def test_bad_specs_are_refused_before_anything_is_trained(wanted, message):
    with pytest.raises(InputError, match=message):
        plan(wanted)


def test_the_evidence_covers_every_claim_about_its_datasets():
    specs = evidence()
    assert len(set(specs)) == len(specs)
    assert all((s.dataset, s.scale) in SIZES and s.variant in VARIANTS for s in specs)
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
    from mtattr.attribute_estimation import recipe

    root = write_to(tmp_path / "official", image_size=40, limit={"train": 96, "val": 32, "test": 32}, classes=recipe.CLASSES)
    monkeypatch.setitem(SIZES, ("deepfashion", "smoke"), recipe.Size(32, 6, FitSettings(epochs=1)))
    run = fit_or_load(spec("PM", "deepfashion", backbone="xception"), root=root)
    assert run.record["data"]["splits"] == {"train": 96, "val": 32, "test": 32}
    assert run.record["data"]["generated"], "drawn images in the official layout must not pass for photographs"
    assert run.record["notes"] == ["small_xception, random initial weights"]
    assert set(run.metrics["last"]) >= {"class_accuracy", "attribute_micro_accuracy", "shuffle_drop", "told_gain", "flip_rate"}
    assert "localisation_energy" not in run.metrics["last"]


@pytest.mark.parametrize(
    "settings",
    [
        *({"epochs": value} for value in ("abc", 2.5, 0, True, None, [1])),
        *({"alpha": value} for value in ("x", None, [1], True, {"a": 1})),
        *({"attributes": value} for value in (0, -1, 2.5, "abc", True, None)),
        *({"backbone": value} for value in (5, [1], None, {"a": 1})),
        *({"tap": value} for value in (99, -4, "abc", 1.5, None)),
        *({"weights": value} for value in (5, [], "missing.safetensors", "")),
    ],
)
def test_settings_of_another_type_or_range_are_named_before_data_are_read(settings):
    (name,) = settings
    with pytest.raises(InputError, match=r"missing\.safetensors: no such file|^\.: no such file|" + name):
        check(spec(**settings))


def test_every_stage_can_be_tapped_and_no_weights_are_fine():
    for tap in (-3, 0, 2):
        check(spec(tap=tap, weights=None))
