import pytest
import torch
from mtattr.channel_attention.reconstructor import UPSAMPLINGS, Reconstructor
from mtattr.errors import InputError
from mtattr.evaluation import count_parameters
from torch import nn

from cases import each
from reference import reconstruction_of


def made(channels=8, stride=4, upsampling="nearest"):
    torch.manual_seed(0)
    return Reconstructor(channels, stride, upsampling=upsampling).double()


def features_of(channels=8, size=(3, 2)):
    return torch.randn(2, channels, *size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@each(("stride", "expected"), [(8, 97_315), (4, 93_123), (1, 9 * 128 * 3 + 3)])
def test_sizes_at_128_channels(stride, expected):
    with torch.device("meta"):
        assert count_parameters(Reconstructor(128, stride)) == expected


def test_size_with_transposed_convolutions():
    with torch.device("meta"):
        expected = 16 * (128 * 64 + 64 * 32 + 32 * 16) + 64 + 32 + 16 + 9 * 16 * 3 + 3
        assert count_parameters(Reconstructor(upsampling="transposed")) == expected


@each("upsampling", UPSAMPLINGS)
@each(("stride", "doublings"), [(1, 0), (2, 1), (4, 2), (8, 3)])
@each("channels", [8, 3, 1])
def test_images_by_slow_doublings(upsampling, stride, doublings, channels):
    reconstructor, features = made(channels, stride, upsampling), features_of(channels)
    expected = reconstruction_of(reconstructor.state_dict(), features, doublings, upsampling)
    found = reconstructor(features)
    assert found.shape == (2, 3, 3 * stride, 2 * stride)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@each("upsampling", UPSAMPLINGS)
def test_colours_are_in_0_to_1(upsampling):
    found = made(upsampling=upsampling)(50 * features_of())
    assert 0 <= found.min() < 0.4
    assert 0.6 < found.max() <= 1


@each("upsampling", UPSAMPLINGS)
def test_widths_halve_with_every_doubling(upsampling):
    layers = [layer for layer in made(16, 8, upsampling).layers if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    assert [(layer.in_channels, layer.out_channels) for layer in layers] == [(16, 8), (8, 4), (4, 2), (2, 3)]


@each("stride", [1, 4])
@each("upsampling", UPSAMPLINGS)
def test_features_are_left_alone(upsampling, stride):
    features = features_of()
    made(stride=stride, upsampling=upsampling)(features)
    assert torch.equal(features, features_of())


@each(
    ("how", "message"),
    [
        ({"stride": 6}, "stride must be a power of two, got 6"),
        ({"stride": 0}, "stride must be a power of two, got 0"),
        ({"stride": 2.5}, "stride must be a power of two, got 2.5"),
        ({"upsampling": "bilinear"}, "upsampling 'bilinear' is unknown; there are nearest, transposed"),
    ],
)
def test_bad_input_has_one_clear_line(how, message):
    with pytest.raises(InputError, match=message):
        Reconstructor(8, **how)


@each("how", [{"channels": 0}, {"channels": -1}, {"channels": 8.0}, {"stride": "8"}, {"stride": float("inf")}])
def test_channels_and_strides_that_are_no_whole_numbers_have_one_clear_line(how):
    with pytest.raises(InputError, match=r"(channels|stride) must be"):
        Reconstructor(**({"channels": 8} | how))
