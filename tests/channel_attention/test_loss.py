import math

import numpy as np
import pytest
import torch
from mtattr.channel_attention.loss import auxiliary_losses, channel_attention_loss, loss_terms
from mtattr.channel_attention.network import ChannelAttentionNet
from mtattr.errors import InputError
from mtattr.nets import Output
from mtattr.tasks import TaskSet
from mtattr.training.losses import per_task_loss

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
    added = auxiliary_losses(output, images, labels, TASKS).sum() + per_task_loss(output.logits, labels, TASKS).sum()
    torch.testing.assert_close(added, terms.total())


def test_a_plain_network_has_the_cross_entropy_alone():
    output, labels = Output(random(B, K)), labels_of()
    torch.testing.assert_close(channel_attention_loss(output, images_of(), labels), per_task_loss(output.logits, labels, TASKS).sum())
    assert not auxiliary_losses(output, images_of(), labels, TASKS).any()


@pytest.mark.parametrize(("pixels", "mask_l1"), REDUCTIONS)
@pytest.mark.parametrize("weights", [{}, {"beta": 2, "gamma": 0.5, "lam": 0.1}, {"beta": 0, "gamma": 0, "lam": 0}, {"lam": 3}])
def test_what_the_loop_adds_makes_the_loss_of_the_paper(pixels, mask_l1, weights):
    output, images, labels = output_of(masks_of()), images_of(), labels_of()
    how = {"pixels": pixels, "mask_l1": mask_l1} | weights
    added = auxiliary_losses(output, images, labels, TASKS, **how)
    assert added.shape == (K,)
    total = per_task_loss(output.logits, labels, TASKS).sum() + added.sum()
    torch.testing.assert_close(total, channel_attention_loss(output, images, labels, **how), rtol=1e-12, atol=0)


def test_of_what_the_loop_adds_the_multilabel_part_is_each_tasks_own():
    output, images, labels = output_of(masks_of()), images_of(), labels_of()
    added, shared = (auxiliary_losses(output, images, labels, TASKS, beta=beta) for beta in (2, 0))
    torch.testing.assert_close(added - shared, 2 * per_task_loss(output.extra["multilabel_logits"], labels, TASKS))
    assert (shared == shared[0]).all()
    torch.testing.assert_close(shared.sum(), loss_terms(output, images, labels).total(alpha=0, beta=0))


def test_what_the_loop_adds_is_divided_by_the_count_of_all_processes():
    output, images, labels = output_of(masks_of()), images_of(), labels_of(False)
    mine, shared = (auxiliary_losses(output, images, labels, TASKS, beta=beta) for beta in (1, 0))
    other = auxiliary_losses(output, images, labels, TASKS, known=torch.tensor([8.0, 4.0, 2.0]))
    torch.testing.assert_close(other - shared, (mine - shared) * torch.tensor([0.5, 1, 2], dtype=torch.float64))


def test_the_loss_of_a_batch_is_the_mean_of_its_images():
    masks, images, labels = masks_of(), images_of(), labels_of(False)
    output = output_of(masks)
    single = []
    for n in range(B):
        alone = Output(output.logits[n : n + 1], extra={name: value[n : n + 1] for name, value in output.extra.items()})
        single.append([value.item() for value in loss_terms(alone, images[n : n + 1], labels[n : n + 1], pixels="sum")])
    whole = [value.item() for value in loss_terms(output, images, labels, pixels="sum")]
    assert whole == pytest.approx(np.mean(single, axis=0), rel=1e-12)


@pytest.mark.parametrize("name", ["alpha", "beta", "gamma", "lam"])
@pytest.mark.parametrize("value", [-1, -1e-9, NAN, math.inf])
def test_weights_below_0_are_refused(name, value):
    with pytest.raises(InputError, match=f"{name} must be a number of at least 0, got {value}"):
        channel_attention_loss(output_of(masks_of()), images_of(), labels_of(), **{name: value})


@pytest.mark.parametrize("name", ["pixels", "mask_l1"])
@pytest.mark.parametrize("function", [loss_terms, channel_attention_loss, lambda *given, **how: auxiliary_losses(*given, TASKS, **how)])
@pytest.mark.parametrize("bare", [True, False])
def test_other_reductions_are_refused_even_where_nothing_is_reduced(name, function, bare):
    output = Output(random(B, K)) if bare else output_of(masks_of())
    with pytest.raises(InputError, match=f"{name} must be one of mean, sum, got 'median'"):
        function(output, images_of(), labels_of(), **{name: "median"})


@pytest.mark.parametrize("shape", [(B, K - 1), (B, K + 1), (B - 1, K), (B,)])
def test_labels_that_do_not_fit_the_logits_have_one_clear_line(shape):
    with pytest.raises(InputError, match="labels"):
        loss_terms(output_of(masks_of()), images_of(), torch.zeros(shape))


@pytest.mark.parametrize("shape", [(1, 3, 4, 6), (B, 1, 4, 6), (B, 3, 4, 5), (B, 3, 4, 1)])
def test_images_that_do_not_fit_the_reconstruction_have_one_clear_line(shape):
    with pytest.raises(InputError, match="images"):
        loss_terms(output_of(masks_of()), torch.zeros(shape, dtype=torch.float64), labels_of())


@pytest.mark.parametrize("name", ["beta", "gamma", "lam"])
def test_weights_below_0_are_refused_in_the_loop_too(name):
    with pytest.raises(InputError, match=f"{name} must be a number of at least 0, got -1"):
        auxiliary_losses(output_of(masks_of()), images_of(), labels_of(), TASKS, **{name: -1})


def test_a_weight_that_is_no_number_has_one_clear_line():
    with pytest.raises(InputError, match="lam must be a number of at least 0, got '1'"):
        channel_attention_loss(output_of(masks_of()), images_of(), labels_of(), lam="1")
