from dataclasses import replace

import pytest
import torch
from mtattr.channel_attention import ChannelAttentionNet, MultiLabelNet, channel_attention_loss
from mtattr.channel_attention.recipe import EVIDENCE, VARIANTS, check, evidence, plan
from mtattr.channel_attention.sizes import SIZES, size_of
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.evaluation import count_parameters
from mtattr.evidence import load_paper
from mtattr.tasks import Task, TaskSet
from mtattr.training import RunSpec, fit_or_load, plan_for
from mtattr.twins import faces
from torch import nn

FACES, NAMES = "celeba-twin", ["Male", "No_Beard", "Black_Hair", "Blond_Hair", "Eyeglasses"]
PLAIN = ("plain", "matched")


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
    return plan(spec(variant, dataset, scale, **settings), data=splits_of(size=size_of(dataset, scale).image_size))


def built(made, seed=0):
    torch.manual_seed(seed)
    return made.build()


@pytest.mark.parametrize("scale", ["smoke", "reduced"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_answers_for_every_attribute_and_learns(variant, scale):
    made = plan_of(variant, scale=scale)
    net = built(made)
    images = torch.rand(2, *made.data["train"].images.shape[1:])
    output, labels = net(images), torch.ones(2, 40)
    assert output.logits.shape == (2, 40)
    assert type(net) is (MultiLabelNet if variant in PLAIN else ChannelAttentionNet)
    loss = made.losses(output.logits, labels, made.tasks)
    if made.auxiliary_losses is not None:
        loss = loss + made.auxiliary_losses(output, images, labels, made.tasks)
    loss.sum().backward()
    frozen = {name for name, value in net.named_parameters() if value.grad is None}
    assert frozen == ({"masks.conv.weight", "masks.conv.bias"} if variant == "frozen-masks" else set())


LACKS = {
    "plain": {"masks", "classifiers", "reconstructor"},
    "matched": {"masks", "classifiers", "reconstructor"},
    "unmasked": {"masks"},
    "no-reconstruction": {"reconstructor"},
    "no-multilabel": {"multilabel"},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_the_network_of_its_name(variant):
    net, whole = (plan_of(name).build() for name in (variant, "mcan"))
    parts = {name for name, part in whole.named_children() if part is not None}
    assert {name for name, part in net.named_children() if part is not None} == parts - LACKS.get(variant, set())
    if variant in PLAIN:
        return
    assert net.keep_one is (variant != "product")
    if net.masks is not None:
        assert net.masks.mask_channels == (1 if variant == "single" else 16)
        assert all(value.requires_grad is (variant != "frozen-masks") for value in net.masks.parameters())
    absent = ("masks.", *LACKS.get(variant, ()), *(["extractor.1."] if variant == "no-context" else []))
    same = {name: value.shape for name, value in whole.state_dict().items() if not name.startswith(absent)}
    assert {name: value.shape for name, value in net.state_dict().items() if not name.startswith("masks.")} == same


def test_plain_is_the_extractor_and_the_multilabel_head_of_the_whole():
    plain, whole = plan_of("plain").build(), plan_of().build()
    expected = {name: value.shape for name, value in whole.state_dict().items() if name.split(".")[0] in ("extractor", "multilabel")}
    assert {name: value.shape for name, value in plain.state_dict().items()} == expected


@pytest.mark.parametrize(("dataset", "scale"), SIZES)
def test_matched_has_the_parameters_of_the_whole(dataset, scale):
    plans = [plan_of(variant, dataset, scale) for variant in ("plain", "matched", "mcan")]
    with torch.device("meta"):
        plain, matched, whole = (count_parameters(made.build()) for made in plans)
    assert matched == pytest.approx(whole, rel=0.03)
    assert plain < 0.8 * whole


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


@pytest.mark.parametrize("variant", VARIANTS)
def test_attributes_are_summed_and_the_accuracy_selects(variant):
    made = plan_of(variant)
    assert torch.equal(made.task_weights, torch.ones(40))
    assert made.select_by == "mean_accuracy"
    logits, labels = torch.zeros(2, 40), torch.zeros(2, 40)
    assert made.floors(labels, made.tasks)["mean_accuracy"] == 1
    assert made.metrics(logits, labels, made.tasks)["mean_accuracy"] in (0, 1)
    assert len(made.task_metrics(logits, labels, made.tasks)["accuracy"]) == 40
    assert made.settings == size_of(FACES, "smoke").fit


OF_VARIANT = {"no-sparsity": {"lam": 0}, "summed-pixels": {"pixels": "sum"}}
WITHOUT = {"no-reconstruction": "gamma", "no-multilabel": "beta"}


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name not in PLAIN])
@pytest.mark.parametrize("settings", [{}, {"beta": 2.5, "gamma": 0.5}])
def test_what_the_loop_adds_up_is_the_loss_of_the_paper(variant, settings):
    settings = {name: value for name, value in settings.items() if WITHOUT.get(variant) != name}
    made = plan_of(variant, **settings)
    net, images = built(made), torch.rand(4, 3, 32, 32)
    labels = (torch.rand(4, 40) < 0.5).float()
    labels[0, :5] = torch.nan
    output = net(images)
    losses = made.losses(output.logits, labels, made.tasks) + made.auxiliary_losses(output, images, labels, made.tasks)
    expected = channel_attention_loss(output, images, labels, **OF_VARIANT.get(variant, {}) | settings)
    torch.testing.assert_close((made.task_weights * losses).sum(), expected)


def test_weights_of_the_loss_reach_it():
    output = built(plan_of())(torch.rand(4, 3, 32, 32))
    images, labels = torch.rand(4, 3, 32, 32), torch.ones(4, 40)
    for weights in ({"beta": 3}, {"gamma": 0}, {"lam": 0.5}, {"beta": 0, "gamma": 0.5, "lam": 1}):
        added = plan_of(**weights).auxiliary_losses(output, images, labels, faces.TASKS).sum()
        torch.testing.assert_close(added, channel_attention_loss(output, images, labels, alpha=0, **weights))


@pytest.mark.parametrize("variant", PLAIN)
def test_a_plain_network_has_no_further_losses(variant):
    assert plan_of(variant).auxiliary_losses is None


def test_settings_change_what_they_name_and_nothing_else():
    base, changed = plan_of().settings, plan_of(epochs=7, learning_rate=0.5).settings
    assert (changed.epochs, changed.learning_rate) == (7, 0.5)
    assert replace(changed, epochs=base.epochs, learning_rate=base.learning_rate) == base
    assert plan_of().build().chunk == size_of(FACES, "smoke").network["chunk"]
    assert plan_of(chunk=7).build().chunk == 7
    assert plan_of(chunk=None).build().chunk is None


def test_all_variants_are_paired_on_the_same_data():
    assert len({plan_of(variant).fingerprint for variant in VARIANTS}) == 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_masks_before_the_training_are_those_that_it_begins_with(variant):
    made = plan_of(variant)
    state = built(made, seed=0).state_dict()
    torch.manual_seed(5)
    untrained = made.analyse.args[0]()
    assert all(torch.equal(value, state[name]) for name, value in untrained.state_dict().items())
    found = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(found, torch.rand(1))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
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
        *(
            (spec(variant, **{name: 1}), f"setting {name} is of the network with masks, and {variant} has neither masks nor further losses")
            for variant in PLAIN
            for name in ("beta", "gamma", "lam", "chunk")
        ),
        (spec(weights=3), "setting weights 3 is not the path of a safetensors file, or null"),
        (spec(weights="any.safetensors"), "setting weights: VGG-16 fits scale paper, not mcan at smoke"),
        (spec("matched", "celeba", "paper", weights="any.safetensors"), "setting weights: VGG-16 fits scale paper, not matched at paper"),
        (spec("mcan", "celeba", "paper", weights="none-there.safetensors"), "none-there.safetensors: no such file"),
        (spec("plain", "celeba", "paper", weights="none-there.safetensors"), "none-there.safetensors: no such file"),
    ],
)
def test_bad_input_has_one_clear_line_before_any_data_are_read(wrong, message, monkeypatch):
    monkeypatch.setattr("mtattr.channel_attention.recipe.load_splits", lambda *_, **__: pytest.fail("data were read"))
    for act in (check, plan):
        with pytest.raises(InputError, match=message) as caught:
            act(wrong)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("variant", "name"),
    [("no-sparsity", "lam"), ("no-reconstruction", "gamma"), ("no-multilabel", "beta"), ("unmasked", "lam"), ("unmasked", "chunk")],
)
def test_settings_of_what_a_variant_lacks_are_refused(variant, name):
    with pytest.raises(InputError, match=f"setting {name} .*{variant}"):
        check(spec(variant, **{name: 1}))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("dataset", "scale"), SIZES)
