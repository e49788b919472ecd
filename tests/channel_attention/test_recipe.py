from dataclasses import replace

import pytest
import torch
from mtattr.channel_attention import ChannelAttentionNet, MultiLabelNet, channel_attention_loss
from mtattr.channel_attention.recipe import EDITION, EVIDENCE, VARIANTS, check, data, evidence, plan
from mtattr.channel_attention.sizes import SIZES, size_of
from mtattr.data.image_data import ImageData
from mtattr.evaluation import count_parameters
from mtattr.evidence import load_paper
from mtattr.tasks import Task, TaskSet
from mtattr.training import Batch, RunSpec, fit_or_load, plan_for
from mtattr.twins import faces
from torch import nn

from cases import assert_refused

FACES, NAMES = "celeba-twin", ["Male", "No_Beard", "Black_Hair", "Blond_Hair", "Eyeglasses"]
PLAIN = ("plain", "matched")
CLAIMS = load_paper("channel_attention").claims


def spec(variant="mcan", dataset=FACES, scale="smoke", seed=0, **settings) -> RunSpec:
    return RunSpec("channel_attention", variant, dataset, scale, seed, settings)


def splits_of(tasks=faces.TASKS, size=32, count=0):
    made = {}
    for split in ("train", "val", "test"):
        generator = torch.Generator().manual_seed(len(split))
        images = torch.randint(0, 256, (count, 3, size, size), generator=generator, dtype=torch.uint8)
        labels = (torch.rand(count, len(tasks), generator=generator) < 0.5).float()
        made[split] = ImageData(images, labels, tasks, tuple(f"{split}{i}" for i in range(count)), "toy", split)
    return made


def plan_of(variant="mcan", dataset=FACES, scale="smoke", **settings):
    return plan(spec(variant, dataset, scale, **settings), splits_of(size=size_of(dataset, scale).image_size))


def built(made, seed=0):
    torch.manual_seed(seed)
    return made.build()


@pytest.mark.parametrize("scale", ["smoke", "reduced"])
def test_every_variant_answers_for_every_attribute_and_learns(scale):
    for variant in VARIANTS:
        made = plan_of(variant, scale=scale)
        net = built(made)
        images, labels = torch.rand(2, *made.data["train"].images.shape[1:]), torch.ones(2, 40)
        output = net(images)
        assert output.logits.shape == (2, 40), variant
        assert type(net) is (MultiLabelNet if variant in PLAIN else ChannelAttentionNet), variant
        made.losses(output, Batch(images, labels), made.tasks).sum().backward()
        frozen = {name for name, value in net.named_parameters() if value.grad is None}
        assert frozen == ({"masks.conv.weight", "masks.conv.bias"} if variant == "frozen-masks" else set()), variant


LACKS = {
    "plain": {"masks", "classifiers", "reconstructor"},
    "matched": {"masks", "classifiers", "reconstructor"},
    "unmasked": {"masks"},
    "no-reconstruction": {"reconstructor"},
    "no-multilabel": {"multilabel"},
}


def test_every_variant_is_the_network_of_its_name():
    whole = plan_of().build()
    parts = {name for name, part in whole.named_children() if part is not None}
    for variant in VARIANTS:
        net = plan_of(variant).build()
        assert {name for name, part in net.named_children() if part is not None} == parts - LACKS.get(variant, set()), variant
        if variant in PLAIN:
            continue
        assert net.keep_one is (variant != "product"), variant
        if net.masks is not None:
            assert net.masks.mask_channels == (1 if variant == "single" else 16), variant
            assert all(value.requires_grad is (variant != "frozen-masks") for value in net.masks.parameters()), variant
        absent = ("masks.", *LACKS.get(variant, ()), *(["extractor.1."] if variant == "no-context" else []))
        same = {name: value.shape for name, value in whole.state_dict().items() if not name.startswith(absent)}
        assert {name: value.shape for name, value in net.state_dict().items() if not name.startswith("masks.")} == same, variant


def test_plain_is_the_extractor_and_the_multilabel_head_of_the_whole():
    plain, whole = plan_of("plain").build(), plan_of().build()
    expected = {name: value.shape for name, value in whole.state_dict().items() if name.split(".")[0] in ("extractor", "multilabel")}
    assert {name: value.shape for name, value in plain.state_dict().items()} == expected


