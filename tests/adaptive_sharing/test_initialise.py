import copy
import re

import numpy as np
import pytest
import timm
import torch
import torchvision
from mtattr.adaptive_sharing import BranchedVGG, LowRankVGG, Tree, start_from_wide, start_low_rank, thin_widths
from mtattr.adaptive_sharing.initialise import filters_of, read_vgg16
from safetensors.torch import save_file

from cases import assert_refused
from reference import greedy_rows

WIDE = (5, 6, 8, 8, 9, 9, 9, 9, 8, 9, 8, 9, 9, 12, 13)
SIZE = (64, 32)


def net_of(widths, num_tasks=3, seed=0, tree=None):
    torch.manual_seed(seed)
    return BranchedVGG(tree or Tree.trunk(num_tasks), widths, input_size=SIZE).double()


def wide_net():
    net = net_of(WIDE, seed=1)
    with torch.no_grad():
        for layer in net.layers:
            layer.bias.normal_(std=0.2)
            layer.norm.momentum = 0.5
        for _ in range(3):
            net(images_of(6))
    return net.eval()


def images_of(count):
    return torch.rand(count, 3, *SIZE, generator=torch.Generator().manual_seed(count), dtype=torch.float64)


def by_algorithm_2(wide, widths):
    """Filters, biases and picks of every layer of the thin network; channels are dropped one by one."""
    filters, biases, picks, kept = [], [], [], [0, 1, 2]
    for width, (weight, bias) in zip(widths, wide, strict=True):
        weight, bias = weight.numpy(), bias.numpy()
        weight = np.stack([weight[:, channel] for channel in kept], axis=1)
        # Equal width: copied as it is. Else the selection, in the order of picking.
        kept = list(range(width)) if len(weight) == width else greedy_rows(np.stack([row.ravel() for row in weight]), width)
        filters.append(np.stack([weight[pick] for pick in kept]))
        biases.append(np.array([bias[pick] for pick in kept]))
        picks.append(kept)
    return filters, biases, picks


@pytest.mark.parametrize("omega", [2, 4, 6, 8])
def test_equals_algorithm_2(omega):
    wide, widths = filters_of(wide_net()), thin_widths(omega, (*WIDE[:13], 99, 99))
    if omega == 8:
        # fc6 and fc7 of a thin model may not be wider than those of its source.
        widths = (*widths[:13], 11, 10)
    net = net_of(widths)
    before = copy.deepcopy(net)
    filters, biases, picks = by_algorithm_2(wide, widths)
    found = start_from_wide(net, wide)
    assert [pick.tolist() for pick in found] == picks
    for layer, weight, bias in zip(net.layers, filters, biases, strict=True):
        assert np.array_equal(layer.weight.detach().numpy(), weight)
        assert np.array_equal(layer.bias.detach().numpy(), bias)
    for part in ("weight", "bias"):
        assert torch.equal(getattr(net.outputs, part), getattr(before.outputs, part))
    for layer, fresh in zip(net.layers, before.layers, strict=True):
        for name, value in fresh.norm.state_dict().items():
            assert torch.equal(layer.norm.state_dict()[name], value)
    assert any(pick != sorted(pick) for pick in picks)


def test_batch_norm_of_the_source_is_part_of_its_filters():
    net = wide_net()
    layer, (weight, bias) = net.layers[4], filters_of(net)[4]
    spread = (layer.norm.running_var + 1e-5).sqrt()
    torch.testing.assert_close(weight, layer.weight.detach() / spread[:, None, None, None])
    torch.testing.assert_close(bias, (layer.bias.detach() - layer.norm.running_mean) / spread)
    assert not any(value.requires_grad for pair in filters_of(net) for value in pair)


def test_a_network_as_wide_as_its_source_computes_what_the_source_does():
    source, net = wide_net(), net_of(WIDE)
    picks = start_from_wide(net, filters_of(source))
    assert [pick.tolist() for pick in picks] == [list(range(width)) for width in WIDE]
    net.outputs.load_state_dict(source.outputs.state_dict())
    expected, images = source(images_of(3)).logits, images_of(3)
    assert expected.std(0).min() > 1e-3
    # Fresh batch norm divides by the root of 1 + epsilon in each layer, and by nothing else.
    torch.testing.assert_close(net.eval()(images).logits, expected, rtol=1e-3, atol=1e-3)
    for layer in net.layers:
        layer.norm.running_var.fill_(1 - 1e-5)
    torch.testing.assert_close(net(images).logits, expected, rtol=0, atol=1e-7)


