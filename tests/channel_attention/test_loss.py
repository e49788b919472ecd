import math

import numpy as np
import pytest
import torch
from mtattr.channel_attention.loss import channel_attention_loss, loss_terms, losses
from mtattr.channel_attention.network import ChannelAttentionNet
from mtattr.nets import Output
from mtattr.tasks import TaskSet
from mtattr.training import Batch, per_task_loss

from cases import assert_refused
from reference import loss_of_four_terms, masks_by_attribute

NAN = math.nan
B, K, C = 4, 3, 2
TASKS = TaskSet.binary("xyz")
REDUCTIONS = [(pixels, mask_l1) for pixels in ("mean", "sum") for mask_l1 in ("mean", "sum")]


def random(*size, seed=0):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def labels_of(unknown=True):
    labels = (random(B, K, seed=3) > 0).double()
    if unknown:
        labels[0, 0] = labels[2, 0] = labels[1, 2] = NAN
    return labels


def images_of(size=(4, 6)):
    return torch.rand(B, 3, *size, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def masks_of(size=(2, 3)):
    return random(B, K, C, *size, seed=4)


def output_of(masks, *, grad=False, size=(4, 6)):
    """What a network hands on: its masks come as their means of |M| alone."""
    extra = {
        "extracted": random(B, C, *masks.shape[3:]),
        "multilabel_logits": random(B, K, seed=1),
        "reconstruction": random(B, 3, *size, seed=2).sigmoid(),
        "mask_means": masks.abs().mean((3, 4)),
    }
    output = Output(random(B, K), extra=extra)
    if grad:
        for value in (output.logits, *extra.values()):
            value.requires_grad_()
    return output


def by_loops(output, masks, images, labels, **how):
    names = ("multilabel_logits", "reconstruction")
    arrays = (output.logits, *(output.extra[name] for name in names), images, masks, labels)
    return loss_of_four_terms(*(value.detach().numpy() for value in arrays), **how)


@pytest.mark.parametrize(("pixels", "mask_l1"), REDUCTIONS)
@pytest.mark.parametrize("unknown", [True, False])
def test_four_terms_by_slow_loops(pixels, mask_l1, unknown):
    masks, images, labels = masks_of(), images_of(), labels_of(unknown)
    terms = loss_terms(output_of(masks), images, labels, pixels=pixels, mask_l1=mask_l1)
    expected = by_loops(output_of(masks), masks, images, labels, pixels=pixels, mask_l1=mask_l1)
    assert [value.shape for value in terms] == [()] * 4
    assert [value.item() for value in terms] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("pixels", "mask_l1"), REDUCTIONS)
def test_eq_6_weighs_and_adds_them(pixels, mask_l1):
    masks, images, labels = masks_of(), images_of(), labels_of()
    first, second, third, fourth = by_loops(output_of(masks), masks, images, labels, pixels=pixels, mask_l1=mask_l1)
    how = {"pixels": pixels, "mask_l1": mask_l1}
    found = channel_attention_loss(output_of(masks), images, labels, **how)
    assert found.item() == pytest.approx(first + second + 4 * third + 1e-5 * fourth, rel=1e-12)
    found = channel_attention_loss(output_of(masks), images, labels, alpha=0.5, beta=3, gamma=0.25, lam=7, **how)
    assert found.item() == pytest.approx(0.5 * first + 3 * second + 0.25 * third + 7 * fourth, rel=1e-12)


def test_by_default_pixels_are_a_mean_and_masks_a_sum():
    masks, images, labels = masks_of(), images_of(), labels_of()
    found = loss_terms(output_of(masks), images, labels)
    assert [value.item() for value in found] == pytest.approx(by_loops(output_of(masks), masks, images, labels), rel=1e-12)


def test_terms_by_hand():
    extra = {
        "extracted": torch.zeros(1, 1, 2, 2),
        "multilabel_logits": torch.tensor([[math.log(3), 0.0]]),
        "reconstruction": torch.full((1, 3, 4, 4), 0.75),
        "mask_means": torch.tensor([[[0.5], [0.25]]]),
    }
    output = Output(torch.tensor([[0.0, -math.log(3)]]), extra=extra)
    images, labels = torch.full((1, 3, 4, 4), 0.25), torch.tensor([[1.0, 0.0]])
    expected = (math.log(2) + math.log(4 / 3), math.log(4 / 3) + math.log(2), 0.25, 3.0)
    assert [value.item() for value in loss_terms(output, images, labels)] == pytest.approx(expected, rel=1e-6)
    sums = loss_terms(output, images, labels, pixels="sum", mask_l1="mean")
    assert [value.item() for value in sums[2:]] == pytest.approx((12.0, 0.375))