def test_matched_is_found_by_counting_and_draws_the_weights_of_one_network(monkeypatch):
    module, where = "mtattr.channel_attention.recipe", []
    for name, kind in (("MultiLabelNet", MultiLabelNet), ("ChannelAttentionNet", ChannelAttentionNet)):

        def made(*args, _kind=kind, **how):
            where.append(torch.empty(0).device.type)
            return _kind(*args, **how)

        monkeypatch.setattr(f"{module}.{name}", made)
    built(plan_of("matched"))
    assert where.count("cpu") == 1
    assert where[-1] == "cpu"
    assert len(where) > 2


def test_matched_has_the_parameters_of_the_whole():
    for key in SIZES:
        plans = [plan_of(variant, *key) for variant in ("plain", "matched", "mcan")]
        with torch.device("meta"):
            plain, matched, whole = (count_parameters(made.build()) for made in plans)
        assert matched == pytest.approx(whole, rel=0.02), key
        assert plain < 0.8 * whole, key


@pytest.mark.parametrize("variant", ["mcan", "plain"])
def test_at_paper_scale_the_network_is_the_papers(variant):
    # Masks in chunks need a real device.
    made = plan_of(variant, "celeba", "paper", **({} if variant == "plain" else {"chunk": None}))
    with torch.device("meta"):
        net = made.build()
        output = net.eval()(torch.empty(1, 3, 128, 128))
    # 15,829,952 of the extractor and 5,160 of the multi-label head.
    assert count_parameters(net) == (21_840_947 if variant == "mcan" else 15_835_112)
    assert output.logits.shape == (1, 40)
    assert output.extra["extracted"].shape == (1, 128, 16, 16)
    assert made.notes == ("random initial weights",)


def test_attributes_are_summed_and_the_accuracy_selects():
    logits, labels = torch.zeros(2, 40), torch.zeros(2, 40)
    for variant in VARIANTS:
        made = plan_of(variant)
        measures = made.measures
        assert torch.equal(made.task_weights, torch.ones(40)), variant
        assert measures.select_by == "mean_accuracy", variant
        assert measures.floors(labels, made.tasks)["mean_accuracy"] == 1, variant
        assert measures.metrics(logits, labels, made.tasks)["mean_accuracy"] in (0, 1), variant
        assert len(measures.task_metrics(logits, labels, made.tasks)["accuracy"]) == 40, variant
        assert made.settings == size_of(FACES, "smoke").fit, variant


OF_VARIANT = {"no-sparsity": {"lam": 0}, "summed-pixels": {"pixels": "sum"}}
WITHOUT = {"no-reconstruction": ("gamma",), "no-multilabel": ("beta",), "plain": ("beta", "gamma"), "matched": ("beta", "gamma")}


@pytest.mark.parametrize("settings", [{}, {"beta": 2.5, "gamma": 0.5}])
def test_what_a_plan_trains_is_the_loss_of_the_paper(settings):
    images, labels = torch.rand(4, 3, 32, 32), (torch.rand(4, 40) < 0.5).float()
    labels[0, :5] = torch.nan
    for variant in VARIANTS:
        given = {name: value for name, value in settings.items() if name not in WITHOUT.get(variant, ())}
        made = plan_of(variant, **given)
        output = built(made)(images)
        losses = made.losses(output, Batch(images, labels), made.tasks)
        assert losses.shape == (40,), variant
        expected = channel_attention_loss(output, images, labels, **OF_VARIANT.get(variant, {}) | given)
        torch.testing.assert_close((made.task_weights * losses).sum(), expected, msg=variant)


def test_weights_of_the_loss_reach_it():
    images, labels = torch.rand(4, 3, 32, 32), torch.ones(4, 40)
    output = built(plan_of())(images)
    for weights in ({"beta": 3}, {"gamma": 0}, {"lam": 0.5}, {"beta": 0, "gamma": 0.5, "lam": 1}):
        found = plan_of(**weights).losses(output, Batch(images, labels), faces.TASKS).sum()
        torch.testing.assert_close(found, channel_attention_loss(output, images, labels, **weights))


def test_settings_change_what_they_name_and_nothing_else():
    base, changed = plan_of().settings, plan_of(epochs=7, learning_rate=0.5).settings
    assert (changed.epochs, changed.learning_rate) == (7, 0.5)
    assert replace(changed, epochs=base.epochs, learning_rate=base.learning_rate) == base
    assert plan_of().build().chunk == size_of(FACES, "smoke").network["chunk"]
    assert plan_of(chunk=7).build().chunk == 7
    assert plan_of(chunk=None).build().chunk is None


