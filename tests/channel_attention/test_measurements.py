import copy
import functools
import math
from dataclasses import replace

import pytest
import torch
from mtattr.channel_attention import (
    ChannelAttentionNet,
    MultiLabelNet,
    channel_contributions,
    explanation_maps,
    mask_means,
    mask_spread,
    methods_of,
    noisy_logits,
)
from mtattr.channel_attention import measurements as module
from mtattr.channel_attention.loss import loss_terms
from mtattr.channel_attention.measurements import (
    analyse,
    floors,
    heads_and_losses,
    localisation,
    metrics,
    pruning,
    robustness,
    task_metrics,
)
from mtattr.channel_attention.recipe import VARIANTS, plan
from mtattr.channel_attention.sharing import likenesses, sharing_metrics
from mtattr.data.image_data import ImageData
from mtattr.evaluation import known_regions, localisation_scores
from mtattr.evidence import load_paper
from mtattr.tasks import TaskSet
from mtattr.training import RunSpec

from cases import each

NAN = math.nan
PAIR, FACES = TaskSet.binary("xy"), TaskSet.binary(["Male", "No_Beard", "Black_Hair", "Blond_Hair", "Eyeglasses"])
K, C = len(FACES), 8
SMALL = {"front_end": "light", "width": 0.0625, "image_size": 16}
CLAIMS = load_paper("channel_attention").claims


def test_metrics_by_hand():
    logits = torch.tensor([[1.0, 1], [1, 1], [-1, 1], [-1, -1], [1, 1]])
    labels = torch.tensor([[1.0, 1], [0, NAN], [0, 0], [0, 1], [0, 1]])
    found = metrics(logits, labels, PAIR)
    # First task: right in 1 of 1 and in 2 of 4; second: in 2 of 3 and in 0 of 1.
    assert found == pytest.approx({"mean_accuracy": (3 / 5 + 2 / 4) / 2, "balanced_accuracy": ((1 + 2 / 4) / 2 + (2 / 3 + 0) / 2) / 2})
    assert floors(labels, PAIR) == pytest.approx({"mean_accuracy": (4 / 5 + 3 / 4) / 2, "balanced_accuracy": 0.5})
    found = task_metrics(logits, labels, PAIR)
    assert found == {"accuracy": pytest.approx([3 / 5, 2 / 4]), "floor": pytest.approx([4 / 5, 3 / 4])}


def test_a_task_of_one_value_leaves_the_balance_of_the_others():
    labels = torch.tensor([[1.0, 1], [0, 1]])
    assert metrics(torch.tensor([[1.0, 1], [1, 1]]), labels, PAIR)["balanced_accuracy"] == pytest.approx(0.5)


def made(seed=0, plain=False, **how):
    torch.manual_seed(seed)
    net = (MultiLabelNet if plain else ChannelAttentionNet)(K, C, **(SMALL | how))
    with torch.no_grad():
        masks = getattr(net, "masks", None)
        for value in () if masks is None else masks.parameters():
            value.mul_(3)
    return net.eval()


def data_of(split, count, *, size=16, tasks=FACES, regions=True, drawn=False):
    generator = torch.Generator().manual_seed(len(split))
    images = torch.randint(0, 256, (count, 3, size, size), generator=generator, dtype=torch.uint8)
    labels = (torch.randn(count, len(tasks), generator=generator).cumsum(1) > 0).float()

    def region_of(i):
        region = torch.zeros(len(tasks), size, size)
        for t in range(len(tasks)):
            region[t, 2 * t : 2 * t + 6, i % 10 : i % 10 + 6] = 1
        return region

    keys = tuple(f"{split} {i}" for i in range(count))
    truth = (torch.rand(labels.shape, generator=generator) < 0.5).float() if drawn else None
    return ImageData(images, labels, tasks, keys, "toy", split, truth=truth, region_of=region_of if regions else None)


def splits_of(**options):
    return {split: data_of(split, count, **options) for split, count in (("train", 30), ("val", 20), ("test", 25))}


HOWS = [
    {},
    {"mask": "none"},
    {"mask": "single"},
    {"keep_one": False},
    {"multilabel": False, "reconstruct": False},
    {"classifier_hidden": 2},
]