def test_the_sums_over_pixels_and_positions_grow_with_the_area_and_the_means_do_not():
    for how, grows in ((("sum", "sum"), True), (("mean", "mean"), False)):
        values = []
        for scale in (1, 3):
            masks, size = torch.full((B, K, C, 2 * scale, 3), 0.5), (4 * scale, 6)
            output = output_of(masks, size=size)
            output.extra["reconstruction"] = torch.full((B, 3, *size), 0.5)
            values.append(loss_terms(output, torch.zeros(B, 3, *size), labels_of(), pixels=how[0], mask_l1=how[1]))
        assert values[1].sparsity.item() == pytest.approx(values[0].sparsity.item() * (3 if grows else 1))
        assert values[1].reconstruction.item() == pytest.approx(values[0].reconstruction.item() * (3 if grows else 1))


@pytest.mark.parametrize("mask", ["channel", "single"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("chunk", [None, 2])
def test_the_loss_of_a_network_by_loops_over_its_masks(mask, activation, chunk):
    torch.manual_seed(0)
    how = {"front_end": "light", "width": 0.0625, "image_size": 16, "chunk": chunk}
    net = ChannelAttentionNet(K, 4, mask=mask, mask_activation=activation, **how).double()
    images, labels = images_of((8, 16)), labels_of()
    output = net(images)
    masks = masks_by_attribute(net.masks.state_dict(), output.extra["extracted"], K, activation)
    assert masks.shape == (B, K, 4 if mask == "channel" else 1, 2, 4)
    for reductions in REDUCTIONS:
        choice = dict(zip(("pixels", "mask_l1"), reductions, strict=True))
        expected = by_loops(output, masks, images, labels, **choice)
        assert [value.item() for value in loss_terms(output, images, labels, **choice)] == pytest.approx(expected, rel=1e-9)


def test_labels_are_soft_if_one_likes():
    masks, images, labels = masks_of(), images_of(), labels_of(False) * 0.5 + 0.25
    expected = by_loops(output_of(masks), masks, images, labels)
    assert loss_terms(output_of(masks), images, labels).masked.item() == pytest.approx(expected[0], rel=1e-12)


def test_unknown_labels_teach_nothing_and_an_attribute_without_any_costs_nothing():
    labels, output = labels_of(), output_of(masks_of(), grad=True)
    labels[:, 1] = NAN
    terms = loss_terms(output, images_of(), labels)
    (terms.masked + terms.multilabel).backward()
    for logits in (output.logits, output.extra["multilabel_logits"]):
        assert torch.equal(logits.grad != 0, ~labels.isnan())
    kept = [loss_terms(Output(output.logits[:, [k]]), images_of(), labels[:, [k]]).masked.item() for k in (0, 2)]
    assert terms.masked.item() == pytest.approx(sum(kept), rel=1e-12)


@pytest.mark.parametrize("absent", ["multilabel_logits", "reconstruction", "mask_means"])
def test_what_a_network_lacks_costs_nothing(absent):
    output, images, labels = output_of(masks_of()), images_of(), labels_of()
    whole = loss_terms(output, images, labels)
    del output.extra[absent]
    terms = loss_terms(output, images, labels)
    position = {"multilabel_logits": 1, "reconstruction": 2, "mask_means": 3}[absent]
    assert [value.item() for value in terms] == [0 if i == position else value.item() for i, value in enumerate(whole)]
    added = terms.masked + terms.multilabel + 4 * terms.reconstruction + 1e-5 * terms.sparsity
    torch.testing.assert_close(channel_attention_loss(output, images, labels), added)


def test_a_plain_network_has_the_cross_entropy_alone():
    output, labels = Output(random(B, K)), labels_of()
    torch.testing.assert_close(channel_attention_loss(output, images_of(), labels), per_task_loss(output.logits, labels, TASKS).sum())
    each = channel_attention_loss(output, None, labels, reduction="none")
    torch.testing.assert_close(each, per_task_loss(output.logits, labels, TASKS))


WEIGHTS = [{}, {"beta": 2, "gamma": 0.5, "lam": 0.1}, {"beta": 0, "gamma": 0, "lam": 0}, {"lam": 3}]


@pytest.mark.parametrize(("pixels", "mask_l1"), REDUCTIONS)
def test_the_shares_of_the_attributes_sum_to_the_loss(pixels, mask_l1):
    output, images, labels = output_of(masks_of()), images_of(), labels_of()
    for weights in WEIGHTS:
        how = {"pixels": pixels, "mask_l1": mask_l1} | weights
        shares = channel_attention_loss(output, images, labels, reduction="none", **how)
        assert shares.shape == (K,)
        torch.testing.assert_close(shares.sum(), channel_attention_loss(output, images, labels, **how), rtol=1e-12, atol=0)
        assert torch.equal(losses(output, Batch(images, labels), TASKS, **how), shares)


def test_cross_entropies_are_each_attributes_own_and_the_rest_is_divided():
    output, images, labels = output_of(masks_of()), images_of(), labels_of()
    how = {"images": images, "labels": labels, "reduction": "none"}
    both, masked, rest = (channel_attention_loss(output, alpha=a, beta=b, **how) for a, b in ((1, 2), (1, 0), (0, 0)))
    torch.testing.assert_close(masked - rest, per_task_loss(output.logits, labels, TASKS))
    torch.testing.assert_close(both - masked, 2 * per_task_loss(output.extra["multilabel_logits"], labels, TASKS))
    assert (rest == rest[0]).all()
    terms = loss_terms(output, images, labels)
    torch.testing.assert_close(rest.sum(), 4 * terms.reconstruction + 1e-5 * terms.sparsity)


def test_only_cross_entropies_are_divided_by_the_count_of_all_processes():
    output, images, labels = output_of(masks_of()), images_of(), labels_of(False)
    how = {"images": images, "labels": labels, "reduction": "none"}
    mine, rest = channel_attention_loss(output, **how), channel_attention_loss(output, alpha=0, beta=0, **how)
    other = channel_attention_loss(output, known=torch.tensor([8.0, 4.0, 2.0]), **how)
    torch.testing.assert_close(other - rest, (mine - rest) * torch.tensor([0.5, 1, 2], dtype=torch.float64))


def test_the_loss_of_a_batch_is_the_mean_of_its_images():
    masks, images, labels = masks_of(), images_of(), labels_of(False)
    output = output_of(masks)
    single = []
    for n in range(B):
        alone = Output(output.logits[n : n + 1], extra={name: value[n : n + 1] for name, value in output.extra.items()})
        single.append([value.item() for value in loss_terms(alone, images[n : n + 1], labels[n : n + 1], pixels="sum")])
    whole = [value.item() for value in loss_terms(output, images, labels, pixels="sum")]
    assert whole == pytest.approx(np.mean(single, axis=0), rel=1e-12)


def test_what_does_not_fit_has_one_clear_line():
    good = {"output": output_of(masks_of()), "images": images_of(), "labels": labels_of()}
    for name in ("alpha", "beta", "gamma", "lam"):
        for value in (-1, -1e-9, NAN, math.inf, "1"):
            assert_refused(f"{name} must be a number of at least 0, got {value!r}", channel_attention_loss, **good, **{name: value})
    assert_refused("reduction must be one of sum, none, got 'mean'", channel_attention_loss, **good, reduction="mean")
    for function in (loss_terms, channel_attention_loss):
        for shape in ((B, K - 1), (B, K + 1), (B - 1, K), (B,)):
            assert_refused("labels", function, **good | {"labels": torch.zeros(shape)})
        for shape in ((1, 3, 4, 6), (B, 1, 4, 6), (B, 3, 4, 5), (B, 3, 4, 1)):
            assert_refused("images", function, **good | {"images": torch.zeros(shape, dtype=torch.float64)})
        # Also where nothing is reduced.
        for output in (good["output"], Output(random(B, K))):
            for name in ("pixels", "mask_l1"):
                message = f"{name} must be one of mean, sum, got 'median'"
                assert_refused(message, function, **good | {"output": output, name: "median"})
