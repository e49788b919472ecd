import torch

from mtattr.nets import MultiTaskNet, build_backbone


def test_the_head_is_a_linear_map_of_the_average_feature():
    torch.manual_seed(0)
    net = MultiTaskNet(build_backbone("small_xception"), 7).eval()
    output = net(torch.rand(2, 3, 32, 24))
    features = output.extra["features"]
    by_hand = torch.stack([features[i].flatten(1).sum(1) / features[0, 0].numel() for i in range(2)])
    assert output.logits.shape == (2, 7)
    assert torch.allclose(output.logits, by_hand @ net.head.weight.T + net.head.bias, atol=1e-5)
    assert output.maps is None