@each("how", [*HOWS, {"mask_activation": "tanh"}, {"plain": True}])
def test_every_network_is_measured_by_what_it_has(how, fresh_home):
    net, splits, untrained = made(**how), splits_of(), functools.partial(made, 1, **how)
    found = analyse(untrained, net, splits, "cpu")
    expected = localisation(net, splits["test"])
    if "plain" not in how:
        expected |= heads_and_losses(net, splits["test"])
    if "mask_pointing" in expected and "evidence_pointing" in expected:
        expected["mask_pointing_over_evidence"] = expected["mask_pointing"] - expected["evidence_pointing"]
    masks = how.get("mask")
    if "plain" not in how and masks != "none":
        means = mask_means(net, splits["val"].images)
        expected |= {f"mask_{name}": value for name, value in mask_spread(means).items()}
    if "plain" not in how and masks is None:
        before = mask_means(untrained(), splits["val"].images)
        expected |= {f"untrained_mask_{name}": value for name, value in mask_spread(before).items()}
        expected["mask_own_over_untrained"] = expected["mask_own"] - expected["untrained_mask_own"]
        linear = "classifier_hidden" not in how
        weights = net.classifiers.weight.detach() if linear else None
        expected |= sharing_metrics(means.mean(0), before.mean(0), weights, likenesses(FACES, splits["train"].labels))
        if linear:
            expected |= pruning(net, means, splits["val"], splits["test"])
        expected |= robustness(net, splits["test"])
    assert found == pytest.approx(expected, abs=1e-6, nan_ok=True)
    assert all(isinstance(value, float) for value in found.values())


def needs_regions(metric):
    return any(measure in metric for measure in ("pointing", "energy", "iou"))


@functools.cache
def planned(variant):
    """Plan and measurements of a variant before its training, on images without a face."""
    spec = RunSpec("channel_attention", variant, "celeba-twin", "smoke", 0, {})
    made = plan(spec, data=splits_of(size=32))
    torch.manual_seed(0)
    net = made.build().eval()
    with torch.no_grad():
        logits = net(made.data["test"].images / 255).logits
    measures = made.measures
    return measures.metrics(logits, made.data["test"].labels, FACES) | measures.analyse(net, made.data, "cpu")


@each("claim", CLAIMS)
def test_what_a_claim_speaks_of_is_measured_for_its_variants(claim):
    for variant in claim.variants:
        # The record has the same under a prefix for what is drawn.
        assert math.isfinite(planned(variant)[claim.metric.removeprefix("true_")])
    # Photographs have no regions.
    assert "celeba" not in claim.datasets or not needs_regions(claim.metric)


@each("variant", VARIANTS)
def test_variants_are_measured_by_what_they_have(variant):
    found = planned(variant)
    plain, unmasked, single = variant in ("plain", "matched"), variant == "unmasked", variant == "single"
    expected = {
        "masked_loss": not plain,
        "multilabel_mean_accuracy": not plain and variant != "no-multilabel",
        "masked_over_multilabel": not plain and variant != "no-multilabel",
        "both_balanced_accuracy": not plain and variant != "no-multilabel",
        "multilabel_loss": not plain and variant != "no-multilabel",
        "multilabel_pointing": not plain and variant != "no-multilabel",
        "evidence_iou_over_centre": True,
        "mask_energy_random": not plain and not unmasked,
        "mask_pointing_over_evidence": not plain and not unmasked,
        "reconstruction_explained": not plain and variant != "no-reconstruction",
        "reconstruction_sum": not plain and variant != "no-reconstruction",
        "mask_l1_sum": not plain and not unmasked,
        "mask_own": not plain and not unmasked,
        "untrained_mask_own": not (plain or unmasked or single),
        "masks_follow_parts": not (plain or unmasked or single),
        "weights_follow_labels": not (plain or unmasked or single),
        "pruned_by_random": not (plain or unmasked or single),
        "places_under_noise": not (plain or unmasked or single),
    }
    assert {name: name in found for name in expected} == expected


def test_before_its_training_a_network_is_its_own_control():
    found = planned("mcan")
    for name in ("mean", "attributes", "channels", "own", "images"):
        assert found[f"mask_{name}"] == found[f"untrained_mask_{name}"]
    for name, value in found.items():
        if name.endswith("_over_untrained"):
            assert value == 0


@each("how", [{}, {"mask": "none"}, {"plain": True}])
def test_what_is_drawn_judges_and_not_the_labels_with_their_errors(how, fresh_home):
    net, splits, untrained = made(**how), splits_of(drawn=True), functools.partial(made, 1, **how)
    test = splits["test"]
    right = splits | {"test": replace(test, labels=test.truth, truth=None)}
    found = analyse(untrained, net, splits, "cpu")
    assert found == pytest.approx(analyse(untrained, net, right, "cpu"), nan_ok=True)
    by_labels = analyse(untrained, net, splits | {"test": replace(test, truth=None)}, "cpu")
    names = {"evidence_pointing", "masked_loss", "multilabel_mean_accuracy", "pruned_by_mask", "noisy_mean_accuracy"}
    differ = {name for name in names & found.keys() if found[name] != by_labels[name]}
    assert differ == names & found.keys()


