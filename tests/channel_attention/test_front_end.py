from itertools import pairwise

import pytest
import torch
import torchvision
from mtattr.channel_attention.front_end import FrontEnd
from mtattr.errors import InputError
from mtattr.evaluation import count_parameters
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import conv2d, max_pool2d

from cases import each
from reference import vgg_dilated

MEAN, STD = (torch.tensor(values).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


def made(name="light", channels=5, *, width=0.0625, batch_norm=False, dtype=torch.float64):
    torch.manual_seed(0)
    front = FrontEnd(name, channels, width=width, batch_norm=batch_norm).to(dtype)
    with torch.no_grad():
        for key, value in front.state_dict().items():
            if value.ndim == 1:
                value.add_(0.3 * torch.rand_like(value) if key.endswith("running_var") else 0.2 * torch.rand_like(value))
    return front


def images_of(count=2, size=(16, 24), dtype=torch.float64):
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(1), dtype=dtype)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "batch-norm"])
def published(request, tmp_path_factory):
    """torchvision's convolutions with random weights and statistics, and a file of them with a classifier."""
    with torch.device("meta"):
        whole = (torchvision.models.vgg16_bn if request.param else torchvision.models.vgg16)()
    torch.manual_seed(0)
    layers = whole.features.to_empty(device="cpu").eval()
    with torch.no_grad():
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.normal_(layer.bias, std=0.1)
            elif isinstance(layer, nn.BatchNorm2d):
                for value in (layer.weight, layer.bias, layer.running_mean):
                    value.copy_(0.2 * torch.randn(len(value)) + (value is layer.weight))
                layer.running_var.copy_(0.5 + torch.rand(len(layer.running_var)))
                layer.num_batches_tracked.fill_(7)
    state = {f"features.{key}": value.detach() for key, value in layers.state_dict().items()}
    state["classifier.0.weight"] = torch.zeros(2, 2)
    path = tmp_path_factory.mktemp("weights") / "vgg16.safetensors"
    save_file(state, path)
    return request.param, layers, path, state


@each(("name", "inside"), [("vgg16", 14_714_688), ("light", 1_735_488)])
@each("channels", [128, 3])
def test_the_convolutions_are_those_of_vgg16(name, inside, channels):
    with torch.device("meta"):
        front = FrontEnd(name, channels)
    last = 512 if name == "vgg16" else 256
    assert count_parameters(front.features) == inside
    assert count_parameters(front) == inside + last * channels + channels


@each("batch_norm", [False, True])
@each("training", [False, True])
@each("name", ["vgg16", "light"])
def test_features_by_a_slow_vgg16_without_its_last_pools(name, training, batch_norm):
    front, images = made(name, batch_norm=batch_norm).train(training), images_of()
    blocks = {"vgg16": 5, "light": 3}[name]
    expected = vgg_dilated(front.state_dict(), images, blocks=blocks, normed=batch_norm, training=training)
    found = front(images)
    assert found.std() > 0.01
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@each("name", ["vgg16", "light"])
def test_weights_of_a_file_make_torchvisions_features_of_normalised_images(published, name):
    batch_norm, layers, path, _ = published
    torch.manual_seed(1)
    front = FrontEnd(name, 6, batch_norm=batch_norm, weights=path).eval()
    images = images_of(1, dtype=torch.float32)
    with torch.no_grad():
        x, pools = (images - MEAN) / STD, 0
        for layer in layers:
            if isinstance(layer, nn.MaxPool2d):
                pools += 1
                if name == "light" and pools == 3:
                    break
                x = max_pool2d(x, 2) if pools < 4 else x
            elif isinstance(layer, nn.Conv2d):
                around = 2 if pools == 4 else 1
                x = conv2d(x, layer.weight, layer.bias, padding=around, dilation=around)
            else:
                x = layer(x.clone())
        expected = conv2d(x, front.adapter.weight, front.adapter.bias).clamp(min=0)
        torch.testing.assert_close(front(images), expected, rtol=1e-4, atol=1e-4 * expected.max().item())
    for key, value in front.features.state_dict().items():
        assert torch.equal(value, layers.state_dict()[key])


@each("name", ["vgg16", "light"])
@each("batch_norm", [False, True])
def test_names_of_tensors_are_torchvisions(name, batch_norm):
    with torch.device("meta"):
        front = FrontEnd(name, batch_norm=batch_norm)
        theirs = (torchvision.models.vgg16_bn if batch_norm else torchvision.models.vgg16)().state_dict()
    for key, value in front.state_dict().items():
        if not key.startswith("adapter."):
            assert theirs[key].shape == value.shape


def test_the_adapter_is_no_part_of_the_file(published, tmp_path):
    batch_norm, _, _, state = published
    state = {key: value for key, value in state.items() if int(key.split(".")[1]) < 25} | {"adapter.weight": torch.zeros(1)}
    save_file(state, tmp_path / "more.safetensors")
    torch.manual_seed(1)
    front = FrontEnd("light", 4, batch_norm=batch_norm, weights=tmp_path / "more.safetensors")
    assert front.adapter.weight.shape == (4, 256, 1, 1)
    assert front.adapter.weight.std() > 0.01


def light_state():
    with torch.device("meta"):
        names = FrontEnd("light").features.state_dict()
    return {f"features.{key}": torch.zeros(value.shape) for key, value in names.items()}


