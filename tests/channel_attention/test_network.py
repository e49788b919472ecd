import copy

import pytest
import torch
from mtattr.channel_attention.context import ContextModule
from mtattr.channel_attention.front_end import FrontEnd
from mtattr.channel_attention.loss import loss_terms
from mtattr.channel_attention.network import ChannelAttentionNet, MultiLabelNet, feature_extractor, multilabel_head
from mtattr.errors import InputError
from mtattr.evaluation import count_parameters
from safetensors.torch import save_file
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from cases import each
from reference import classifiers_of_masks, context_of, masks_by_attribute, reconstruction_of, vgg_dilated

C, K = 6, 5
SMALL = {"front_end": "light", "width": 0.0625, "image_size": 16}


def made(count=K, *, dtype=torch.float64, seed=0, **how):
    torch.manual_seed(seed)
    net = ChannelAttentionNet(count, C, **(SMALL | {"noise": 0.05} | how)).to(dtype)
    with torch.no_grad():
        for value in net.parameters():
            if value.ndim == 1:
                value.add_(0.1 * torch.randn_like(value))
    return net


def images_of(count=3, size=(16, 24), dtype=torch.float64):
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(1), dtype=dtype)


def tensors(output):
    return {"logits": output.logits} | output.extra


def part(net, name):
    start = f"{name}."
    return {key.removeprefix(start): value for key, value in net.state_dict().items() if key.startswith(start)}


@each(
    ("front_end", "kernel", "expected"),
    [
        ("vgg16", 3, (15_829_952, 5_903_360, 5_160, 5_160, 97_315, 21_840_947)),
        ("vgg16", 1, (15_829_952, 660_480, 5_160, 5_160, 97_315, 16_598_067)),
        ("light", 1, (2_817_984, 660_480, 5_160, 5_160, 93_123, 3_581_907)),
    ],
)
def test_sizes_of_the_published_networks(front_end, kernel, expected):
    with torch.device("meta"):
        net = ChannelAttentionNet(front_end=front_end, mask_kernel=kernel)
        plain = MultiLabelNet(front_end=front_end)
    parts = (net.extractor, net.masks, net.classifiers, net.multilabel, net.reconstructor, net)
    assert tuple(map(count_parameters, parts)) == expected
    assert count_parameters(plain) == expected[0] + expected[3]


def test_the_defaults_are_those_of_the_paper():
    with torch.device("meta"):
        net = ChannelAttentionNet()
    assert net.masks.conv.weight.shape == (40 * 128, 128, 3, 3)
    assert net.keep_one
    assert net.chunk is None
    assert net.stride == 8
    assert net.masks.activation == "sigmoid"
    assert [layer.dilation[0] for layer in net.extractor[1].layers if isinstance(layer, nn.Conv2d)] == [1, 1, 2, 4, 8, 8, 1, 1]


HOWS = [
    {},
    {"front_end": "vgg16"},
    {"batch_norm": True},
    {"mask": "single"},
    {"mask": "none"},
    {"mask_kernel": 1},
    {"mask_layers": 2, "mask": "single", "chunk": 2},
    {"mask_activation": "tanh"},
    {"mask_activation": "relu", "keep_one": False},
    {"classifier_hidden": 2},
    {"classifier_hidden": 2, "mask": "none"},
    {"multilabel_hidden": 3, "upsampling": "transposed"},
    {"literal_dilations": True},
    {"context": False},
    {"chunk": 3},
    {"chunk": 2, "keep_one": False, "mask_kernel": 1},
]


