import copy

import pytest
import torch
from mtattr.channel_attention import ChannelAttentionNet, MultiLabelNet, evidence_maps, explanation_maps, methods_of
from mtattr.channel_attention.recipe import VARIANTS, plan
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.tasks import TaskSet
from mtattr.training import RunSpec
from torch import nn

from cases import each
from reference import evidence_by_position, masks_by_attribute, most_important_masks

C, K, N = 6, 4, 5
SMALL = {"front_end": "light", "width": 0.0625, "image_size": 16, "batch_norm": True}


def made(kind="mcan", channels=C, **how):
    torch.manual_seed(0)
    how |= {"unmasked": {"mask": "none"}, "single": {"mask": "single"}, "product": {"keep_one": False}}.get(kind, {})
    net = (MultiLabelNet if kind == "plain" else ChannelAttentionNet)(K, channels, **(SMALL | how))
    with torch.no_grad():
        for _ in range(3):
            net(torch.rand(8, 3, 16, 24))
        masks = getattr(net, "masks", None)
        for value in () if masks is None else masks.parameters():
            value.mul_(5)
    return net.eval()


def images_of(count=N):
    return torch.randint(0, 256, (count, 3, 16, 24), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def masks_by_hand(net, images):
    features = net.extractor(images / 255).detach()
    if getattr(net, "masks", None) is None:
        return features, None
    state = {key.removeprefix("masks."): value for key, value in net.state_dict().items() if key.startswith("masks.")}
    return features, masks_by_attribute(state, features, K, net.masks.activation)


METHODS = {"plain": ("evidence",), "matched": ("evidence",), "unmasked": ("evidence", "multilabel"), "no-multilabel": ("mask", "evidence")}


@each("variant", VARIANTS)
def test_every_variant_has_its_maps(variant):
    nothing = ImageData(torch.zeros(0, 3, 32, 32, dtype=torch.uint8), torch.zeros(0, 2), TaskSet.binary("xy"), (), "toy", "test")
    data = dict.fromkeys(("train", "val", "test"), nothing)
    net = plan(RunSpec("channel_attention", variant, "celeba-twin", "smoke", 0, {}), data=data).build()
    assert methods_of(net) == METHODS.get(variant, ("mask", "evidence", "multilabel"))
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    for method in methods_of(net):
        assert explanation_maps(net, images, method).shape == (2, 2, 8, 8)


@each(
    ("net", "expected"),
    [
        (lambda: made(classifier_hidden=2), ("mask", "multilabel")),
        (lambda: made(multilabel_hidden=2), ("mask", "evidence")),
        (lambda: made("unmasked", classifier_hidden=2, multilabel=False), ()),
        (lambda: made("plain", hidden=2), ()),
    ],
)
def test_layers_that_mix_channels_leave_no_evidence(net, expected):
    net = net()
    assert methods_of(net) == expected
    for method in {"mask", "evidence", "multilabel", "gradcam"} - set(expected):
        with pytest.raises(InputError, match=rf"has the maps {', '.join(expected) or '.none.'}, not '{method}'"):
            explanation_maps(net, images_of(), method)


def test_other_networks_are_refused():
    for act in (methods_of, lambda net: explanation_maps(net, images_of(), "mask")):
        with pytest.raises(InputError, match="expected a network of this room, got Linear"):
            act(nn.Linear(1, 1))


@each("kind", ["mcan", "unmasked", "plain", "single", "product"])
def test_the_mean_of_the_evidence_and_the_bias_are_the_logit(kind):
    net, images = made(kind), images_of()
    bias = net.multilabel[-1].bias if kind == "plain" else net.classifiers.bias
    found = explanation_maps(net, images, "evidence")
    assert found.shape == (N, K, 4, 6)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.mean((2, 3)) + bias, net(images / 255).logits, rtol=0, atol=1e-5)