def test_all_variants_are_paired_on_the_same_data():
    assert len({plan_of(variant).fingerprint for variant in VARIANTS}) == 1


def test_masks_before_the_training_are_those_that_it_begins_with():
    for variant in VARIANTS:
        made = plan_of(variant)
        state = built(made, seed=0).state_dict()
        torch.manual_seed(5)
        untrained = made.measures.analyse.args[0]()
        assert all(torch.equal(value, state[name]) for name, value in untrained.state_dict().items()), variant
        found = torch.rand(1)
        torch.manual_seed(5)
        assert torch.equal(found, torch.rand(1)), variant


def test_bad_input_has_one_clear_line_before_any_data_are_read(monkeypatch):
    monkeypatch.setattr("mtattr.channel_attention.recipe.load_splits", lambda *_, **__: pytest.fail("data were read"))
    lacks = [("no-sparsity", "lam"), ("no-reconstruction", "gamma"), ("no-multilabel", "beta"), ("unmasked", "lam"), ("unmasked", "chunk")]
    lacks += [(variant, name) for variant in PLAIN for name in ("beta", "gamma", "lam", "chunk")]
    for wrong, message in (
        (spec("nobody"), "variant 'nobody' is unknown; there are mcan, plain, matched"),
        (spec(dataset="market1501"), "no recipe for dataset 'market1501'; there are celeba, celeba-twin"),
        (spec(scale="paper"), "no scale 'paper' for celeba-twin; there are smoke, reduced"),
        (spec(colour=1), "setting 'colour' is unknown; there are epochs, learning_rate, beta, gamma, lam, chunk, weights"),
        (spec(alpha=1), "setting 'alpha' is unknown"),
        (spec(epochs=0), "setting epochs 0 is not a whole number of at least 1"),
        (spec(epochs=1.5), "setting epochs 1.5"),
        (spec(learning_rate=0), "setting learning_rate 0 is not a number above 0"),
        (spec(learning_rate="fast"), "setting learning_rate 'fast'"),
        (spec(lam=-1), "setting lam -1 is not a number of at least 0 and at most a million"),
        (spec(beta=-0.5), "setting beta -0.5 is not a number of at least 0"),
        (spec(gamma=True), "setting gamma True"),
        (spec(lam=1e7), "setting lam 10000000.0 is not a number of at least 0 and at most a million"),
        (spec(chunk=0), "setting chunk 0 is not a whole number of attributes of at least 1, or null"),
        (spec(chunk=True), "setting chunk True"),
        (spec(chunk="4"), "setting chunk '4'"),
        *((spec(variant, **{name: 1}), f"setting {name} has no effect on {variant}") for variant, name in lacks),
        (spec(weights=3), "setting weights 3 is not the path of a safetensors file, or null"),
        (spec(weights="any.safetensors"), "setting weights: VGG-16 fits scale paper, not mcan at smoke"),
        (spec("matched", "celeba", "paper", weights="any.safetensors"), "setting weights: VGG-16 fits scale paper, not matched at paper"),
        (spec("mcan", "celeba", "paper", weights="none-there.safetensors"), "none-there.safetensors: no such file"),
        (spec("plain", "celeba", "paper", weights="none-there.safetensors"), "none-there.safetensors: no such file"),
    ):
        assert_refused(message, check, wrong)


def test_what_is_right_passes():
    for variant in VARIANTS:
        for dataset, scale in SIZES:
            check(spec(variant, dataset, scale))
            check(spec(variant, dataset, scale, epochs=1, learning_rate=1e-3, weights=None))
            if variant not in (*PLAIN, "unmasked"):
                check(spec(variant, dataset, scale, chunk=None))
                check(spec(variant, dataset, scale, chunk=1))


def test_attributes_are_binary_and_as_many_as_the_data_have():
    colours = splits_of(TaskSet([Task("colour", "categorical", ("red", "blue"))]))
    assert_refused("expected binary attributes: a mask answers one yes-or-no question", plan, spec(), colours)
    made = plan(spec(), splits_of(TaskSet.binary(NAMES)))
    assert built(made)(torch.rand(1, 3, 32, 32)).logits.shape == (1, 5)


