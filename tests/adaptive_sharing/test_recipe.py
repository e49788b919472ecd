import math
from dataclasses import replace

import pytest
import torch
from mtattr.adaptive_sharing import BranchedVGG, Tree, count_weights, fold_batch_norm, leaf_order, recipe, thin_widths
from mtattr.adaptive_sharing.beginnings import iterations_of, matching_omega
from mtattr.adaptive_sharing.domains import CLOTHES
from mtattr.adaptive_sharing.layout import VGG16_WIDTHS
from mtattr.adaptive_sharing.network import kernels
from mtattr.adaptive_sharing.recipe import EVIDENCE, VARIANTS, check, evidence
from mtattr.adaptive_sharing.sizes import JOINT, SIZES, load_splits
from mtattr.evidence import load_paper
from mtattr.training import Plan, RunSpec, fit_or_load, plan_for, predict
from mtattr.twins.clothes import write_to as write_clothes
from mtattr.twins.faces import write_to as write_faces
from safetensors.torch import save_file

from cases import assert_refused

FACES = "celeba-twin"


def spec(variant="branch-32-2.0", dataset=FACES, scale="smoke", **settings) -> RunSpec:
    return RunSpec("adaptive_sharing", variant, dataset, scale, 0, settings)


def run(variant, dataset=FACES, **settings):
    return give(spec(variant, dataset, **settings))


def give(wanted: RunSpec):
    return fit_or_load(wanted, progress=False, device="cpu", precision="32-true")


def planned(variant="branch-32-2.0", dataset=FACES, **settings) -> Plan:
    return plan_for(spec(variant, dataset, **settings), give=give)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Small sizes and a home for this file, where every run is trained once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTATTR_HOME", str(tmp_path_factory.mktemp("home")))
        for (name, scale), size in SIZES.items():
            if scale == "smoke":
                small = replace(size, fit=replace(size.fit, epochs=1), interval=2, divisor=16, thin_divisor=16, train=64, val=48, test=64)
                patch.setitem(SIZES, (name, scale), small)
        patch.setattr("mtattr.adaptive_sharing.grouping.REPETITIONS", 1)
        yield


def structure(made) -> Tree:
    return Tree.from_list(made.record["structure"]["tree"])


