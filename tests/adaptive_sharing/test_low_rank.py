import copy

import pytest
import torch
import torch.nn.functional as F
from mtattr.adaptive_sharing import LowRankVGG, count_weights, fold_batch_norm, low_rank_vgg16
from mtattr.adaptive_sharing.low_rank import LowRankLayer
from torch import nn

from cases import assert_refused

WIDTHS = (4, 3, 4, 5, 4, 3, 4, 5, 4, 3, 4, 5, 4, 6, 5)
RANKS = (2, 2, 3, 2, 1, 2, 3, 2, 2, 2, 3, 2, 2, 3, 2)


def trained(size=32):
    """A network with biases and running statistics as training leaves them."""
    torch.manual_seed(0)
    net = LowRankVGG(3, WIDTHS, ranks=RANKS, output_rank=2, input_size=size).double()
    with torch.no_grad():
        for name, value in net.named_parameters():
            if name.endswith("bias"):
                value.normal_(std=0.3)
        for layer in net.layers:
            layer.norm.momentum = 0.5
        for _ in range(3):
            net(torch.rand(8, 3, *net.input_size, dtype=torch.float64))
    return net


def images_of(height=32, width=32):
    return torch.rand(4, 3, height, width, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def by_hand(net, images):
    """Logits in evaluation mode, every layer as two convolutions."""
    mean, spread = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x, state = (images - mean[:, None, None]) / spread[:, None, None], net.state_dict()
    for layer in range(15):
        at = f"layers.{layer}"
        x = F.conv2d(x, state[f"{at}.basis.weight"], state[f"{at}.basis.bias"], padding=1 if layer < 13 else 0)
        x = F.conv2d(x, state[f"{at}.combine.weight"], state[f"{at}.combine.bias"])
        mean, var = (state[f"{at}.norm.running_{name}"][:, None, None] for name in ("mean", "var"))
        x = ((x - mean) / (var + 1e-5).sqrt()).clamp(min=0)
        x = F.max_pool2d(x, 2) if layer in (1, 3, 6, 9, 12) else x
    shared = x.flatten(1) @ state["shared.weight"].T + state["shared.bias"]
    return shared @ state["outputs.weight"].T + state["outputs.bias"]


@pytest.mark.parametrize(("num_tasks", "weights", "with_biases"), [(40, 4_523_352, 4_536_480), (50, 4_523_512, 4_536_650)])
def test_published_sizes(num_tasks, weights, with_biases):
    with torch.device("meta"):
        net = low_rank_vgg16(num_tasks)
    assert count_weights(net) == weights
    assert sum(value.numel() for value in net.parameters()) == with_biases


def test_the_published_ranks():
    with torch.device("meta"):
        net = low_rank_vgg16(40)
    printed = {"conv1": 8, "conv2": 16, "conv3": 32, "conv4": 64, "conv5": 64, "fc6": 64, "fc7": 64}
    counts = {"conv1": 2, "conv2": 2, "conv3": 3, "conv4": 3, "conv5": 3, "fc6": 1, "fc7": 1}
    assert [layer.basis.out_channels for layer in net.layers] == [printed[block] for block, n in counts.items() for _ in range(n)]
    assert net.shared.weight.shape == (16, 4096)


@pytest.mark.parametrize("size", [32, (64, 32)])
def test_equals_two_convolutions_a_layer(size):
    net, images = trained(size).eval(), images_of(*((size, size) if size == 32 else size))
    expected = by_hand(net, images)
    assert expected.std(0).min() > 1e-3
    torch.testing.assert_close(net(images).logits, expected, rtol=0, atol=1e-9)


def test_folding_equals_evaluation_mode_and_leaves_the_original():
    net = trained().train()
    before = copy.deepcopy(net.state_dict())
    folded = fold_batch_norm(net)
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in before.items())
    assert net.training
    expected = net.eval()(images_of()).logits
    torch.testing.assert_close(folded(images_of()).logits, expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(folded.float()(images_of().float()).logits, expected.float(), rtol=1e-4, atol=1e-5)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert count_weights(folded) == count_weights(net)


def test_initial_weights_of_basis_and_combination():
    torch.manual_seed(0)
    layer = LowRankLayer(16, 40, 100, (3, 3), padding=1)
    bound = (3 / 144) ** 0.5
    scaled = layer.basis.weight.detach() / bound
    assert scaled.abs().max() <= 1
    assert (scaled.abs() < 0.5).double().mean().item() == pytest.approx(0.5, abs=0.02)
    scaled = layer.combine.weight.detach() / (2 / 40) ** 0.5
    assert scaled.std().item() == pytest.approx(1, abs=0.04)
    assert (scaled.abs() < 1).double().mean().item() == pytest.approx(0.683, abs=0.02)
    assert not any(value.any() for name, value in layer.named_parameters() if name.endswith("bias"))
    net = LowRankVGG(400, (*WIDTHS[:14], 200), input_size=32, output_rank=8)
    assert not any(value.any() for name, value in net.named_parameters() if name.endswith("bias"))
    assert net.outputs.weight.std().item() == pytest.approx(0.5, rel=0.05)
    # The basis of the outputs is filled like any other.
    scaled = net.shared.weight.detach() / (3 / 200) ** 0.5
    assert scaled.abs().max() <= 1
    assert (scaled.abs() < 0.5).double().mean().item() == pytest.approx(0.5, abs=0.05)


def test_bad_arguments_and_images_are_refused():
    sound = {"num_tasks": 3, "widths": WIDTHS, "ranks": RANKS, "input_size": 32}
    for name, wrong in (
        ("ranks", RANKS[:-1]),
        ("ranks", (*RANKS, 1)),
        ("ranks", (0, *RANKS[1:])),
        ("output_rank", 0),
        ("num_tasks", 0),
        ("widths", WIDTHS[1:]),
        ("input_size", 31),
    ):
        assert_refused(name.replace("output_rank", "outputs"), LowRankVGG, **(sound | {name: wrong}))
    net = LowRankVGG(**sound)
    for images in (torch.rand(2, 3, 32, 64), torch.rand(2, 1, 32, 32), torch.zeros(2, 3, 32, 32, dtype=torch.uint8)):
        assert_refused(r"images must be floats \(B, 3, 32, 32\)", net, images)
