"""Features of cars before and after attention."""

import torch
from mtattr.attention_branch import AttentionBranchNet, BaselineNet, cars, residual_parts


def parts():
    return residual_parts(4, widths=(4, 4, 8), blocks=1, expansion=1)


def test_neighbours_of_one_kind_agree_wholly_and_mixed_ones_by_their_share():
    features = torch.cat([torch.randn(20, 3), torch.randn(20, 3) + 100])
    kinds = torch.arange(40) // 20
    assert cars.neighbour_agreement(features, kinds, neighbours=5) == 1
    mixed = torch.arange(40) % 2
    assert 0.3 < cars.neighbour_agreement(torch.randn(40, 3), mixed, neighbours=10) < 0.7


def test_an_image_is_not_its_own_neighbour():
    assert cars.neighbour_agreement(torch.tensor([[0.0], [0.1], [5.0], [5.1]]), torch.arange(4), neighbours=1) == 0


def test_features_before_and_after_attention_are_of_the_same_stage():
    torch.manual_seed(0)
    net = AttentionBranchNet(parts(), 4).eval()
    images = torch.randint(256, (5, 3, 16, 16), dtype=torch.uint8)
    before, after = (cars.features_of(net, images, attend=attend) for attend in (False, True))
    assert before.shape == after.shape == (5, 8)
    assert not torch.allclose(before, after)
    extracted = net.extractor(images.float() / 255)
    assert torch.allclose(before, net.perception(extracted).mean((2, 3)), atol=1e-5)
    plain = BaselineNet(parts()).eval()
    assert torch.equal(*(cars.features_of(plain, images, attend=attend) for attend in (False, True)))