@each("how", HOWS)
def test_all_outputs_and_their_gradients_by_slow_parts(how):
    net, images = made(**how).eval(), images_of(2).requires_grad_()
    front, context = feature_extractor_by_hand(net, images, how)
    features = context_of(part(net, "extractor.1"), front, context) if how.get("context", True) else front
    if how.get("mask") == "none":
        masks = torch.zeros(2, K, C, *features.shape[2:], dtype=torch.float64)
    else:
        masks = masks_by_attribute(part(net, "masks"), features, K, how.get("mask_activation", "sigmoid"))
    pooled, logits = classifiers_of_masks(part(net, "classifiers"), features, masks, keep_one=how.get("keep_one", True))
    head, answers = part(net, "multilabel"), features.mean((2, 3))
    for first, key in zip((True, False), sorted({key.split(".")[0] for key in head}), strict=False):
        answers = (answers if first else answers.clamp(min=0)) @ head[f"{key}.weight"].T + head[f"{key}.bias"]
    doublings = 3 if how.get("front_end") == "vgg16" else 2
    expected = {
        "logits": logits,
        "extracted": features,
        "pooled": pooled,
        "mask_means": masks.abs().mean((3, 4)),
        "multilabel_logits": answers,
        "reconstruction": reconstruction_of(part(net, "reconstructor"), features, doublings, how.get("upsampling", "nearest")),
    }
    if how.get("mask") == "none":
        del expected["mask_means"]
    output = net(images)
    found = tensors(output)
    assert output.maps is None
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=1e-10, msg=name)
        gradients = [torch.autograd.grad(both.square().sum(), images, retain_graph=True)[0] for both in (found[name], value)]
        torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10, msg=name)


def feature_extractor_by_hand(net, images, how):
    """Features before the context, and the dilations that suit a map of 16 px divided by the stride."""
    vgg = how.get("front_end") == "vgg16"
    dilations = (1, 1, 1, 1, 1, 1, 1) if vgg else (1, 1, 2, 2, 2, 2, 1)
    if how.get("literal_dilations"):
        dilations = (1, 1, 2, 4, 8, 16, 1)
    state = part(net, "extractor.0")
    return vgg_dilated(state, images, blocks=5 if vgg else 3, normed=how.get("batch_norm", False)), dilations


