import pytest
import torch
from mtattr.errors import InputError
from mtattr.nets import MultiTaskNet, build_backbone

from cases import each


def test_the_head_is_a_linear_map_of_the_average_feature():
    torch.manual_seed(0)
    net = MultiTaskNet(build_backbone("small_xception"), 7).eval()
    output = net(torch.rand(2, 3, 32, 24))
    features = output.extra["features"]
    by_hand = torch.stack([features[i].flatten(1).sum(1) / features[0, 0].numel() for i in range(2)])
    assert output.logits.shape == (2, 7)
    assert torch.allclose(output.logits, by_hand @ net.head.weight.T + net.head.bias, atol=1e-5)
    assert output.maps is None


def test_dropout_falls_on_the_averaged_features_in_training_alone():
    torch.manual_seed(0)
    backbone = build_backbone("small_resnet").eval()
    net, images = MultiTaskNet(backbone, 2000, dropout=0.5), torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        net.head.weight.zero_()
        net.head.weight[:64] = torch.eye(64)
        net.head.bias.zero_()
        pooled = backbone(images).mean((2, 3))[0]
        net.dropout.train()
        dropped = net(images).logits[0, :64]
        kept = dropped != 0
        assert 10 < kept.sum() < 54
        torch.testing.assert_close(dropped[kept], 2 * pooled[kept])
        torch.testing.assert_close(net.eval()(images).logits[0, :64], pooled)


@each("dropout", [-0.1, 1.0])
def test_dropout_out_of_range_is_refused(dropout):
    with pytest.raises(InputError, match="dropout"):
        MultiTaskNet(build_backbone("small_resnet"), 2, dropout)


def test_a_grid_gives_the_head_the_mean_of_every_cell():
    torch.manual_seed(0)
    net = MultiTaskNet(build_backbone("small_resnet"), 3, grid=2).eval()
    output = net(torch.rand(2, 3, 32, 32))
    maps = output.extra["features"]
    cells = [maps[:, :, i : i + 2, j : j + 2].mean((2, 3)) for i in (0, 2) for j in (0, 2)]
    weight = net.head.weight.view(3, -1, 4)
    by_hand = sum(cell @ weight[:, :, k].T for k, cell in enumerate(cells)) + net.head.bias
    torch.testing.assert_close(output.logits, by_hand)