def test_what_is_started_trains_and_leaves_its_source_alone():
    wide, net = filters_of(wide_net()), net_of(thin_widths(4, WIDE))
    before = [(weight.clone(), bias.clone()) for weight, bias in wide]
    start_from_wide(net, wide)
    net(images_of(4)).logits.sum().backward()
    assert all(layer.weight.grad is not None for layer in net.layers)
    with torch.no_grad():
        for value in net.parameters():
            value += 1
    assert all(torch.equal(a, b) for now, was in zip(wide, before, strict=True) for a, b in zip(now, was, strict=True))


def test_a_network_that_forks_cannot_start():
    net = net_of(WIDE, tree=Tree.trunk(3).widen([[0, 1], [2]]))
    assert_refused("with branches cannot start from a wide one", start_from_wide, net, filters_of(wide_net()))


def test_filters_that_do_not_fit_are_refused():
    wide = filters_of(wide_net())
    square = BranchedVGG(Tree.trunk(2), thin_widths(2, WIDE), input_size=64).double()
    broken = [*wide[:3], (torch.full_like(wide[3][0], torch.nan), wide[3][1]), *wide[4:]]
    for net, filters, message in (
        (net_of(WIDE), wide[:14], "15 layers, got 14"),
        (net_of((*(2,) * 13, 13, 4)), wide, r"fc6: filters \(12, 2, 2, 1\) do not hold"),
        (square, wide, r"fc6: filters \(12, 2, 2, 1\) do not hold \(4, 2, 2, 2\)"),
        (net_of(thin_widths(2, WIDE)), broken, "not finite"),
    ):
        assert_refused(message, start_from_wide, net, filters)


def low_rank_of(ranks):
    torch.manual_seed(2)
    net = LowRankVGG(3, WIDE, ranks=ranks, output_rank=2, input_size=SIZE).double()
    with torch.no_grad():
        for value in net.parameters():
            value.normal_()  # nothing that is there before may stay in the layers
    return net


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_the_factors_are_the_best_approximation_of_their_rank(rank):
    net, wide = low_rank_of((rank,) * 15), filters_of(wide_net())
    before = copy.deepcopy(net)
    start_low_rank(net, wide)
    for layer, (weight, bias) in zip(net.layers, wide, strict=True):
        matrix = weight.numpy().reshape(len(weight), -1)
        u, s, v = np.linalg.svd(matrix, full_matrices=False)
        best = sum(s[k] * np.outer(u[:, k], v[k]) for k in range(rank))
        basis = layer.basis.weight.detach().numpy().reshape(rank, -1)
        combine = layer.combine.weight.detach().numpy()[:, :, 0, 0]
        np.testing.assert_allclose(combine @ basis, best, rtol=0, atol=1e-10)
        # Both factors take the root of the singular values, so neither learns much faster than the other.
        np.testing.assert_allclose(basis @ basis.T, np.diag(s[:rank]), rtol=0, atol=1e-10)
        np.testing.assert_allclose(combine.T @ combine, np.diag(s[:rank]), rtol=0, atol=1e-10)
        assert not layer.basis.bias.any()
        assert torch.equal(layer.combine.bias, bias)
    for name in ("shared.weight", "shared.bias", "outputs.weight", "outputs.bias"):
        assert torch.equal(net.state_dict()[name], before.state_dict()[name])


def test_full_rank_computes_what_the_source_does():
    wide, source = filters_of(wide_net()), wide_net()
    net = low_rank_of([min(len(weight), weight[0].numel()) for weight, _ in wide]).eval()
    start_low_rank(net, wide)
    x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    layer, (weight, bias) = net.layers[0], wide[0]
    expected = torch.nn.functional.conv2d(x, weight, bias, padding=1)
    torch.testing.assert_close(layer.combine(layer.basis(x)), expected, rtol=0, atol=1e-10)
    for layer in net.layers:
        layer.norm.running_var.fill_(1 - 1e-5)
    # Outputs of the low-rank network are factors too, which no decomposition fills: compare below them.
    seen = []
    for model in (net, source):
        model.layers[14].register_forward_hook(lambda module, args, out: seen.append(out))
        model(images_of(3))
    assert seen[1].std(0).max() > 1e-2
    torch.testing.assert_close(*seen, rtol=0, atol=1e-7)


def test_factors_that_do_not_fit_are_refused():
    wide = filters_of(wide_net())
    assert_refused(r"conv1_1: a matrix of \(5, 27\) has no 6 singular values", start_low_rank, low_rank_of((6,) * 15), wide)
    other = LowRankVGG(3, (*WIDE[:14], 14), ranks=(1,) * 15, input_size=SIZE).double()
    assert_refused(r"fc7: filters \(13, 12, 1, 1\) do not fit \(14, 12, 1, 1\)", start_low_rank, other, wide)


