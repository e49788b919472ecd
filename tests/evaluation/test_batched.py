import pytest
import torch
from mtattr.data.batches import take
from mtattr.evaluation import batched
from torch import nn


@pytest.fixture
def net():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).train()
    net[1].eval()
    return net


@pytest.fixture
def images():
    return torch.randint(0, 256, (10, 3, 6, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_it_is_the_plain_loop_bit_by_bit(net, images):
    found = batched(net, images, lambda x, _: net(x), batch_size=4)
    net.eval()
    with torch.no_grad():
        expected = torch.cat([net(take(images, rows)) for rows in torch.arange(10).split(4)])
    assert torch.equal(found, expected)


def test_every_module_gets_its_mode_back_also_after_a_failure(net, images):
    before = [module.training for module in net.modules()]
    seen = []
    batched(net, images, lambda x, _: seen.append([module.training for module in net.modules()]) or net(x))
    assert seen == [[False] * len(before)]
    assert [module.training for module in net.modules()] == before
    with pytest.raises(ZeroDivisionError):
        batched(net, images, lambda x, _: 1 / 0)
    assert [module.training for module in net.modules()] == before


def test_rows_are_taken_in_their_order_and_tuples_are_joined(net, images):
    rows = torch.tensor([7, 1, 1, 4, 9])
    means, numbers = batched(net, images, lambda x, part: (x.double().mean((1, 2, 3)), part), rows=rows, batch_size=2)
    assert torch.equal(numbers, rows.float())
    assert means.dtype == torch.float32
    torch.testing.assert_close(means, images[rows].float().mean((1, 2, 3)) / 255)


def test_no_graph_is_kept_unless_asked_for_and_none_comes_out(net, images):
    graphs = []

    def with_gradients(x, _):
        graphs.append(net(x).requires_grad)
        with torch.enable_grad():
            output = net(x.requires_grad_())
        graphs.append(output.requires_grad)
        return output

    assert not batched(net, images, with_gradients).requires_grad
    assert graphs == [False, True]


def test_no_images_give_an_empty_answer(net, images):
    assert batched(net, images[:0], lambda x, _: net(x)).shape == (0, 4)
