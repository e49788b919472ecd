import pytest
import torch
from mtattr.errors import InputError
from mtattr.nets import BACKBONES, build_backbone
from safetensors.torch import save_file

from cases import each

SMALL = [name for name in BACKBONES if name.startswith("small_")]
WIDTHS = {"inception_v3": 2048, "inception_resnet_v2": 1536, "xception": 2048, "resnet50": 2048}


@each("name", SMALL)
@each(("size", "stem_stride", "side"), [(64, 2, 8), (48, 2, 6), (16, 1, 4)])
def test_small_backbone_halves_the_map_after_each_stage(name, size, stem_stride, side):
    net = build_backbone(name, stem_stride=stem_stride).eval()
    assert net(torch.rand(2, 3, size, size)).shape == (2, net.num_features, side, side)


@each(("name", "width"), WIDTHS.items())
def test_published_backbone_has_the_published_width(name, width):
    net = build_backbone(name).eval()
    assert net.num_features == width
    with torch.no_grad():
        assert net(torch.rand(1, 3, 96, 96)).shape[1] == width


@each("name", ["small_inception", "inception_v3", "small_resnet", "resnet50"])
def test_tap_hands_on_an_earlier_map(name):
    deep, early = build_backbone(name).eval(), build_backbone(name, tap=1).eval()
    images = torch.rand(1, 3, 96, 96)
    with torch.no_grad():
        assert early(images).shape[-1] > deep(images).shape[-1]
        assert early(images).shape[1] == early.num_features


def test_input_statistics_are_applied():
    net = build_backbone("small_inception").eval()
    images = torch.rand(1, 3, 32, 32)
    assert torch.allclose(net(images), net.trunk((images - net.mean) / net.std))


def test_weights_come_back_and_a_classifier_is_ignored(tmp_path):
    one, path = build_backbone("small_xception"), tmp_path / "weights.safetensors"
    save_file({**one.trunk.state_dict(), "fc.weight": torch.zeros(3, 3)}, path)
    other = build_backbone("small_xception", weights=path)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_weights_that_do_not_fit_are_named(tmp_path):
    path = tmp_path / "weights.safetensors"
    with pytest.raises(InputError, match=r"weights\.safetensors: no such file"):
        build_backbone("small_xception", weights=path)
    path.write_bytes(b"<html>quota exceeded</html>")
    with pytest.raises(InputError, match="not a whole safetensors file"):
        build_backbone("small_xception", weights=path)
    save_file({"stem.0.weight": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="missing"):
        build_backbone("small_xception", weights=path)
    state = build_backbone("small_xception").trunk.state_dict()
    save_file({**state, "stem.0.weight": torch.zeros(1)}, path)
    with pytest.raises(InputError, match=r"stem\.0\.weight.*has shape \(1,\)"):
        build_backbone("small_xception", weights=path)


@each("name", SMALL)
def test_widths_of_a_small_backbone_can_be_chosen(name):
    assert build_backbone(name, widths=(8, 16, 24)).num_features == 24
    assert build_backbone(name, widths=(8, 16, 24), tap=1).num_features == 16


@each(("name", "widths"), [("resnet50", (8, 16, 32)), ("small_resnet", (8, 16)), ("small_resnet", (8, 0, 32))])
def test_widths_that_do_not_fit_are_refused(name, widths):
    with pytest.raises(InputError, match="widths must be"):
        build_backbone(name, widths=widths)


def test_unknown_name_lists_the_known():
    with pytest.raises(InputError, match="small_inception"):
        build_backbone("vgg99")


@each("tap", [3, -4, 99, 1.0, "0", None, True])
def test_a_stage_that_is_not_there_is_refused(tap):
    with pytest.raises(InputError, match="tap must be"):
        build_backbone("small_xception", tap=tap)


@each("images", [torch.rand(2, 1, 16, 16), torch.rand(3, 16, 16), torch.zeros(2, 3, 16, 16, dtype=torch.uint8)])
def test_images_that_would_be_broadcast_or_misread_are_refused(images):
    with pytest.raises(InputError, match="images must be"):
        build_backbone("small_inception")(images)