def test_data_without_regions_are_measured_too():
    net, splits = made(), splits_of(regions=False)
    found = analyse(made, net, splits, "cpu")
    assert localisation(net, splits["test"]) == {}
    assert "mask_own" in found
    assert not any(map(needs_regions, found))
    missing = analyse(made, net, splits_of(), "cpu").keys() - found.keys()
    assert missing
    assert all(map(needs_regions, missing))


@each("how", [{}, {"plain": True}])
def test_maps_are_judged_on_attributes_that_are_present(how, fresh_home):
    net, test = made(**how), data_of("test", 25)
    maps = {method: explanation_maps(net, test.images[:9], method) for method in methods_of(net)}
    expected = localisation_scores(maps, known_regions(test, 9), test.labels[:9] == 1)
    assert localisation(net, test, images=9) == pytest.approx(expected)
    blind = replace(test, labels=torch.where(test.labels == 1, 1.0, NAN))
    assert localisation(net, blind, images=9) == pytest.approx(expected)


@each("how", HOWS)
def test_terms_of_the_loss_are_those_of_all_images_in_both_reductions(how):
    net, test = made(**how), data_of("test", 120)
    found = heads_and_losses(net, test)
    images = test.images / 255
    with torch.no_grad():
        terms = loss_terms(net(images), images, test.labels)
    assert found["masked_loss"] == pytest.approx(terms.masked.item(), rel=1e-4)
    if net.multilabel is not None:
        assert found["multilabel_loss"] == pytest.approx(terms.multilabel.item(), rel=1e-4)
    if net.reconstructor is not None:
        assert found["reconstruction_mean"] == pytest.approx(terms.reconstruction.item(), rel=1e-4)
        assert found["reconstruction_sum"] == pytest.approx(found["reconstruction_mean"] * 3 * 16 * 16, rel=1e-4)
    if net.masks is not None:
        assert found["mask_l1_sum"] == pytest.approx(terms.sparsity.item(), rel=1e-4)
        assert found["mask_l1_sum"] == pytest.approx(found["mask_l1_mean"] * K * net.masks.mask_channels * 4 * 4, rel=1e-4)


def test_heads_by_hand():
    net, test = made(), data_of("test", 120)
    with torch.no_grad():
        output = net(test.images / 255)
    masked, multilabel = output.logits, output.extra["multilabel_logits"]
    found = heads_and_losses(net, test)
    right = {
        "multilabel": (multilabel > 0) == test.labels.bool(),
        "both": (masked.sigmoid() + multilabel.sigmoid() > 1) == test.labels.bool(),
    }
    for name, of in right.items():
        assert found[f"{name}_mean_accuracy"] == pytest.approx(of.float().mean().item())
    of_classes = [of[test.labels[:, k] == value, k].float().mean() for k in range(K) for value in (0, 1)]
    assert found["both_balanced_accuracy"] == pytest.approx((sum(of_classes) / len(of_classes)).item())
    own = ((masked > 0) == test.labels.bool()).float().mean().item()
    assert found["masked_over_multilabel"] == pytest.approx(own - found["multilabel_mean_accuracy"])


def test_the_reconstruction_explains_what_the_mean_image_leaves():
    net, test = made(), data_of("test", 60)
    pixels = test.images / 255
    net.reconstructor.forward = lambda features: pixels.mean(0).expand(len(features), -1, -1, -1)
    assert heads_and_losses(net, test)["reconstruction_explained"] == pytest.approx(0, abs=1e-5)
    rows = iter(pixels.split(50))
    net.reconstructor.forward = lambda features: next(rows)
    assert heads_and_losses(net, test)["reconstruction_explained"] == pytest.approx(1)
    rows = iter(((pixels + pixels.mean(0)) / 2).split(50))
    assert heads_and_losses(net, test)["reconstruction_explained"] == pytest.approx(0.75, abs=1e-5)


