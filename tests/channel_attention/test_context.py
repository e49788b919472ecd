import pytest
import torch
from mtattr.channel_attention.context import DILATIONS, ContextModule, fitting_dilations, identity_
from mtattr.errors import InputError
from mtattr.evaluation import count_parameters
from torch import nn

from cases import each
from reference import context_of


def features_of(channels=4, size=(9, 7), count=2):
    return torch.rand(count, channels, *size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def noisy(channels=4, dilations=DILATIONS):
    """A module whose weights and biases are all random."""
    torch.manual_seed(0)
    module = ContextModule(channels, dilations, noise=0.2)
    with torch.no_grad():
        for name, value in module.named_parameters():
            if name.endswith("bias"):
                value.copy_(0.1 * torch.randn(len(value)))
        module.layers[-1].bias.sub_(1)
    return module.double()


def convolutions(module):
    return [layer for layer in module.layers if isinstance(layer, nn.Conv2d)]


def test_the_published_list_of_dilations():
    assert DILATIONS == (1, 1, 2, 4, 8, 16, 1)
    with torch.device("meta"):
        convs = convolutions(ContextModule())
    assert [conv.dilation for conv in convs] == [(d, d) for d in (1, 1, 2, 4, 8, 16, 1, 1)]
    assert [conv.padding for conv in convs] == [(d, d) for d in (1, 1, 2, 4, 8, 16, 1, 0)]
    assert [conv.kernel_size for conv in convs] == [(3, 3)] * 7 + [(1, 1)]


def test_size_of_the_published_module():
    with torch.device("meta"):
        assert count_parameters(ContextModule(128)) == 1_049_600
        assert count_parameters(ContextModule(5, (1, 2))) == 2 * (9 * 25 + 5) + 25 + 5


@each("dilations", [DILATIONS, (3,), (2, 5), ()])
@each("size", [(9, 7), (1, 1), (1, 20)])
def test_features_by_slow_dilated_convolutions(dilations, size):
    module, features = noisy(dilations=dilations), features_of(size=size)
    expected = context_of(module.state_dict(), features, dilations)
    assert expected.min() < 0
    found = module(features)
    assert found.shape == features.shape
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@each("layers", range(8))
def test_receptive_fields_double_and_then_end(layers):
    module = ContextModule(1, DILATIONS[:layers], noise=0).double()
    with torch.no_grad():
        for value in module.parameters():
            value.fill_(0.1)
    features = features_of(1, (71, 71), 1).requires_grad_()
    (gradient,) = torch.autograd.grad(module(features)[0, 0, 35, 35], features)
    side = (1, 3, 5, 9, 17, 33, 65, 67)[layers]
    seen, expected = gradient[0, 0] != 0, torch.zeros(71, 71, dtype=torch.bool)
    expected[35 - side // 2 : 36 + side // 2, 35 - side // 2 : 36 + side // 2] = True
    assert torch.equal(seen, expected)


def test_without_noise_features_of_at_least_0_pass_unchanged():
    features = features_of().float()
    features[0, 0, 2] = 0
    assert torch.equal(ContextModule(4, noise=0)(features), features)
    # Less than 0 does not come through the ReLU.
    assert torch.equal(ContextModule(4, noise=0)(-features), torch.zeros_like(features))


def test_the_usual_noise_leaves_features_near():
    torch.manual_seed(0)
    features = features_of(8, (16, 16)).float()
    change = (ContextModule(8)(features) - features).detach()
    assert 0 < change.square().mean().sqrt() < 0.2
    assert torch.corrcoef(torch.stack([(change + features).flatten(), features.flatten()]))[0, 1] > 0.95


@each("kernel", [1, 3])
@each("noise", [0, 0.01, 0.5])
def test_identity_is_1_at_the_centre_and_noise_elsewhere(kernel, noise):
    torch.manual_seed(0)
    conv = nn.Conv2d(32, 32, kernel)
    identity_(conv, noise=noise)
    centre = conv.weight[:, :, kernel // 2, kernel // 2]
    assert torch.equal(centre.diagonal(), torch.ones(32))
    rest = torch.ones_like(conv.weight, dtype=torch.bool)
    rest[range(32), range(32), kernel // 2, kernel // 2] = False
    assert conv.weight[rest].std().item() == pytest.approx(noise, rel=0.1)
    assert conv.weight[rest].mean().item() == pytest.approx(0, abs=0.1 * noise)
    assert not conv.bias.any()


def test_the_noise_of_the_module_is_that_of_every_layer():
    torch.manual_seed(0)
    for module, noise in ((ContextModule(32), 0.01), (ContextModule(32, noise=0.1), 0.1)):
        for conv in convolutions(module):
            off = conv.weight[~torch.eye(32, dtype=torch.bool)]
            assert off.std().item() == pytest.approx(noise, rel=0.1)
            assert not conv.bias.any()


@each(
    ("side", "expected"),
    [
        (1, (1, 1, 1, 1, 1, 1, 1)),
        (2, (1, 1, 1, 1, 1, 1, 1)),
        (3, (1, 1, 2, 2, 2, 2, 1)),
        (4, (1, 1, 2, 2, 2, 2, 1)),
        (8, (1, 1, 2, 4, 4, 4, 1)),
        (12, (1, 1, 2, 4, 8, 8, 1)),
        (16, (1, 1, 2, 4, 8, 8, 1)),
        (17, (1, 1, 2, 4, 8, 16, 1)),
        (28, (1, 1, 2, 4, 8, 16, 1)),
        (32, (1, 1, 2, 4, 8, 16, 1)),
    ],
)
def test_dilations_that_fit_a_map_by_hand(side, expected):
    assert fitting_dilations(side) == expected


def test_dilations_that_fit_stay_and_the_list_may_be_another():
    assert fitting_dilations(10, (3, 9, 10, 64)) == (3, 9, 8, 8)
    assert fitting_dilations(5, ()) == ()


@each("side", [1, 2, 3, 4, 5])
@each("dilation", [1, 2, 3, 4, 5, 8])
def test_taps_beyond_the_map_see_padding_alone(side, dilation):
    module, features = noisy(dilations=(dilation,)), features_of(size=(side, side))
    before = module(features)
    with torch.no_grad():
        weight = module.layers[0].weight
        centre = weight[:, :, 1, 1].clone()
        weight.mul_(3)
        weight[:, :, 1, 1] = centre
    assert torch.equal(module(features), before) == (dilation >= side)


@each(
    ("call", "message"),
    [
        (lambda: ContextModule(0), "channels must be a whole number of at least 1 that fits 63 bits, got 0"),
        (lambda: ContextModule(4, (1, 0)), "dilation must be a whole number of at least 1 that fits 63 bits, got 0"),
        (lambda: ContextModule(4, (1.5,)), "dilation must be a whole number"),
        (lambda: ContextModule(4, noise=-0.01), "noise must be a number of at least 0, got -0.01"),
        (lambda: ContextModule(4, noise=float("nan")), "noise must be a number of at least 0, got nan"),
        (lambda: ContextModule(4, noise=float("inf")), "noise must be a number of at least 0, got inf"),
        (lambda: identity_(nn.Conv2d(2, 2, 3), noise=-1), "noise must be a number of at least 0, got -1"),
        (lambda: fitting_dilations(0), "side of the map must be a whole number of at least 1 that fits 63 bits, got 0"),
        (lambda: fitting_dilations(2.5), "side of the map must be a whole number"),
    ],
)
def test_bad_input_has_one_clear_line(call, message):
    with pytest.raises(InputError, match=message):
        call()


@each("noise", ["0.01", None])
def test_a_noise_that_is_no_number_has_one_clear_line(noise):
    with pytest.raises(InputError, match="noise must be a number of at least 0"):
        ContextModule(4, noise=noise)