@each(
    ("change", "message"),
    [
        (lambda state: state.pop("features.14.bias"), "1 of 14 tensors of light are missing, first 'features.14.bias'"),
        (lambda state: state.clear() or state.update(a=torch.zeros(1)), "14 of 14 tensors of light .* first 'features.0.bias'"),
        (
            lambda state: state.update({"features.5.weight": torch.zeros(128, 64, 1, 1)}),
            r"'features.5.weight' has shape \(128, 64, 1, 1\), not \(128, 64, 3, 3\); is this light?",
        ),
    ],
)
def test_files_that_do_not_fit_are_named_with_their_first_fault(tmp_path, change, message):
    state, path = light_state(), tmp_path / "odd.safetensors"
    change(state)
    save_file(state, path)
    with pytest.raises(InputError, match=rf"odd\.safetensors: {message}") as caught:
        FrontEnd("light", 4, weights=path)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_weights_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.safetensors: no such file; expected the weights of light"):
        FrontEnd("light", 4, weights=tmp_path / "none.safetensors")
    path = tmp_path / "cut.safetensors"
    save_file({"features.0.bias": torch.zeros(64)}, path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(InputError, match=r"cut\.safetensors: not a whole safetensors file"):
        FrontEnd("light", 4, weights=str(path))


def test_weights_with_batch_norm_and_without_are_not_confused(published):
    batch_norm, _, path, _ = published
    with pytest.raises(InputError, match="tensors of light are missing, first 'features"):
        FrontEnd("light", 4, batch_norm=not batch_norm, weights=path)


@each(
    ("name", "size", "expected"),
    [
        ("vgg16", (8, 8), (1, 1)),
        ("vgg16", (16, 32), (2, 4)),
        ("vgg16", (23, 24), (2, 3)),
        ("light", (4, 4), (1, 1)),
        ("light", (4, 7), (1, 1)),
        ("light", (32, 20), (8, 5)),
    ],
)
def test_strides_are_8_and_4(name, size, expected):
    front = made(name)
    assert front.stride == {"vgg16": 8, "light": 4}[name]
    found = front(images_of(size=size))
    assert found.shape == (2, 5, *expected)
    assert found.min() == 0 < found.max()


@each(("width", "expected"), [(2, [128, 256, 512]), (0.0625, [4, 8, 16]), (0.3, [19, 38, 77]), (1e-6, [1, 1, 1])])
def test_width_is_a_factor_of_the_channels_inside(width, expected):
    with torch.device("meta"):
        front = FrontEnd("light", 7, width=width)
    outputs = [layer.out_channels for layer in front.features if isinstance(layer, nn.Conv2d)]
    assert [outputs[0], outputs[2], outputs[4]] == expected
    assert front.adapter.in_channels == expected[-1]
    assert front.adapter.out_channels == 7


def test_random_weights_keep_the_size_of_activations():
    torch.manual_seed(0)
    front = FrontEnd("vgg16", 64, width=0.25)
    for layer in front.modules():
        if isinstance(layer, nn.Conv2d):
            assert layer.weight.std().item() == pytest.approx((2 / layer.weight[0].numel()) ** 0.5, rel=0.1)
            assert not layer.bias.any()
    with torch.no_grad():
        assert 0.1 < front(images_of(size=(32, 32), dtype=torch.float32)).square().mean().sqrt() < 10


@each("name", ["vgg16", "light"])
@each("batch_norm", [True, False])
def test_batch_norm_follows_every_3x3_convolution_or_none(name, batch_norm):
    layers = list(made(name, batch_norm=batch_norm).features)
    following = [type(after) for layer, after in pairwise(layers) if isinstance(layer, nn.Conv2d)]
    assert following == [nn.BatchNorm2d if batch_norm else nn.ReLU] * {"vgg16": 13, "light": 7}[name]


@each(
    ("images", "message"),
    [
        (torch.zeros(2, 1, 16, 16), r"images must be floats \(B, 3, H, W\) in \[0, 1\], got torch.float32 \(2, 1, 16, 16\)"),
        (torch.zeros(3, 16, 16), r"images must be floats .* got torch.float32 \(3, 16, 16\)"),
        (torch.zeros(2, 3, 16, 16, dtype=torch.uint8), r"images must be floats .* got torch.uint8"),
        (torch.zeros(2, 3, 7, 16), "images of 7 x 16 px are smaller than the network's stride of 8 px"),
        (torch.zeros(2, 3, 16, 7), "images of 16 x 7 px are smaller than the network's stride of 8 px"),
        (torch.zeros(2, 3, 0, 0), "images of 0 x 0 px are smaller"),
    ],
)
def test_images_that_it_can_not_take_are_refused(images, message):
    with pytest.raises(InputError, match=message) as caught:
        made("vgg16", dtype=torch.float32)(images)
    assert "\n" not in str(caught.value)


@each(
    ("given", "message"),
    [
        ({"name": "vgg19"}, "front end 'vgg19' is unknown; there are vgg16, light"),
        ({"name": None}, "front end None is unknown"),
        ({"width": 0}, "width must be a number above 0 and at most 16, got 0"),
        ({"width": 16.5}, "width must be a number above 0 and at most 16, got 16.5"),
        ({"width": float("nan")}, "width must be a number above 0 and at most 16, got nan"),
        ({"width": "1"}, "width must be .* got '1'"),
        ({"width": 0.5, "weights": "any.safetensors"}, "weights of VGG-16 fit width 1, got width 0.5"),
        ({"channels": 0}, "channels must be a whole number of at least 1 that fits 63 bits, got 0"),
        ({"channels": 2.5}, "channels must be"),
    ],
)
def test_bad_input_has_one_clear_line(given, message):
    with pytest.raises(InputError, match=message):
        FrontEnd(**({"name": "light", "channels": 4, "width": 0.0625} | given))
