import copy

import pytest
import torch
from mtattr.attention_branch import AttentionBranch
from mtattr.attention_branch.branch import FORMS
from mtattr.errors import InputError
from mtattr.evaluation import count_parameters
from torch import nn
from torch.nn.functional import conv2d

from cases import each
from reference import batch_norm


def made(form="released", channels=5, classes=4, stage=None):
    torch.manual_seed(0)
    branch = AttentionBranch(nn.Identity() if stage is None else stage, channels, classes, form)
    with torch.no_grad():
        for value in branch.parameters():
            if value.ndim == 1:
                value.add_(0.3 * torch.randn(len(value)))
    return branch.double()


def features_of(channels=5, size=(6, 7)):
    return torch.randn(3, channels, *size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def by_kind(branch):
    """Norms and convolutions of a branch whose stage is the identity, by the shapes of the paper."""
    norms = [module for module in branch.modules() if isinstance(module, nn.BatchNorm2d)]
    convs = [module.weight for module in branch.modules() if isinstance(module, nn.Conv2d)]
    return norms, convs


def head_by_hand(branch, g):
    """h of the released head, the logits and the map."""
    (wide, narrow, *last), (to_classes, *more) = by_kind(branch)
    h, _ = batch_norm(g, wide.weight, wide.bias)
    h, _ = batch_norm(conv2d(h, to_classes), narrow.weight, narrow.bias)
    h = h.clamp(min=0)
    score = next(weight for weight in more if len(weight) == len(to_classes))
    logits = torch.stack([(score[k, :, 0, 0, None, None] * h).sum(1).flatten(1).mean(1) for k in range(len(score))], 1)
    if not last:
        return h, logits, sum((1 + h[:, k : k + 1]).log() for k in range(len(score)))
    to_map = next(weight for weight in more if len(weight) == 1)
    before, _ = batch_norm(conv2d(h, to_map, padding=1), last[0].weight, last[0].bias)
    return h, logits, 1 / (1 + (-before).exp())


@each("form", ["released", "log-sum"])
def test_released_heads_by_hand(form):
    branch, g = made(form), features_of()
    found = branch(g)
    for value, expected in zip((found.responses, found.logits, found.maps), head_by_hand(branch, g), strict=True):
        torch.testing.assert_close(value, expected, rtol=0, atol=1e-12)
    assert found.responses.min() == 0 < found.responses.max()


def test_the_head_of_the_text_by_hand():
    branch, g = made("paper"), features_of()
    norms, (to_classes, to_map) = by_kind(branch)
    assert not norms
    h = conv2d(g, to_classes)
    found = branch(g)
    assert found.responses.min() < 0
    torch.testing.assert_close(found.responses, h, rtol=0, atol=1e-12)
    torch.testing.assert_close(found.logits, h.mean((2, 3)), rtol=0, atol=1e-12)
    torch.testing.assert_close(found.maps, conv2d(h, to_map).sigmoid(), rtol=0, atol=1e-12)
    assert to_map.shape == (1, 4, 1, 1)


def test_the_default_form_is_the_released_one():
    torch.manual_seed(0)
    branch = AttentionBranch(nn.Identity(), 5, 4)
    assert branch.form == "released"
    g = features_of().float()
    torch.testing.assert_close(branch(g).maps, head_by_hand(branch, g)[2])


@each(("form", "low", "high"), [("released", 0, 1), ("paper", 0, 1), ("log-sum", 0, None)])
def test_range_of_the_map(form, low, high):
    branch = made(form)
    maps = branch(20 * features_of()).maps
    assert maps.min() >= low
    if high is not None:
        assert maps.max() <= high
    else:
        with torch.no_grad():
            by_kind(branch)[0][1].weight.mul_(100)
        assert branch(features_of()).maps.max() > 5


@each("form", ["released", "log-sum"])
def test_the_map_comes_from_the_responses_before_the_second_convolution(form):
    branch, g = made(form), features_of()
    before = branch(g)
    with torch.no_grad():
        branch.score.weight.mul_(-3)
    after = branch(g)
    assert torch.equal(after.maps, before.maps)
    torch.testing.assert_close(after.logits, -3 * before.logits)
    # Nor does it learn from the scores: the map has no gradient there.
    assert torch.autograd.grad(after.maps.sum(), branch.score.weight, allow_unused=True, retain_graph=True) == (None,)
    assert torch.autograd.grad(after.logits.sum(), branch.score.weight)[0].abs().min() > 0


@each("form", FORMS)
def test_logits_and_map_both_teach_what_makes_the_responses(form):
    for part in ("logits", "maps"):
        branch = made(form)
        getattr(branch(features_of()), part)[0].square().sum().backward()
        grads = {name: value.grad for name, value in branch.responses.named_parameters()}
        assert all(grad is not None and grad.abs().max() > 0 for grad in grads.values())


@each("form", FORMS)
@each("size", [(1, 1), (2, 5), (14, 21)])
def test_any_size_keeps_its_resolution(form, size):
    found = made(form)(features_of(size=size))
    assert found.maps.shape == (3, 1, *size)
    assert found.responses.shape == (3, 4, *size)
    assert found.logits.shape == (3, 4)


@each(
    ("form", "expected"),
    [("released", 2 * 5 + 5 * 4 + 2 * 4 + 4 * 4 + 9 * 4 + 2), ("paper", 5 * 4 + 4), ("log-sum", 2 * 5 + 5 * 4 + 2 * 4 + 4 * 4)],
)
def test_parameters_of_a_head_whose_convolutions_have_no_bias(form, expected):
    assert count_parameters(made(form)) == expected


def test_the_stage_comes_first():
    stage = nn.Conv2d(2, 5, 3, padding=1).double()
    branch, g = made(stage=stage), features_of(2)
    without = copy.deepcopy(branch)
    without.stage = nn.Identity()
    torch.testing.assert_close(branch(g).maps, without(branch.stage(g)).maps)


def test_one_class_is_enough():
    found = made(classes=1)(features_of())
    assert found.logits.shape == (3, 1)
    assert found.maps.std() > 0.01


@each(
    ("given", "message"),
    [
        ({"form": "other"}, "form 'other' is unknown; there are released, paper, log-sum"),
        ({"form": None}, "form None is unknown"),
        ({"channels": 0}, "channels must be a whole number of at least 1 that fits 63 bits, got 0"),
        ({"num_classes": 0}, "num_classes must be a whole number of at least 1 that fits 63 bits, got 0"),
        ({"num_classes": 2.0}, "num_classes must be"),
    ],
)
def test_bad_input_has_one_clear_line(given, message):
    with pytest.raises(InputError, match=message):
        AttentionBranch(nn.Identity(), **({"channels": 5, "num_classes": 4} | given))
