import pytest
from hypothesis import given
from hypothesis import strategies as st
from mtattr.adaptive_sharing.layout import LAYERS, POOLED, VGG16_WIDTHS, thin_widths

from cases import assert_refused

BLOCKS = {"conv1": 2, "conv2": 2, "conv3": 3, "conv4": 3, "conv5": 3}
NAMES = [*(f"{block}_{k + 1}" for block, count in BLOCKS.items() for k in range(count)), "fc6", "fc7"]


def test_the_layers_of_vgg16():
    assert list(LAYERS) == NAMES
    widths = dict(zip(LAYERS, VGG16_WIDTHS, strict=True))
    blocks = {"conv1": 64, "conv2": 128, "conv3": 256, "conv4": 512, "conv5": 512, "fc6": 4096, "fc7": 4096}
    assert widths == {name: blocks[name.partition("_")[0]] for name in NAMES}


def test_a_pooling_follows_every_block():
    assert [LAYERS[layer] for layer in sorted(POOLED)] == ["conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3"]


@pytest.mark.parametrize(
    ("omega", "expected"),
    [
        (1, (1,) * 13 + (2, 2)),
        (32, (32,) * 13 + (64, 64)),
        (64, (64,) * 13 + (128, 128)),
        (200, (64, 64, 128, 128) + (200,) * 9 + (400, 400)),
        (600, (64, 64, 128, 128, 256, 256, 256) + (512,) * 6 + (1200, 1200)),
    ],
)
def test_widths_of_thin_models(omega, expected):
    assert thin_widths(omega) == expected


@given(st.integers(1, 5000), st.lists(st.integers(1, 5000), min_size=15, max_size=15))
def test_a_thin_model_of_any_network_is_never_wider_in_a_convolution(omega, wide):
    widths = thin_widths(omega, wide)
    for layer in range(13):
        assert widths[layer] == (omega if omega < wide[layer] else wide[layer])
    assert widths[13:] == (2 * omega, 2 * omega)


def test_a_bad_omega_is_refused():
    for omega in (0, -1, 2.0, True, "3", None):
        assert_refused("omega must be a whole number of at least 1", thin_widths, omega)