def trains_and_is_read_back(variant):
    made = run(variant)
    assert {"mean_accuracy", "top10_recall", "weights", "megaflops", "milliseconds"} <= set(made.metrics["selected"])
    assert len(made.record["task_metrics"]["accuracy"]) == (1 if variant == "source" else 40)
    net = made.network(planned(variant))
    assert count_weights(net) == made.metrics["selected"]["weights"]
    images = load_splits(FACES, "smoke")["test"].images
    torch.testing.assert_close(predict(fold_batch_norm(net), images), predict(net, images), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("variant", ["source", "branch-32-2.0", "matched"])
def test_the_searched_network_its_source_and_its_control_train(variant, tiny):
    trains_and_is_read_back(variant)


@pytest.mark.slow
def test_every_variant_on_faces_trains_and_is_read_back(tiny):
    for variant in ("source", *VARIANTS):
        trains_and_is_read_back(variant)
    reference = structure(run("branch-32-2.0"))
    assert len(run("thin-32-longer").history) == len(run("matched").history) > len(run("thin-32").history)
    for how in ("original", "swapped", "shuffled", "correlated", "corrected"):
        assert structure(run(f"regroup-{how}")).copies == reference.copies
        assert run(f"regroup-{how}").metrics["selected"]["weights"] == run("branch-32-2.0").metrics["selected"]["weights"]
    assert structure(run("regroup-original")) == reference
    places = leaf_order(reference)
    assert leaf_order(structure(run("regroup-swapped"))) != places


@pytest.mark.slow
def test_the_joint_model_learns_from_both_teachers(tiny):
    both = f"{JOINT}-twin"
    made = run("branch-32-2.0", both)
    for name in ("mean_accuracy", "top10_recall", "top3_accuracy", "top5_accuracy"):
        teacher = run("vgg", FACES if name in ("mean_accuracy", "top10_recall") else "deepfashion-twin")
        gap = made.metrics["selected"][name] - teacher.metrics["selected"][name]
        assert made.metrics["selected"][f"{name}_gap"] == pytest.approx(gap, abs=1e-6)
    assert made.record["data"]["splits"] == {"train": 128, "val": 96, "test": 128}
    labels = planned("branch-32-2.0", both).data["train"].labels
    faces, clothes = load_splits(FACES, "smoke")["train"], load_splits("deepfashion-twin", "smoke")["train"]
    assert torch.equal(labels[:64, :40], faces.labels)
    assert torch.equal(labels[64:, 40:], clothes.labels)
    soft = labels[:64, 40:]
    assert ((soft > 0) & (soft < 1)).all()
    net = run("vgg", "deepfashion-twin").network(planned("vgg", "deepfashion-twin"))
    torch.testing.assert_close(soft, predict(net, faces.images).sigmoid(), atol=1e-4, rtol=1e-4)


def test_joint_val_and_test_keep_unknown_labels_unknown(tiny):
    splits = load_splits(f"{JOINT}-twin", "smoke")
    for split in ("val", "test"):
        labels, half = splits[split].labels, len(splits[split]) // 2
        assert labels[:half, 40:].isnan().all()
        assert labels[half:, :40].isnan().all()
    assert [task.group == CLOTHES for task in splits["val"].tasks] == [False] * 40 + [True] * 17


def test_both_domains_are_drawn_anew_and_the_source_keeps_its_own_draw(tiny):
    usual, other = (load_splits(f"{JOINT}-twin", "smoke", draw=draw)["test"] for draw in (None, 3))
    assert usual.fingerprint == load_splits(f"{JOINT}-twin", "smoke", draw=0)["test"].fingerprint
    assert not (usual.images == other.images).flatten(1).all(1).any()
    assert [other.facts[f"{name}-twin draw"] for name in JOINT.split("+")] == [3, 3]
    assert torch.equal(other.truth.isnan(), other.labels.isnan())
    source = recipe.data(spec("source"), draw=3)["test"]
    assert source.fingerprint == recipe.data(spec("source"))["test"].fingerprint


def test_all_variants_of_a_dataset_are_paired_on_the_same_data(tiny):
    data = recipe.data(spec())
    assert len({plan_for(spec(name), data=data, give=give).fingerprint for name in VARIANTS}) == 1
    assert planned("source").fingerprint != planned("vgg").fingerprint


def test_the_source_network_sees_other_people_and_one_task(tiny):
    source, faces = recipe.data(spec("source"))["train"], load_splits(FACES, "smoke")["train"]
    assert source.tasks.names == ("Male",)
    assert source.facts["draw"] not in range(1000)
    assert not torch.equal(source.images, faces.images)


def test_a_start_from_the_source_differs_from_a_random_one(tiny):
    def first_layer(variant):
        return planned(variant).initial().weights["layers.0.weight"]

    folded = fold_batch_norm(run("source").network(planned("source"))).layers[0].weight
    torch.testing.assert_close(first_layer("vgg"), folded)
    thin = first_layer("thin-32")
    assert all(any(torch.allclose(row, other) for other in folded) for row in thin)
    assert not any(torch.allclose(row, other) for row in first_layer("thin-32-scratch") for other in folded)


def test_what_must_be_finished_first(tiny):
    source, search, both = spec("source"), spec("branch-32-2.0"), f"{JOINT}-twin"
    # One source for all seeds, as in the paper.
    assert recipe.requires(replace(spec("vgg"), seed=7)) == [source]
    needed = {
        spec("vgg"): {source},
        spec("vgg-scratch"): set(),
        search: {source},
        spec("matched"): {source, search},
        spec("regroup-original"): {search},
        spec("regroup-original", interval=3): {spec(interval=3)},
        spec("thin-32", "deepfashion-twin", epochs=2): {source},
        spec("thin-32", both, epochs=2): {source, spec("vgg", epochs=2), spec("vgg", "deepfashion-twin", epochs=2)},
        spec("matched", "celeba", "paper", weights="w"): {spec("branch-32-2.0", "celeba", "paper", weights="w")},
    }
    for wanted, runs in needed.items():
        assert set(recipe.requires(wanted)) == runs, wanted
    data = recipe.data(spec())
    for wanted, first in ((spec("matched"), "branch-32-2.0"), (spec("thin-32"), "source")):
        assert_refused(f"the run {first} on celeba-twin must be finished first; call fit_or_load", recipe.plan, wanted, data)


def test_a_run_from_another_source_is_another_run(tiny, monkeypatch):
    one = run("thin-32", "deepfashion-twin")
    size = SIZES[FACES, "smoke"]
    monkeypatch.setitem(SIZES, (FACES, "smoke"), replace(size, fit=replace(size.fit, weight_decay=1e-3)))
    assert run("thin-32", "deepfashion-twin").folder != one.folder


def test_matched_is_as_large_as_it_can_be_chosen():
    wide = tuple(width // 16 for width in VGG16_WIDTHS)
    sizes = [count_weights(BranchedVGG(Tree.trunk(40), thin_widths(omega, wide), input_size=32)) for omega in range(1, max(wide[:13]) + 1)]
    for goal in (0, 1e9, sizes[2], sizes[2] + 1, sizes[19], sum(sizes[7:9]) // 2 + 1):
        closest = min(range(len(sizes)), key=lambda place: abs(sizes[place] - goal))
        assert matching_omega(goal, 40, wide, 32) == closest + 1, goal


def test_iterations_count_the_rounds_that_ended_with_a_split(tiny):
    made = run("branch-32-2.0")
    rounds = sum(decision["branches"] > 1 for decision in made.record["search"]["decisions"])
    assert rounds >= 1
    assert iterations_of(made) == rounds * 2 + 1 * (64 // 32)
    assert iterations_of(run("thin-32")) == 2


def test_settings_reach_the_search(tiny):
    base = run("branch-32-2.0")
    thin = run("branch-32-2.0", alpha=0)
    assert structure(thin) == Tree.trunk(40)
    assert math.isclose(thin.metrics["selected"]["weights"], run("thin-32").metrics["selected"]["weights"])
    assert base.record["search"]["decisions"][0]["iteration"] == 2
    # The control takes the tree of a search with the same settings.
    assert structure(run("regroup-original", alpha=0)) == Tree.trunk(40)
    settings = planned(alpha=3, interval=5, decay=0.5, retest="always").train.keywords["settings"]
    assert (settings.alpha, settings.interval, settings.decay, settings.retest) == (3, 5, 0.5, True)


def test_bad_input_has_one_clear_line(tmp_path):
    for wrong, message in (
        (spec("nobody"), "variant 'nobody'"),
        (spec(dataset="market1501"), "market1501"),
        (spec(color=1), "setting 'color'"),
        (spec(alpha=-1), "alpha -1 is not a number of at least 0"),
        (spec(interval=0), "interval 0"),
        (spec(retest="perhaps"), "retest"),
        (spec(decay=1.0), "decay"),
        (spec("vgg", alpha=1.0), "setting alpha applies only to variants with a search; vgg has none"),
        (spec("source", "deepfashion-twin"), "source network learns on celeba-twin"),
        (spec("source", scale="paper"), "set weights"),
        (spec(weights="vgg16.safetensors"), "weights needs scale paper"),
        (spec("thin-32", "celeba", "paper"), "thin-32 starts from a pretrained VGG-16 at scale paper: set weights"),
        (spec("thin-32", "celeba", "paper", weights=None), "set weights to a safetensors file"),
        (spec("regroup-swapped", "celeba", "paper"), "branch-32-2.0 starts from a pretrained VGG-16"),
        (spec("vgg-scratch", JOINT, "paper"), "vgg starts from a pretrained VGG-16"),
        (spec("regroup-swapped", "celeba", "paper", weights="none-there.safetensors"), "none-there.safetensors: no such file"),
        (spec("vgg", scale="paper", weights="none-there.safetensors"), "none-there.safetensors: no such file"),
    ):
        assert_refused(message, check, wrong)
    path = tmp_path / "other.safetensors"
    save_file({"layer": torch.zeros(3)}, path)
    assert_refused(r"other.safetensors: features.0.weight \(conv1_1\) is missing", check, spec("vgg", scale="paper", weights=str(path)))


@pytest.fixture(scope="module")
def vgg_file(tmp_path_factory):
    """A file with the names and shapes of VGG-16, all weights the same number and hence small on disk and in memory."""
    path = tmp_path_factory.mktemp("weights") / "vgg16.safetensors"
    places = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    names = [*(f"features.{place}" for place in places), "pre_logits.fc1", "pre_logits.fc2"]
    sizes = zip(names, (3, *VGG16_WIDTHS), VGG16_WIDTHS, kernels((224, 224)), strict=False)
    state = {}
    for name, below, width, kernel in sizes:
        state |= {f"{name}.weight": torch.zeros(width, below, *kernel, dtype=torch.bfloat16), f"{name}.bias": torch.zeros(width)}
    save_file(state, path)
    return str(path)


def test_a_pretrained_start_and_its_rival_take_the_same_settings_at_paper_scale(vgg_file):
    wanted = {name: spec(name, "celeba", "paper", weights=vgg_file) for name in VARIANTS}
    for variant, of in wanted.items():
        check(of)
        assert all(needed.settings == of.settings for needed in recipe.requires(of)), variant
    # The tree that is regrouped was found from the pretrained start; the regrouped network is random (Fig. 3).
    assert recipe.requires(wanted["regroup-original"]) == [wanted["branch-32-2.0"]]
    data = load_splits(FACES, "smoke")
    small = {split: replace(part, images=part.images[:, :, :1, :1]) for split, part in data.items()}
    assert recipe.plan(wanted["thin-32"], small).initial.args[2] is not None
    for variant in ("thin-32-scratch", "vgg-scratch", "branch-32-2.0-scratch"):
        made = recipe.plan(wanted[variant], small)
        assert made.initial.args[2] is None
        assert "random initial weights" in made.notes[0]


def test_every_variant_and_all_evidence_can_be_asked_for_everywhere(vgg_file):
    for dataset, scale in SIZES:
        settings = {"weights": vgg_file} if scale == "paper" else {}
        for variant in VARIANTS:
            check(RunSpec("adaptive_sharing", variant, dataset, scale, 0, settings))
    for scale in ("smoke", "reduced", "paper"):
        for asked in evidence(scale):
            check(replace(asked, settings={"weights": vgg_file} if scale == "paper" else {}))
    assert {of.dataset for of in evidence("paper")} == {dataset.removesuffix("-twin") for _, dataset in EVIDENCE}


def test_the_twin_is_drawn_anew_for_each_seed(tiny):
    one, other = (recipe.data(replace(spec(), seed=seed)) for seed in (0, 1))
    for split in ("train", "val", "test"):
        assert not torch.equal(one[split].images, other[split].images)
    assert recipe.data(spec())["test"].fingerprint == one["test"].fingerprint


def test_real_layouts_load_for_one_domain_and_for_both(tmp_path, fresh_home, monkeypatch):
    for name in ("celeba", "deepfashion", JOINT):
        monkeypatch.setitem(SIZES, (name, "smoke"), replace(SIZES[name, "smoke"], train=24, val=8, test=8))
    write_faces(tmp_path / "celeba", image_size=48, limit=40)
    write_clothes(tmp_path / "deepfashion", image_size=48, limit=60)
    both = load_splits(JOINT, "smoke", root=tmp_path, draw=3)
    assert both["train"].tasks.names[:40] == load_splits("celeba", "smoke", root=tmp_path / "celeba")["train"].tasks.names
    assert both["train"].generated
    clothes = load_splits("deepfashion", "smoke", root=tmp_path / "deepfashion")["train"]
    assert load_splits("deepfashion", "smoke", root=tmp_path)["train"].keys == clothes.keys
    assert set(clothes.labels.sum(1).tolist()) == {1.0}


@pytest.mark.slow
def test_the_joint_model_finds_its_teachers_below_one_root(tiny, tmp_path):
    write_faces(tmp_path / "celeba", image_size=48, limit=120)
    write_clothes(tmp_path / "deepfashion", image_size=48, limit=160)
    joint = spec("thin-32", JOINT)
    made = fit_or_load(joint, root=tmp_path, progress=False, device="cpu", precision="32-true")
    assert {"mean_accuracy_gap", "top3_accuracy_gap"} <= set(made.metrics["selected"])


def test_evidence_asks_for_what_the_claims_compare():
    made = {(of.variant, of.dataset) for of in evidence()}
    for claim in load_paper("adaptive_sharing").claims:
        for dataset in claim.datasets:
            if dataset.endswith("-twin"):
                assert {(variant, dataset) for variant in claim.variants} <= made, claim.id
    assert len(evidence()) == 1 + 5 * len(EVIDENCE), "the source, which is one for all seeds"