@each("training", [True, False])
@each("chunk", [1, 3, 7, 27])
@each(
    "how",
    [
        {"batch_norm": True},
        {"keep_one": False, "mask_kernel": 1},
        {"mask_activation": "tanh"},
        {"mask": "single", "mask_layers": 2},
        {"classifier_hidden": 2, "keep_one": False},
        {"mask": "none"},
        {"mask_layers": 2, "classifier_hidden": 2},
    ],
)
def test_chunks_change_neither_outputs_nor_gradients(training, chunk, how):
    whole, images = made(7, **how).train(training), images_of()
    parts = made(7, chunk=chunk, **how).train(training)
    parts.load_state_dict(whole.state_dict())
    outputs = [tensors(net(images)) for net in (whole, parts)]
    assert outputs[0].keys() == outputs[1].keys()
    for name, value in outputs[0].items():
        torch.testing.assert_close(outputs[1][name], value, rtol=0, atol=1e-10)
    for found in outputs:
        sum((i + 1) * value.square().sum() for i, value in enumerate(found.values())).backward()
    for (name, value), other in zip(whole.named_parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(other.grad, value.grad, rtol=1e-10, atol=1e-10, msg=name)
    for (name, value), other in zip(whole.named_buffers(), parts.buffers(), strict=True):
        torch.testing.assert_close(other, value, rtol=0, atol=1e-12, msg=name)


class Masks(TorchDispatchMode):
    """How many attributes' masks each sigmoid makes."""

    def __init__(self, positions):
        super().__init__()
        self.positions, self.made = positions, []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function in (torch.ops.aten.sigmoid.default, torch.ops.aten.sigmoid_.default):
            self.made.append(result.numel() // self.positions)
        return result


@each("chunk", [None, 1, 2, K, K + 1])
@each("how", [{}, {"mask": "single"}, {"mask_layers": 2}, {"classifier_hidden": 2}])
def test_so_many_masks_are_made_at_once_and_in_training_made_again_for_the_gradients(chunk, how):
    net, images = made(reconstruct=False, chunk=chunk, **how), images_of()
    once = {None: [5], 1: [1] * 5, 2: [1, 2, 2], K: [5], K + 1: [5]}[chunk]
    for grad in (False, True):
        with Masks(3 * 4 * 6 * net.masks.mask_channels) as seen, torch.set_grad_enabled(grad):
            logits = net(images).logits
            assert sorted(seen.made) == once
            if grad:
                logits.sum().backward()
                assert sorted(seen.made) == sorted(once * (1 if chunk is None else 2))


@each("frozen", ["extractor", "masks", "masks.conv.bias", "classifiers"])
@each("how", [{}, {"mask": "single"}])
def test_chunks_give_the_same_gradients_when_a_part_is_frozen(frozen, how):
    gradients = []
    for chunk in (None, 2):
        net = made(chunk=chunk, **how)
        for name, value in net.named_parameters():
            value.requires_grad_(not name.startswith(frozen))
        output = net(images_of())
        (output.logits.square().sum() + output.extra["mask_means"].square().sum()).backward()
        gradients.append({name: value.grad for name, value in net.named_parameters() if value.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    assert not any(name.startswith(frozen) for name in gradients[0])
    for name, value in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], value, rtol=1e-10, atol=1e-10, msg=name)


@each("layers", [1, 2])
@each("mask", ["channel", "single"])
@each("hidden", [None, 2])
def test_the_mask_of_an_attribute_moves_its_logit_alone(layers, mask, hidden):
    net, images = made(mask_layers=layers, mask=mask, classifier_hidden=hidden), images_of()
    before = net(images).logits
    for conv in (net.masks.conv, net.masks.hidden)[:layers]:
        rows = conv.out_channels // K
        with torch.no_grad():
            conv.weight[rows : 2 * rows].mul_(-2)
            conv.bias[rows : 2 * rows].add_(0.5)
        after = net(images).logits
        assert ((after - before).abs() > 1e-12).all(0).tolist() == [k == 1 for k in range(K)]
        torch.testing.assert_close(after[:, [0, 2, 3, 4]], before[:, [0, 2, 3, 4]], rtol=0, atol=1e-13)
        before = after


@each("activation", ["sigmoid", "tanh", "relu"])
@each("hidden", [None, 2])
@each("mask", ["channel", "single"])
def test_masks_of_zeros_leave_the_classifier_without_masks(activation, hidden, mask):
    net, images = made(mask_activation=activation, classifier_hidden=hidden, mask=mask), images_of()
    with torch.no_grad():
        net.masks.conv.weight.zero_()
        net.masks.conv.bias.fill_(-1000 if activation == "sigmoid" else 0)
    plain = made(mask="none", classifier_hidden=hidden)
    plain.load_state_dict({key: value for key, value in net.state_dict().items() if not key.startswith("masks.")})
    found, expected = net(images), plain(images)
    torch.testing.assert_close(found.logits, expected.logits, rtol=0, atol=1e-13)
    assert not found.extra["mask_means"].any()
    assert "mask_means" not in expected.extra
    if hidden is None:
        mean = expected.extra["extracted"].mean((2, 3))
        torch.testing.assert_close(expected.extra["pooled"], mean[:, None].expand(-1, K, -1), rtol=0, atol=0)


def test_the_one_makes_the_difference():
    net, images = made(), images_of()
    without = made(keep_one=False)
    without.load_state_dict(net.state_dict())
    difference = net(images).extra["pooled"] - without(images).extra["pooled"]
    expected = net(images).extra["extracted"].mean((2, 3))[:, None].expand(-1, K, -1)
    torch.testing.assert_close(difference, expected, rtol=0, atol=1e-12)


def test_other_attributes_order_gives_logits_of_that_order():
    net, images, order = made(mask_layers=2, classifier_hidden=2), images_of(), torch.tensor([3, 0, 4, 1, 2])
    other = copy.deepcopy(net)
    with torch.no_grad():
        for value in (*other.masks.parameters(), *other.classifiers.parameters()):
            value.copy_(value.reshape(K, -1)[order].reshape(value.shape))
    before, after = net(images), other(images)
    for found, expected in ((after.logits, before.logits), *((after.extra[n], before.extra[n]) for n in ("pooled", "mask_means"))):
        torch.testing.assert_close(found, expected[:, order], rtol=0, atol=1e-12)


def test_masks_reach_neither_the_multilabel_head_nor_the_reconstructor():
    net, images = made(), images_of()
    before = net(images)
    with torch.no_grad():
        for value in (*net.masks.parameters(), *net.classifiers.parameters()):
            value.add_(torch.randn_like(value))
    after = net(images)
    assert not torch.equal(after.logits, before.logits)
    for name in ("multilabel_logits", "reconstruction", "extracted"):
        assert torch.equal(after.extra[name], before.extra[name])


@each("chunk", [None, 2])
@each("term", ["masked", "multilabel", "reconstruction", "sparsity"])
def test_every_term_teaches_the_extractor_and_its_own_parts(term, chunk):
    net, images = made(chunk=chunk), images_of(8)
    terms = loss_terms(net(images), images, (images[:, 0, :K, 0] > 0.5).double())
    getattr(terms, term).backward()
    own = {"masked": {"masks", "classifiers"}, "multilabel": {"multilabel"}, "reconstruction": {"reconstructor"}, "sparsity": {"masks"}}[
        term
    ]
    for name, value in net.named_parameters():
        taught = value.grad is not None and bool(value.grad.any())
        assert taught == (name.split(".")[0] in own | {"extractor"}), name


@each("how", [{}, {"chunk": 1}, {"mask": "none"}, {"mask_layers": 2, "classifier_hidden": 2}])
@each("size", [(4, 4), (8, 20), (32, 16)])
def test_one_attribute_one_image_and_any_size_that_is_a_multiple_of_the_stride(how, size):
    output = made(1, **how)(images_of(1, size))
    assert output.logits.shape == output.extra["multilabel_logits"].shape == (1, 1)
    assert output.extra["extracted"].shape == (1, C, size[0] // 4, size[1] // 4)
    assert output.extra["reconstruction"].shape == (1, 3, *size)
    assert output.extra["pooled"].shape == (1, 1, how.get("classifier_hidden", C))


def test_an_image_is_answered_as_if_it_were_alone():
    net, images = made(batch_norm=True).eval(), images_of()
    together = tensors(net(images))
    for n in range(3):
        for name, value in tensors(net(images[n : n + 1])).items():
            torch.testing.assert_close(value, together[name][n : n + 1], rtol=0, atol=1e-12)


@each("size", [(18, 16), (16, 17), (5, 7)])
def test_only_a_reconstructor_needs_sides_that_are_multiples_of_the_stride(size):
    message = f"images of {size[0]} x {size[1]} px can not be reconstructed: their sides must be multiples of the stride 4"
    with pytest.raises(InputError, match=message):
        made()(images_of(size=size))
    output = made(reconstruct=False)(images_of(size=size))
    assert output.extra["extracted"].shape[2:] == (size[0] // 4, size[1] // 4)
    assert "reconstruction" not in output.extra


def test_parts_that_are_left_out_have_no_outputs_and_no_weights():
    whole, bare = made(), made(multilabel=False, reconstruct=False)
    assert bare(images_of()).extra.keys() == {"extracted", "pooled", "mask_means"}
    left = {key.split(".")[0] for key in whole.state_dict()} - {key.split(".")[0] for key in bare.state_dict()}
    assert left == {"multilabel", "reconstructor"}


@each(
    ("images", "message"),
    [
        (torch.zeros(2, 1, 16, 16), r"images must be floats \(B, 3, H, W\) in \[0, 1\], got torch.float32 \(2, 1, 16, 16\)"),
        (torch.zeros(3, 16, 16), "images must be floats"),
        (torch.zeros(2, 3, 16, 16, dtype=torch.uint8), "images must be floats .* got torch.uint8"),
        (torch.zeros(2, 3, 16, 16, dtype=torch.int64), "images must be floats .* got torch.int64"),
        (torch.zeros(2, 3, 3, 16), "images of 3 x 16 px"),
        (torch.zeros(2, 3, 0, 4), "images of 0 x 4 px are smaller than the network's stride of 4 px"),
    ],
)
@each("reconstruct", [True, False])
def test_images_that_it_can_not_take_are_refused(images, message, reconstruct):
    with pytest.raises(InputError, match=message) as caught:
        made(reconstruct=reconstruct, dtype=torch.float32)(images)
    assert "\n" not in str(caught.value)


@each(
    ("how", "message"),
    [
        ({"num_attributes": 0}, "num_attributes must be a whole number of at least 1 that fits 63 bits, got 0"),
        ({"channels": 0}, "channels must be a whole number of at least 1 that fits 63 bits, got 0"),
        ({"front_end": "resnet"}, "front end 'resnet' is unknown; there are vgg16, light"),
        ({"image_size": 3}, "side of the images must be a whole number of at least 4 that fits 63 bits, got 3"),
        ({"image_size": (16, 3)}, "side of the images must be a whole number of at least 4 that fits 63 bits, got 3"),
        ({"image_size": None}, "side of the images must be .* got None"),
        ({"width": -1}, "width must be a number above 0 and at most 16, got -1"),
        ({"noise": -1}, "noise must be a number of at least 0, got -1"),
        ({"mask": "both"}, "mask 'both' is unknown; there are channel, single, none"),
        ({"mask_kernel": 2}, "masks have kernels of 1 or 3 and 1 or 2 layers, got kernel_size 2 and layers 1"),
        ({"mask_layers": 3}, "masks have kernels of 1 or 3 and 1 or 2 layers, got kernel_size 3 and layers 3"),
        ({"mask_activation": "exp"}, "activation 'exp' is unknown; there are sigmoid, tanh, relu"),
        ({"mask": "none", "keep_one": False}, "without masks and without the 1 nothing reaches the classifiers"),
        ({"classifier_hidden": 0}, "hidden must be a whole number of at least 1 that fits 63 bits, got 0"),
        ({"multilabel_hidden": 1.5}, "hidden must be a whole number of at least 1 that fits 63 bits, got 1.5"),
        ({"upsampling": "cubic"}, "upsampling 'cubic' is unknown; there are nearest, transposed"),
        ({"chunk": 0}, "chunk must be a whole number of at least 1 that fits 63 bits, got 0"),
        ({"chunk": True}, "chunk must be a whole number of at least 1 that fits 63 bits, got True"),
    ],
)
def test_bad_input_has_one_clear_line(how, message):
    with pytest.raises(InputError, match=message):
        ChannelAttentionNet(**({"num_attributes": K, "channels": C} | SMALL | how))


@each("size", [(16, "16"), (16, 20.5)])
def test_sides_that_are_not_two_whole_numbers_have_one_clear_line(size):
    with pytest.raises(InputError, match="side of the images must be"):
        feature_extractor(**(SMALL | {"image_size": size}))


@each(
    ("front_end", "size", "expected"),
    [
        ("vgg16", 128, (1, 1, 2, 4, 8, 8, 1)),
        ("vgg16", 224, (1, 1, 2, 4, 8, 16, 1)),
        ("light", 128, (1, 1, 2, 4, 8, 16, 1)),
        ("light", (128, 48), (1, 1, 2, 4, 8, 8, 1)),
        ("light", (32, 64), (1, 1, 2, 4, 4, 4, 1)),
        ("vgg16", 8, (1, 1, 1, 1, 1, 1, 1)),
    ],
)
def test_dilations_fit_the_map_of_the_images_unless_literal(front_end, size, expected):
    for literal in (False, True):
        with torch.device("meta"):
            front, context = feature_extractor(front_end, C, width=0.0625, image_size=size, literal_dilations=literal)
        assert isinstance(front, FrontEnd)
        assert isinstance(context, ContextModule)
        found = tuple(layer.dilation[0] for layer in context.layers if isinstance(layer, nn.Conv2d))
        assert found == ((1, 1, 2, 4, 8, 16, 1) if literal else expected) + (1,)


def test_without_noise_the_context_passes_what_the_front_end_made():
    torch.manual_seed(0)
    extractor, images = feature_extractor(channels=C, noise=0, **SMALL), images_of(dtype=torch.float32)
    assert torch.equal(extractor(images), extractor[0](images))


def test_a_context_that_is_left_out_leaves_the_front_end():
    net, plain = made(context=False), MultiLabelNet(K, C, context=False, **SMALL)
    for of in (net, plain):
        assert [type(module) for module in of.extractor] == [FrontEnd]
    with pytest.raises(InputError, match="side of the images must be"):
        feature_extractor(**(SMALL | {"image_size": 3}), context=False)


def test_weights_of_a_file_are_those_of_the_front_end_of_both_networks(tmp_path):
    torch.manual_seed(0)
    state = {f"features.{key}": value for key, value in FrontEnd("light", 4).features.state_dict().items()}
    save_file(state, tmp_path / "vgg16.safetensors")
    how = {"front_end": "light", "image_size": 16, "weights": tmp_path / "vgg16.safetensors"}
    for net in (ChannelAttentionNet(K, C, **how), MultiLabelNet(K, C, **how)):
        assert all(torch.equal(net.extractor[0].state_dict()[key], value) for key, value in state.items())
        assert torch.equal(net.extractor[0].normalise(torch.zeros(1, 3, 1, 1))[0, 0, 0, 0], torch.tensor(0.0 - 0.485) / 0.229)


@each("hidden", [None, 3])
def test_the_plain_network_is_the_extractor_and_the_multilabel_head(hidden):
    net = made(multilabel_hidden=hidden)
    plain = MultiLabelNet(K, C, hidden=hidden, **SMALL).double()
    state = {key: value for key, value in net.state_dict().items() if key.split(".")[0] in ("extractor", "multilabel")}
    assert plain.load_state_dict(state)
    output, found = net(images_of()), plain(images_of())
    assert torch.equal(found.logits, output.extra["multilabel_logits"])
    assert torch.equal(found.extra["extracted"], output.extra["extracted"])
    assert found.extra.keys() == {"extracted"}
    assert plain(images_of(size=(18, 7))).logits.shape == (3, K)


def test_the_multilabel_head_by_hand():
    features = torch.randn(2, C, 3, 4, generator=torch.Generator().manual_seed(0))
    mean = torch.stack([features[:, c].flatten(1).mean(1) for c in range(C)], 1)
    head = multilabel_head(C, K)
    torch.testing.assert_close(head(features), mean @ head[2].weight.T + head[2].bias)
    head = multilabel_head(C, K, 7)
    inner = (mean @ head[2].weight.T + head[2].bias).clamp(min=0)
    torch.testing.assert_close(head(features), inner @ head[4].weight.T + head[4].bias)


@each("how", [{}, {"chunk": 2}, {"chunk": 2, "mask_layers": 2, "classifier_hidden": 2}, {"mask": "none", "upsampling": "transposed"}])
def test_autocast_to_bfloat16_is_near_float32(how):
    net, images = made(dtype=torch.float32, **how), images_of(8, dtype=torch.float32)
    labels, found = (images[:, 0, :K, 0] > 0.5).float(), []
    for enabled in (False, True):
        net.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            output = net(images)
        sum(loss_terms(output, images, labels)).backward()
        found.append((tensors(output), torch.cat([value.grad.flatten() for value in net.parameters()])))
    (exact, gradient), (near, near_gradient) = found
    assert any(value.dtype == torch.bfloat16 for value in near.values())
    for name, value in near.items():
        torch.testing.assert_close(value.float(), exact[name], rtol=0.05, atol=0.05)
    torch.testing.assert_close(near_gradient.norm(), gradient.norm(), rtol=0.1, atol=0)
    assert torch.cosine_similarity(gradient, near_gradient, dim=0) > 0.98


def test_a_name_that_is_no_argument_is_refused_by_both_networks():
    for make in (ChannelAttentionNet, MultiLabelNet):
        with pytest.raises(TypeError, match="dilation"):
            make(K, C, **SMALL, dilation=2)
