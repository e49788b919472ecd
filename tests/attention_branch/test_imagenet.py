import pytest
import timm
import torch
import torchvision
from mtattr.attention_branch import AttentionBranchNet, BaselineNet, ClassActivationNet, imagenet_resnet, vgg16
from mtattr.attention_branch.imagenet import RESNETS
from mtattr.errors import InputError
from mtattr.evaluation import count_parameters
from safetensors.torch import save_file
from torch import nn

from cases import each

MEAN, STD = (torch.tensor(values).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


def trained_resnet18():
    """timm's, with the statistics of a batch and scales that are not 1."""
    torch.manual_seed(0)
    net = timm.create_model("resnet18", num_classes=7)
    with torch.no_grad():
        for name, value in net.named_parameters():
            if "bn" in name:
                value.add_(0.2 * torch.randn_like(value))
        net(torch.rand(4, 3, 64, 64))
    return net


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    net = trained_resnet18()
    path = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    save_file(net.state_dict(), path)
    return net.eval(), path


def vgg_state(batch_norm=True, classes=7):
    """Random tensors with torchvision's names and a sixteenth of its channels."""
    with torch.device("meta"):
        whole = (torchvision.models.vgg16_bn if batch_norm else torchvision.models.vgg16)(num_classes=classes * 16)
    generator, state = torch.Generator().manual_seed(0), {}
    for name, value in whole.state_dict().items():
        shape = [side // 16 if side > 16 else side for side in value.shape]
        if name == "classifier.0.weight":
            shape[1] = 512 // 16 * 7 * 7
        if not shape:
            state[name] = torch.tensor(3)
            continue
        kind = torch.randn if len(shape) > 1 else torch.rand
        state[name] = kind(shape, generator=generator) * (2 / torch.Size(shape[1:]).numel()) ** 0.5
    return state


def test_the_baseline_of_given_weights_is_timms_network(given):
    net, path = given
    images = torch.rand(2, 3, 64, 64)
    baseline = BaselineNet(imagenet_resnet("resnet18", 5, weights=path)).eval()
    with torch.no_grad():
        torch.testing.assert_close(baseline(images).extra["features"], net.forward_features((images - MEAN) / STD))


def test_the_attention_stage_begins_as_a_copy_of_the_last_one_without_its_stride(given):
    net, path = given
    parts = imagenet_resnet("resnet18", 5, weights=path)
    copied, last = parts.attention.state_dict(), parts.perception.state_dict()
    assert copied.keys() == last.keys() == net.layer4.state_dict().keys()
    for name, value in net.layer4.state_dict().items():
        assert torch.equal(copied[name], value)
        assert torch.equal(last[name], value)
    # A copy: what one learns the other does not.
    with torch.no_grad():
        for value in parts.attention.parameters():
            value.add_(1)
    assert not any(torch.equal(a, b) for a, b in zip(parts.attention.parameters(), parts.perception.parameters(), strict=True))
    g = torch.rand(1, 256, 4, 6)
    assert parts.attention(g).shape == (1, 512, 4, 6)
    assert parts.perception(g).shape == (1, 512, 2, 3)


def test_without_weights_both_stages_are_random_and_differ():
    torch.manual_seed(0)
    parts = imagenet_resnet("resnet18", 5)
    pairs = zip(parts.attention.named_parameters(), parts.perception.parameters(), strict=True)
    assert not any(torch.equal(a, b) for (name, a), b in pairs if a.ndim > 1)


def test_the_classifier_of_the_file_is_ignored_and_may_be_missing(given, tmp_path):
    net, path = given
    without = {key: value for key, value in net.state_dict().items() if not key.startswith("fc.")}
    save_file(without, tmp_path / "headless.safetensors")
    nets = [BaselineNet(imagenet_resnet("resnet18", 5, weights=file)).state_dict() for file in (path, tmp_path / "headless.safetensors")]
    same = [name for name in nets[0] if torch.equal(nets[0][name], nets[1][name])]
    assert sorted(set(nets[0]) - set(same)) == ["top.2.bias", "top.2.weight"]
    assert nets[0]["top.2.weight"].shape == (5, 512)


def test_a_file_without_counters_of_batches_fits(given, tmp_path):
    net, _ = given
    old = {key: value for key, value in net.state_dict().items() if not key.endswith("num_batches_tracked")}
    save_file(old, tmp_path / "old.safetensors")
    parts = imagenet_resnet("resnet18", 5, weights=tmp_path / "old.safetensors")
    assert torch.equal(parts.perception[0].conv1.weight, net.layer4[0].conv1.weight)


@each(
    ("change", "message"),
    [
        (lambda state: state.pop("layer4.1.bn2.running_var"), r"1 of \d+ tensors of resnet18 are missing, first 'layer4.1.bn2.run"),
        (lambda state: [state.pop(key) for key in list(state) if "conv1" in key], r"9 of \d+ tensors of resnet18 .* first 'conv1.w"),
        (lambda state: state.update({"conv1.weight": torch.zeros(64, 1, 7, 7)}), r"'conv1.weight' has shape \(64, 1, 7, 7\), not \(64, 3"),
    ],
)
def test_files_that_do_not_fit_are_named_with_their_first_fault(given, tmp_path, change, message):
    state, path = dict(given[0].state_dict()), tmp_path / "odd.safetensors"
    change(state)
    save_file(state, path)
    with pytest.raises(InputError, match=rf"odd\.safetensors: {message}") as caught:
        imagenet_resnet("resnet18", 5, weights=path)
    assert "\n" not in str(caught.value)


def test_weights_of_another_network_damaged_ones_and_none_are_refused(given, tmp_path):
    _, path = given
    with pytest.raises(InputError, match=r"tensors of resnet50 are missing"):
        imagenet_resnet("resnet50", 5, weights=path)
    with pytest.raises(InputError, match=r"none\.safetensors: no such file; expected the weights of resnet18"):
        imagenet_resnet("resnet18", 5, weights=tmp_path / "none.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"cut\.safetensors: not a whole safetensors file"):
        imagenet_resnet("resnet18", 5, weights=tmp_path / "cut.safetensors")


def test_unknown_networks_are_refused_with_a_list():
    with pytest.raises(InputError, match="network 'resnet19' is unknown; there are resnet18, resnet34"):
        imagenet_resnet("resnet19", 5)


SIZES = [((224, 224), (14, 14)), ((224, 323), (14, 21)), ((250, 192), (16, 12))]


@each(
    ("name", "size", "g"),
    [*(("resnet18", *size) for size in SIZES), *((name, *SIZES[1]) for name in ("resnet34", "resnet50", "seresnet50"))],
)
def test_maps_of_photographs(name, size, g):
    with torch.device("meta"):
        parts = imagenet_resnet(name, 5)
        features = parts.extractor(torch.empty(1, 3, *size))
        attention, last = parts.attention(features), parts.perception(features)
    assert features.shape[1:] == (parts.channels, *g)
    assert attention.shape[1:] == (parts.attention_channels, *g)
    assert last.shape[1:] == (parts.perception_channels, (g[0] + 1) // 2, (g[1] + 1) // 2)
    assert parts.stride == 32


@each("name", RESNETS)
def test_the_attention_stage_differs_from_the_last_one_in_strides_alone(name):
    with torch.device("meta"):
        parts = imagenet_resnet(name, 5)
    strides = []
    for ours, theirs in zip(parts.attention.modules(), parts.perception.modules(), strict=True):
        assert type(ours) is type(theirs)
        if isinstance(ours, nn.Conv2d):
            assert (ours.weight.shape, ours.padding, ours.groups) == (theirs.weight.shape, theirs.padding, theirs.groups)
            assert ours.stride == (1, 1)
            strides.append(theirs.stride)
    assert strides.count((2, 2)) == 2


def test_wider_bottlenecks_are_those_of_timm():
    with torch.device("meta"):
        wide = imagenet_resnet("resnet50", 5, base_width=128)
        theirs = timm.create_model("wide_resnet50_2", num_classes=0)
    mine = count_parameters(wide.extractor) + count_parameters(wide.perception)
    assert mine == count_parameters(theirs)
    assert count_parameters(wide.attention) == count_parameters(theirs.layer4)


@each(("batch_norm", "expected"), [(True, 138_365_992), (False, 138_357_544)])
def test_vgg16_has_the_parameters_of_torchvisions(batch_norm, expected):
    with torch.device("meta"):
        assert count_parameters(BaselineNet(vgg16(1000, batch_norm=batch_norm))) == expected


@each("batch_norm", [True, False])
def test_vgg16_of_given_weights_is_torchvisions_network(batch_norm, tmp_path):
    state, images = vgg_state(batch_norm), torch.rand(2, 3, 64, 96)
    save_file(state, tmp_path / "vgg.safetensors")
    baseline = BaselineNet(vgg16(7, divisor=16, batch_norm=batch_norm, weights=tmp_path / "vgg.safetensors")).eval()
    with torch.device("meta"):
        theirs = (torchvision.models.vgg16_bn if batch_norm else torchvision.models.vgg16)(num_classes=7)
    assert not torch.equal(baseline.top.classifier[6].weight, state["classifier.6.weight"])
    # Their layers with a sixteenth of the channels, and our last layer, which the file does not give.
    last = baseline.top.classifier[6]
    state |= {"classifier.6.weight": last.weight, "classifier.6.bias": last.bias}
    with torch.no_grad():
        expected = torch.func.functional_call(theirs.eval(), state, (images - MEAN) / STD)
        torch.testing.assert_close(baseline(images).logits, expected)
    assert expected.std(0).min() > 1e-3


def test_vgg16_files_that_do_not_fit(tmp_path):
    state = vgg_state()
    del state["classifier.3.bias"]
    save_file(state, tmp_path / "vgg.safetensors")
    with pytest.raises(InputError, match=r"1 of \d+ tensors of vgg16_bn are missing, first 'classifier\.3\.bias'"):
        vgg16(7, divisor=16, weights=tmp_path / "vgg.safetensors")
    save_file(vgg_state(), tmp_path / "whole.safetensors")
    with pytest.raises(InputError, match=r"'classifier\.0\.bias' has shape \(256,\), not \(512,\); is this vgg16_bn"):
        vgg16(7, divisor=8, weights=tmp_path / "whole.safetensors")
    save_file(vgg_state(batch_norm=False), tmp_path / "plain.safetensors")
    with pytest.raises(InputError, match="tensors of vgg16_bn are missing"):
        vgg16(7, divisor=16, weights=tmp_path / "plain.safetensors")


def test_vgg16_is_cut_before_its_last_pooling():
    with torch.device("meta"):
        parts = vgg16(5)
        g = parts.extractor(torch.empty(1, 3, 224, 224))
        attention, last = parts.attention(g), parts.perception(g)
        logits = parts.top(last)
    assert (g.shape, attention.shape, last.shape) == ((1, 512, 14, 14), (1, 1024, 14, 14), (1, 512, 7, 7))
    assert logits.shape == (1, 5)
    assert (parts.channels, parts.attention_channels, parts.perception_channels, parts.stride) == (512, 1024, None, 32)
    convs = [module for module in parts.attention if isinstance(module, nn.Conv2d)]
    assert [(conv.kernel_size, conv.out_channels) for conv in convs] == [((3, 3), 1024)] * 2
    assert [type(module).__name__ for module in parts.attention] == ["Conv2d", "BatchNorm2d", "ReLU"] * 2
    assert {module.p for module in parts.top.modules() if isinstance(module, nn.Dropout)} == {0.5}


@each(("pools", "side", "stride", "g"), [(2, 2, 8, 8), (4, 7, 32, 2), (3, 1, 16, 4)])
def test_small_vgg16_keeps_the_first_poolings(pools, side, stride, g):
    torch.manual_seed(0)
    parts = vgg16(5, divisor=32, pools=pools, side=side, mean=(0.5,) * 3, std=(0.25,) * 3)
    assert parts.stride == stride
    for net in (BaselineNet(parts), AttentionBranchNet(parts, 5), ClassActivationNet(parts, 5)):
        output = net(torch.rand(2, 3, 32, 32))
        assert output.logits.shape == (2, 5)
        assert output.maps is None or output.maps.shape[2:] == (g, g)
    assert parts.extractor[0](torch.ones(1, 3, 1, 1)).flatten().tolist() == [2.0] * 3
    blocks, here = [], 0
    for module in parts.extractor[1]:
        here += isinstance(module, nn.Conv2d)
        if isinstance(module, nn.MaxPool2d):
            blocks.append(here)
    assert blocks == [2, 4, 7, 10][:pools]