def test_what_is_right_passes(variant, dataset, scale):
    check(spec(variant, dataset, scale))
    check(spec(variant, dataset, scale, epochs=1, learning_rate=1e-3, weights=None))
    if variant not in (*PLAIN, "unmasked"):
        check(spec(variant, dataset, scale, chunk=None))
        check(spec(variant, dataset, scale, chunk=1))


def test_attributes_are_binary():
    data = splits_of(TaskSet([Task("colour", "categorical", ("red", "blue"))]))
    with pytest.raises(InputError, match="expected binary attributes: a mask is of one yes or no"):
        plan(spec(), data=data)


@pytest.mark.parametrize("missing", ["train", "val", "test"])
def test_splits_that_are_missing_are_named(missing):
    data = splits_of()
    del data[missing]
    with pytest.raises(InputError, match=f"expected the splits train, val, test, but {missing} is missing"):
        plan(spec(), data=data)


def test_data_and_options_reach_the_loader(monkeypatch):
    calls = []

    def load(dataset, scale, **options):
        calls.append((dataset, scale, options))
        return splits_of(TaskSet.binary(NAMES))

    monkeypatch.setattr("mtattr.channel_attention.recipe.load_splits", load)
    made = plan(spec(), root="here", seed=3)
    assert calls == [(FACES, "smoke", {"root": "here", "seed": 3})]
    assert built(made)(torch.rand(1, 3, 32, 32)).logits.shape == (1, 5)
    plan(spec(), data=splits_of())
    assert len(calls) == 1


