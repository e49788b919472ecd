import pytest
import torch
from mtattr.attention_branch import apply_attention
from mtattr.errors import InputError

from cases import each

FEATURES = torch.tensor([[[[1.0, -2.0], [3.0, 4.0]], [[10.0, 20.0], [-30.0, 0.0]]]])
MAP = torch.tensor([[[[0.5, 0.0], [1.0, -2.0]]]])


def test_eq_1_by_hand():
    expected = torch.tensor([[[[0.5, 0.0], [3.0, -8.0]], [[5.0, 0.0], [-30.0, 0.0]]]])
    assert torch.equal(apply_attention(FEATURES, MAP, residual=False), expected)


def test_eq_2_by_hand_and_by_default():
    expected = torch.tensor([[[[1.5, -2.0], [6.0, -4.0]], [[15.0, 20.0], [-60.0, 0.0]]]])
    assert torch.equal(apply_attention(FEATURES, MAP), expected)
    assert torch.equal(apply_attention(FEATURES, MAP, residual=True), expected)


def test_eq_4_by_hand_is_eq_1_for_the_map_of_each_task():
    maps = torch.tensor([[[[0.5, 0.0], [1.0, -2.0]], [[0.0, 1.0], [0.0, 0.5]]]])
    second = torch.tensor([[[[0.0, -2.0], [0.0, 2.0]], [[0.0, 20.0], [0.0, 0.0]]]])
    assert torch.equal(apply_attention(FEATURES, maps[:, 0:1], residual=False), apply_attention(FEATURES, MAP, residual=False))
    assert torch.equal(apply_attention(FEATURES, maps[:, 1:2], residual=False), second)


@each(("residual", "expected"), [(True, 2.0), (False, 1.0)])
def test_a_map_of_ones_doubles_or_keeps_and_one_of_zeros_keeps_or_removes(residual, expected):
    ones, zeros = torch.ones_like(MAP), torch.zeros_like(MAP)
    assert torch.equal(apply_attention(FEATURES, ones, residual), expected * FEATURES)
    assert torch.equal(apply_attention(FEATURES, zeros, residual), (expected - 1) * FEATURES)


@each("residual", [True, False])
def test_images_have_maps_of_their_own(residual):
    generator = torch.Generator().manual_seed(0)
    features, maps = torch.randn(3, 4, 5, 6, generator=generator), torch.randn(3, 1, 5, 6, generator=generator)
    together = apply_attention(features, maps, residual)
    for n in range(3):
        assert torch.equal(together[n : n + 1], apply_attention(features[n : n + 1], maps[n : n + 1], residual))


@each("residual", [True, False])
def test_a_nan_stays_at_its_position(residual):
    maps = MAP.clone()
    maps[0, 0, 1, 0] = torch.nan
    attended = apply_attention(FEATURES, maps, residual)
    assert attended.isnan().nonzero().tolist() == [[0, 0, 1, 0], [0, 1, 1, 0]]


@each("residual", [True, False])
def test_features_and_maps_are_left_alone_and_both_get_gradients(residual):
    features, maps = FEATURES.clone().requires_grad_(), MAP.clone().requires_grad_()
    apply_attention(features, maps, residual).sum().backward()
    assert torch.equal(features.detach(), FEATURES)
    assert torch.equal(features.grad, (MAP + 1 if residual else MAP).expand_as(FEATURES))
    assert torch.equal(maps.grad, FEATURES.sum(1, keepdim=True))


@each(
    ("features", "maps"),
    [
        ((2, 3, 4, 4), (2, 1, 2, 2)),
        ((2, 3, 4, 4), (2, 1, 4, 5)),
        ((2, 3, 4, 4), (2, 3, 4, 4)),
        ((2, 3, 4, 4), (1, 1, 4, 4)),
        ((2, 3, 4, 4), (2, 1, 1, 1)),
        ((2, 3, 4, 4), (2, 4, 4)),
        ((3, 4, 4), (3, 1, 4)),
    ],
)
def test_maps_that_would_be_stretched_in_silence_are_refused(features, maps):
    with pytest.raises(InputError, match=r"expected features \(B, C, h, w\) and maps \(B, 1, h, w\), got"):
        apply_attention(torch.zeros(features), torch.zeros(maps))
