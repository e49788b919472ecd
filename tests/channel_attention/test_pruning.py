import math

import pytest
import torch
from mtattr.channel_attention import ChannelAttentionNet, channel_contributions, channel_scores, kept_channels, mask_means, pruned_logits
from mtattr.channel_attention.pruning import ORDERS
from mtattr.errors import InputError

from cases import each

N, K, C = 6, 3, 5


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def measured():
    """Logits, biases, mean masks and contributions of a small network."""
    torch.manual_seed(0)
    net = ChannelAttentionNet(K, C, front_end="light", width=0.0625, image_size=16).eval()
    images = torch.randint(0, 256, (N, 3, 16, 16), dtype=torch.uint8)
    with torch.no_grad():
        logits = net(images / 255).logits
    return logits, net.classifiers.bias.detach(), mask_means(net, images), channel_contributions(net, images)


@each("order", ORDERS)
def test_all_channels_kept_are_the_logits_and_none_a_constant(measured, order):
    logits, bias, means, contributions = measured
    score, fill = channel_scores(means, contributions, order), contributions.mean(0)
    found = pruned_logits(contributions, kept_channels(score, C), fill)
    torch.testing.assert_close(found + bias, logits, rtol=0, atol=1e-5)
    found = pruned_logits(contributions, kept_channels(score, 0), fill) + bias
    torch.testing.assert_close(found, logits.mean(0).expand(N, K), rtol=0, atol=1e-5)


def test_what_is_not_kept_stands_at_its_fill_by_a_slow_loop():
    contributions, fill, keep = random(N, K, C), random(K, C, seed=1), random(K, C, seed=2) > 0
    found = pruned_logits(contributions, keep, fill)
    assert found.shape == (N, K)
    for n in range(N):
        for k in range(K):
            expected = sum((contributions[n, k, c] if keep[k, c] else fill[k, c]).item() for c in range(C))
            assert found[n, k].item() == pytest.approx(expected, abs=1e-5)


def test_the_highest_are_kept_and_of_equal_ones_the_first():
    score = torch.tensor([[0.5, 0.9, 0.5, -1.0], [0.0, 0.0, 0.0, 0.0]])
    assert kept_channels(score, 1).tolist() == [[False, True, False, False], [True, False, False, False]]
    assert kept_channels(score, 2).tolist() == [[True, True, False, False], [True, True, False, False]]
    assert not kept_channels(score, 0).any()
    assert kept_channels(score, 4).all()
    assert kept_channels(score, 4).dtype == torch.bool
    assert kept_channels(torch.zeros(1, 300), 7).nonzero()[:, 1].tolist() == list(range(7))


def test_scores_by_hand():
    means = torch.tensor([[[0.2, 0.4]], [[0.4, 0.8]]])
    contributions = torch.tensor([[[1.0, -5.0]], [[3.0, -5.0]]])
    torch.testing.assert_close(channel_scores(means, contributions, "mask"), torch.tensor([[0.3, 0.6]]))
    torch.testing.assert_close(channel_scores(means, contributions, "contribution"), torch.tensor([[math.sqrt(2), 0.0]]))


def test_a_single_mask_has_no_order_of_channels():
    found = channel_scores(random(N, K, 1).abs(), random(N, K, C), "mask")
    assert found.shape == (K, C)
    assert (found == found[:, :1]).all()


def test_random_scores_are_those_of_their_seed_alone():
    first, second = (channel_scores(random(N, K, C, seed=seed), random(N, K, C, seed=seed + 1), "random", seed=7) for seed in (0, 5))
    assert torch.equal(first, second)
    assert first.shape == (K, C)
    assert not torch.equal(first, channel_scores(first[None], first[None], "random", seed=8))
    assert torch.equal(channel_scores(first[None], first[None], "random"), channel_scores(first[None], first[None], "random", seed=0))
    # Of every attribute another one.
    assert not torch.equal(first[0], first[1])


def test_random_scores_leave_the_random_numbers_of_others():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    channel_scores(random(N, K, C), random(N, K, C), "random")
    assert torch.equal(torch.rand(1), expected)


@each("order", ["masks", "", None])
def test_other_orders_are_refused(order):
    with pytest.raises(InputError, match=f"order {order!r} is unknown; there are mask, contribution, random"):
        channel_scores(random(N, K, C), random(N, K, C), order)


@each("count", [-1, C + 1])
def test_more_channels_than_there_are_can_not_be_kept(count):
    with pytest.raises(InputError, match=f"expected to keep 0 to {C} channels, got {count}"):
        kept_channels(random(K, C), count)


@each(("keep", "fill"), [((K, C - 1), (K, C - 1)), ((K, C), (C,)), ((K, C), (K, 1)), ((N, K, C), (N, K, C))])
def test_sizes_that_disagree_are_refused(keep, fill):
    with pytest.raises(InputError, match=rf"expected keep and fill \({K}, {C}\), got"):
        pruned_logits(random(N, K, C), torch.ones(keep, dtype=torch.bool), torch.zeros(fill))