def test_weights_of_the_user_begin_the_network_and_the_record_says_so(monkeypatch):
    asked = []
    monkeypatch.setattr("mtattr.channel_attention.front_end.load_weights", lambda _, path, *given, **how: asked.append(path))
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
    assert {of.variant for of in found} == set(VARIANTS) == set(EVIDENCE)
    for claim in load_paper("channel_attention").claims:
        assert {claim.a, claim.b} - {None} <= {of.variant for of in found}, claim.id
        assert FACES in claim.datasets, claim.id
    for variant in VARIANTS:
        assert [of.seed for of in found if of.variant == variant] == [0, 1, 2, 3, 4]
    assert len(set(found)) == len(found)
    assert {(of.paper, of.dataset, of.scale) for of in found} == {("channel_attention", FACES, "reduced")}
    assert {(of.scale, of.seed) for of in evidence("smoke", [7])} == {("smoke", 7)}
    for of in evidence(seeds=[0]):
        check(of)


@pytest.fixture
def tiny(monkeypatch):
    size = SIZES[FACES, "smoke"]
    small = replace(size, fit=replace(size.fit, epochs=1, batch_size=16), train=32, val=12, test=12)
    monkeypatch.setitem(SIZES, (FACES, "smoke"), small)


def give(wanted, **how):
    return fit_or_load(wanted, progress=False, device="cpu", precision="32-true", **how)


def moved(made, run):
    """Names of the parts of which some value, and of those of which every tensor, is no more as it was drawn."""
    before, after = built(made).state_dict(), run.network(made, epoch="last").state_dict()
    changed = {name: not torch.equal(value, before[name]) for name, value in after.items()}
    return {name.split(".")[0] for name, of in changed.items() if of}, {name for name, of in changed.items() if not of}


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["frozen-masks", "mcan"])
def test_frozen_masks_stay_and_everything_else_learns(variant, tiny, fresh_home):
    wanted, data = spec(variant), splits_of(TaskSet.binary(NAMES), count=48)
    made = plan(wanted, data=data)
    parts, still = moved(made, give(wanted, plan=made))
    everything = {"extractor", "masks", "classifiers", "multilabel", "reconstructor"}
    assert parts == everything - ({"masks"} if variant == "frozen-masks" else set())
    assert still == ({"masks.conv.weight", "masks.conv.bias"} if variant == "frozen-masks" else set())


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["mcan", "plain"])
def test_variants_train_on_drawn_faces_and_are_read_back(variant, tiny, fresh_home):
    made = give(spec(variant))
    found = made.metrics["selected"]
    claims = load_paper("channel_attention").claims
    assert set(found) >= {claim.metric for claim in claims if variant in (claim.a, claim.b)}
    assert found.keys() == made.metrics["last"].keys()
    assert made.record["floors"].keys() <= found.keys()
    assert len(made.record["task_metrics"]["accuracy"]) == 40
    assert give(spec(variant)).record == made.record
    net = made.network(plan_for(made.spec))
    assert isinstance(net, nn.Module)
    assert count_parameters(net) == made.record["cost"]["parameters"]