def test_weights_of_the_user_begin_the_network_and_the_record_says_so(monkeypatch):
    asked = []
    monkeypatch.setattr("mtattr.channel_attention.front_end.load_weights", lambda _, path, *given, **how: asked.append(path))
    check(spec("plain", "celeba", "paper", weights="vgg16.safetensors"))
    made = plan_of("plain", "celeba", "paper", weights="vgg16.safetensors")
    assert made.notes == ("weights given by the user",)
    assert asked == ["vgg16.safetensors"]
    with torch.device("meta"):
        made.build()
    assert asked == ["vgg16.safetensors"] * 2
    assert plan_of("mcan", "celeba", "paper", weights=None).notes == ("random initial weights",)
    assert len(asked) == 2


def test_evidence_asks_for_every_variant_of_the_claims_with_five_seeds():
    found = evidence()
    judged = [claim for claim in CLAIMS if claim.minimum_scale == "reduced"]
    assert {of.variant for of in found} == {variant for claim in judged for variant in claim.variants} == set(EVIDENCE)
    assert all(FACES in claim.datasets for claim in judged)
    for variant in EVIDENCE:
        assert [of.seed for of in found if of.variant == variant] == [0, 1, 2, 3, 4]
    assert {of.dataset for of in found} == {FACES}


def test_claims_are_judged_on_what_is_drawn_by_networks_that_learned_it():
    for claim in CLAIMS:
        assert claim.edition == EDITION == 2, claim.id
        assert "mean_accuracy" not in claim.metric or claim.metric == "true_mean_accuracy" or FACES not in claim.datasets, claim.id
        speaks_of_forty = any(word in claim.metric for word in ("pointing", "energy", "follow", "pruned", "feature", "mask_own"))
        assert claim.learned_tasks == (25 if speaks_of_forty else None), claim.id


def test_each_claim_asks_something_else():
    asked = [(claim.metric, claim.kind, claim.a, claim.b) for claim in CLAIMS]
    assert len(set(asked)) == len(asked)


def test_every_seed_draws_its_own_faces(monkeypatch):
    asked = []
    monkeypatch.setattr("mtattr.training.recipe.load_dataset", lambda name, split, *, draw=None, **_: asked.append((name, split, draw)))
    for dataset, seed in ((FACES, 7), (FACES, 8), ("celeba", 7)):
        data(spec(dataset=dataset, seed=seed))
    drawn = [(FACES, split, seed) for seed in (7, 8) for split in ("train", "val", "test")]
    assert asked == drawn + [("celeba", split, None) for split in ("train", "val", "test")]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A small size and a home for this file, where every run is trained once."""
    size = SIZES[FACES, "smoke"]
    small = replace(size, fit=replace(size.fit, epochs=1, batch_size=16), train=32, val=12, test=12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTATTR_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setitem(SIZES, (FACES, "smoke"), small)
        yield


def give(wanted, **how):
    return fit_or_load(wanted, progress=False, device="cpu", precision="32-true", **how)


def moved(made, run):
    """Names of the parts of which some value, and of those of which every tensor, is no more as it was drawn."""
    before, after = built(made).state_dict(), run.network(made, epoch="last").state_dict()
    changed = {name: not torch.equal(value, before[name]) for name, value in after.items()}
    return {name.split(".")[0] for name, of in changed.items() if of}, {name for name, of in changed.items() if not of}


@pytest.mark.parametrize("variant", ["frozen-masks", "mcan"])
def test_frozen_masks_stay_and_everything_else_learns(variant, tiny):
    wanted = spec(variant)
    made = plan(wanted, splits_of(TaskSet.binary(NAMES), count=48))
    parts, still = moved(made, give(wanted, plan=made))
    everything = {"extractor", "masks", "classifiers", "multilabel", "reconstructor"}
    assert parts == everything - ({"masks"} if variant == "frozen-masks" else set())
    assert still == ({"masks.conv.weight", "masks.conv.bias"} if variant == "frozen-masks" else set())


@pytest.mark.parametrize("variant", [pytest.param("mcan", marks=pytest.mark.slow), "plain"])
def test_variants_train_on_drawn_faces_and_are_read_back(variant, tiny):
    made = give(spec(variant))
    found = made.metrics["selected"]
    assert set(found) >= {claim.metric for claim in CLAIMS if variant in (claim.a, claim.b)}
    assert found.keys() == made.metrics["last"].keys()
    assert made.record["floors"].keys() <= found.keys()
    assert len(made.record["task_metrics"]["accuracy"]) == 40
    assert give(spec(variant)).record == made.record
    net = made.network(plan_for(made.spec))
    assert isinstance(net, nn.Module)
    assert count_parameters(net) == made.record["cost"]["parameters"]