def test_pruning_by_hand(monkeypatch):
    net, val, test = made(), data_of("val", 20), data_of("test", 25)
    means, answers = mask_means(net, val.images), []
    of_val, of_test = (channel_contributions(net, of.images) for of in (val, test))
    monkeypatch.setattr(module, "metrics", lambda logits, *of: answers.append(logits) or metrics(logits, *of))

    def pruned_by(score):
        logits = net.classifiers.bias.detach().expand(25, K).clone()
        for k in range(K):
            # A quarter of 8 channels.
            kept = sorted(range(C), key=lambda c: -score[k, c])[:2]
            for c in range(C):
                logits[:, k] += of_test[:, k, c] if c in kept else of_val[:, k, c].mean()
        return logits

    def accuracy_of(logits):
        return ((logits > 0) == test.labels.bool()).float().mean().item()

    scores = [torch.rand(K, C, generator=torch.Generator().manual_seed(seed)) for seed in range(5)]
    expected = [pruned_by(score) for score in (means.mean(0), of_val.std(0), *scores)]
    by_mask, by_contribution = map(accuracy_of, expected[:2])
    by_chance = sum(map(accuracy_of, expected[2:])) / 5
    found = pruning(net, means, val, test)
    for one, other in zip(answers, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    assert found == pytest.approx(
        {
            "pruned_by_mask": by_mask,
            "pruned_by_contribution": by_contribution,
            "pruned_by_random": by_chance,
            "pruned_by_mask_over_random": by_mask - by_chance,
            "pruned_by_contribution_over_mask": by_contribution - by_mask,
        }
    )


def test_one_channel_is_kept_of_few(monkeypatch):
    net, val, test = made(), data_of("val", 20), data_of("test", 25)
    means, asked = mask_means(net, val.images), []
    original = module.kept_channels
    monkeypatch.setattr(module, "kept_channels", lambda score, count: asked.append(count) or original(score, count))
    for share in (0.01, 0.25, 1.0):
        monkeypatch.setattr(module, "KEPT", share)
        found = pruning(net, means, val, test)
    assert asked == [1] * 7 + [2] * 7 + [8] * 7
    with torch.no_grad():
        whole = metrics(net(test.images / 255).logits, test.labels, FACES)["mean_accuracy"]
    assert found["pruned_by_mask"] == found["pruned_by_random"] == found["pruned_by_contribution"] == pytest.approx(whole)


def test_robustness_by_hand(monkeypatch):
    net, test, answers = made(), data_of("test", 25), []
    monkeypatch.setattr(module, "metrics", lambda logits, *of: answers.append(logits) or metrics(logits, *of))
    found, expected = robustness(net, test), {}
    for name, how in (
        ("noisy", {"noise": 0.1}),
        ("sharp", {"power": 4}),
        ("noisy_sharp", {"noise": 0.1, "power": 4}),
        ("noisy_flat", {"noise": 0.1, "power": 0}),
    ):
        logits = noisy_logits(net, test.images, **how)
        assert torch.equal(answers.pop(0), logits)
        right = (logits > 0) == test.labels.bool()
        expected[f"{name}_mean_accuracy"] = right.float().mean().item()
    expected["sharpening_under_noise"] = expected["noisy_sharp_mean_accuracy"] - expected["noisy_mean_accuracy"]
    expected["places_under_noise"] = expected["noisy_mean_accuracy"] - expected["noisy_flat_mean_accuracy"]
    assert found == pytest.approx(expected)
    assert robustness(made(mask_activation="tanh"), test) == {}


def test_no_more_images_are_looked_at_than_said(monkeypatch):
    monkeypatch.setattr(module, "LOCALISED", 6)
    monkeypatch.setattr(module, "ANALYSED", 10)
    net, splits = made(), splits_of(regions=False)
    found = analyse(functools.partial(made, 1), net, splits, "cpu")
    few = {"train": splits["train"], "val": splits["val"].subset(range(10)), "test": splits["test"].subset(range(10))}
    assert found == pytest.approx(analyse(functools.partial(made, 1), net, few, "cpu"))
    assert found["masked_loss"] == pytest.approx(heads_and_losses(net, few["test"])["masked_loss"])
    before = mask_spread(mask_means(made(1), splits["val"].images[:6]))
    assert found["untrained_mask_own"] == pytest.approx(before["own"])
    assert found["mask_own"] == pytest.approx(mask_spread(mask_means(net, splits["val"].images[:10]))["own"])


def test_maps_of_256_images_are_judged(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "known_regions", lambda _, images: asked.append(images) or torch.ones(images, K, 16, 16))
    for count in (300, 7):
        localisation(made(plain=True), data_of("test", count))
    assert asked == [256, 7]


def test_measuring_changes_no_network(fresh_home):
    net, splits = made(batch_norm=True), splits_of()
    before = copy.deepcopy(net.state_dict())
    untrained = functools.partial(made, 1, batch_norm=True)
    first = analyse(untrained, net.train(), splits, "cpu")
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert analyse(untrained, net, splits, "cpu") == pytest.approx(first)
    assert all(value.grad is None for value in net.parameters())