@each("kind", ["mcan", "unmasked", "plain", "single", "product"])
def test_evidence_by_slow_loops(kind):
    net, images = made(kind), images_of(2)
    features, masks = masks_by_hand(net, images)
    weight = net.multilabel[-1].weight if kind == "plain" else net.classifiers.weight
    expected = evidence_by_position(weight.detach(), features, masks, keep_one=kind != "product")
    torch.testing.assert_close(explanation_maps(net, images, "evidence"), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(evidence_maps(net, features), expected, rtol=0, atol=1e-5)


@each("kind", ["mcan", "unmasked"])
def test_the_mean_of_the_multilabel_map_and_the_bias_are_its_logit(kind):
    net, images = made(kind), images_of()
    found = explanation_maps(net, images, "multilabel")
    torch.testing.assert_close(
        found.mean((2, 3)) + net.multilabel[-1].bias, net(images / 255).extra["multilabel_logits"], rtol=0, atol=1e-5
    )
    features, _ = masks_by_hand(net, images)
    torch.testing.assert_close(found, evidence_by_position(net.multilabel[-1].weight.detach(), features, None), rtol=0, atol=1e-5)


@each("how", [{}, {"kind": "product"}, {"mask_activation": "tanh"}, {"chunk": 1}, {"channels": 2}])
@each("batch_size", [2, 32])
def test_the_mask_map_is_the_mean_of_the_three_masks_most_important_over_all_images(how, batch_size):
    net, images = made(**how), images_of()
    _, masks = masks_by_hand(net, images)
    found = explanation_maps(net, images, "mask", batch_size=batch_size)
    torch.testing.assert_close(found, most_important_masks(masks, 3), rtol=0, atol=1e-5)


def test_important_channels_differ_between_attributes_and_are_those_of_these_images():
    net, images = made(), images_of(40)
    _, masks = masks_by_hand(net, images)
    best = masks.mean((0, 3, 4)).topk(3).indices.sort(1).values
    assert len({tuple(row) for row in best.tolist()}) > 1
    with torch.no_grad():
        net.masks.conv.bias.copy_(torch.tensor([-9.0, 9, -9, 9, -9, 9]).repeat(K))
    _, masks = masks_by_hand(net, images)
    torch.testing.assert_close(explanation_maps(net, images, "mask"), masks[:, :, 1::2].mean(2), rtol=0, atol=1e-5)


def test_important_channels_are_those_of_all_images_together():
    net, images = made(), torch.zeros(8, 3, 16, 24, dtype=torch.uint8)
    images[2:] = 255
    # Channels that are high in white images are low in black ones.
    with torch.no_grad():
        conv = net.masks.conv
        conv.weight.mul_(50)
        conv.bias.sub_(conv(net.extractor(images[1:3] / 255)).mean((0, 2, 3)))
    _, masks = masks_by_hand(net, images)
    expected = most_important_masks(masks, 3)
    assert not torch.allclose(most_important_masks(masks[:2], 3), expected[:2], atol=0.01)
    torch.testing.assert_close(explanation_maps(net, images, "mask", batch_size=2), expected, rtol=0, atol=1e-4)


def test_a_single_mask_is_its_own_map():
    net, images = made("single"), images_of()
    _, masks = masks_by_hand(net, images)
    torch.testing.assert_close(explanation_maps(net, images, "mask"), masks[:, :, 0], rtol=0, atol=1e-5)


@each("kind", ["mcan", "unmasked", "plain", "single"])
@each("batch_size", [1, 3])
def test_batches_change_nothing(kind, batch_size):
    net, images = made(kind), images_of()
    for method in methods_of(net):
        torch.testing.assert_close(explanation_maps(net, images, method, batch_size=batch_size), explanation_maps(net, images, method))


@each("kind", ["mcan", "plain"])
def test_the_network_is_asked_in_evaluation_and_left_as_it_was(kind):
    net, images = made(kind), images_of()
    before = copy.deepcopy(net.state_dict())
    for method in methods_of(net):
        expected = explanation_maps(net, images, method)
        found = explanation_maps(net.train(), images, method)
        assert not found.requires_grad
        torch.testing.assert_close(found, expected)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