SMALL = (2, 2, 3, 3, 4, 4, 4, 3, 3, 3, 2, 2, 2, 5, 6)


def names_in(library):
    """Names of the layers of the library's own VGG-16, and whether its fc6 is a convolution."""
    with torch.device("meta"):
        net = timm.create_model("vgg16") if library == "timm" else torchvision.models.vgg16()
    weights = {name.removesuffix(".weight"): value for name, value in net.state_dict().items() if name.endswith(".weight")}
    assert len(weights) == 16
    names = list(weights)[:15]
    return names, weights[names[13]].ndim == 4


def small_file(path, library="timm", dtype=torch.float32):
    """What a VGG-16 of few channels would be stored as, and its filters."""
    names, convolution = names_in(library)
    generator, state, expected = torch.Generator().manual_seed(0), {"head.weight": torch.zeros(1)}, []
    for layer, (name, below, width) in enumerate(zip(names, (3, *SMALL), SMALL, strict=False)):
        taps = 3 if layer < 13 else 7 if layer == 13 else 1
        weight = torch.randn(width, below, taps, taps, generator=generator).to(dtype)
        bias = torch.randn(width, generator=generator).to(dtype)
        expected.append((weight.float(), bias.float()))
        state |= {f"{name}.weight": weight if layer < 13 or convolution else weight.flatten(1), f"{name}.bias": bias}
    save_file(state, path)
    return state, expected


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr("mtattr.adaptive_sharing.initialise.VGG16_WIDTHS", SMALL)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_weights_are_read_in_the_naming_of_both_libraries(library, dtype, small, tmp_path):
    _, expected = small_file(tmp_path / "vgg.safetensors", library, dtype)
    found = read_vgg16(str(tmp_path / "vgg.safetensors"))
    assert len(found) == 15
    for (weight, bias), (wanted, wanted_bias) in zip(found, expected, strict=True):
        assert weight.dtype == bias.dtype == torch.float32
        assert torch.equal(weight, wanted)
        assert torch.equal(bias, wanted_bias)


def test_missing_tensors_and_other_shapes_are_named(small, tmp_path):
    path = tmp_path / "vgg.safetensors"
    for library in ("timm", "torchvision"):
        state, _ = small_file(path, library)
        for name in (f"{names_in(library)[0][layer]}.{part}" for layer in (0, 7, 13, 14) for part in ("weight", "bias")):
            save_file({key: value for key, value in state.items() if key != name}, path)
            # Without pre_logits.fc1.weight a file of timm cannot be told from one of torchvision.
            named = ".*" if name == "pre_logits.fc1.weight" else re.escape(name)
            assert_refused(rf"vgg\.safetensors: {named} .* is missing; expected VGG-16 without batch norm", read_vgg16, path)
    state, _ = small_file(path)
    names = names_in("timm")[0]
    for name in (
        f"{names[0]}.weight",
        f"{names[5]}.bias",
        *(f"{names[layer]}.{part}" for layer in (13, 14) for part in ("weight", "bias")),
    ):
        right = state[name]
        for wrong in (right[:-1], right.new_zeros(()), right.repeat_interleave(2, -1)):
            save_file(state | {name: wrong.clone()}, path)
            assert_refused(rf"vgg\.safetensors: {re.escape(name)} .* has shape", read_vgg16, path)
    # As many numbers in another order.
    for name in (f"{names[7]}.weight", f"{names[14]}.weight"):
        turned = state[name].transpose(1, 3) if state[name].shape[-1] > 1 else state[name].transpose(0, 1)
        save_file(state | {name: turned.contiguous()}, path)
        assert_refused(rf"{re.escape(name)} .* has shape", read_vgg16, path)
    assert_refused(r"\(fc7\) has shape \(5, 6, 1, 1\), expected \(6, 5, 1, 1\)", read_vgg16, path)


def test_a_vgg_with_the_true_widths_is_expected(tmp_path):
    small_file(tmp_path / "vgg.safetensors")
    expected = r"features.0.weight \(conv1_1\) has shape \(2, 3, 3, 3\), expected \(64, 3, 3, 3\)"
    assert_refused(expected, read_vgg16, tmp_path / "vgg.safetensors")


def test_missing_cut_and_foreign_files_are_named(small, tmp_path):
    path = tmp_path / "vgg.safetensors"
    assert_refused(r"vgg\.safetensors: no such file", read_vgg16, path)
    assert_refused("no such file", read_vgg16, tmp_path)
    small_file(path)
    content = path.read_bytes()
    for part in (content[:-1], content[: len(content) // 2], content[:5], b"", b"no tensors at all"):
        path.write_bytes(part)
        assert_refused(r"vgg\.safetensors: not a whole safetensors file", read_vgg16, path)
