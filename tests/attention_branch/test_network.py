import copy

import pytest
import torch
from mtattr.attention_branch import (
    AttentionBranchNet,
    AttentionBranchResNet,
    BaselineNet,
    ClassActivationNet,
    apply_attention,
    cifar_resnet,
    densenet,
    imagenet_resnet,
    residual_parts,
    resnext,
    wide_resnet,
)
from mtattr.attention_branch.branch import FORMS
from mtattr.errors import InputError
from mtattr.evaluation import count_parameters

from cases import each

K = 5
NETS = {
    "baseline": lambda parts, **how: BaselineNet(parts, **how),
    "cam": lambda parts, **how: ClassActivationNet(parts, K, **how),
    "abn": lambda parts, **how: AttentionBranchNet(parts, K, **how),
}


def made(kind="abn", *, depth=14, dtype=torch.float64, **how):
    torch.manual_seed(0)
    net = NETS[kind](cifar_resnet(depth, K, widths=(4, 6, 8), blocks=1), **how).to(dtype)
    net.train()(images_of(dtype=dtype))
    return net


def images_of(count=4, size=(16, 16), dtype=torch.float64):
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(1), dtype=dtype)


def basic(depth):
    return residual_parts(100, widths=(16, 32, 64), blocks=(depth - 2) // 6, expansion=1)


@each(
    ("make", "classes", "base", "branch"),
    [
        (lambda k: cifar_resnet(20, k), 100, 278_324, 223_326),
        (lambda k: cifar_resnet(32, k), 100, 472_756, 371_294),
        (lambda k: cifar_resnet(44, k), 100, 707_188, 555_102),
        (lambda k: cifar_resnet(56, k), 100, 892_660, 695_902),
        (lambda k: cifar_resnet(110, k), 100, 1_727_284, 1_329_502),
        (lambda k: basic(44), 100, 667_188, 519_262),
        (lambda k: basic(56), 100, 861_620, 667_230),
        (lambda k: basic(110), 100, 1_736_564, 1_333_086),
        (lambda k: wide_resnet(k, widen=4), 100, 5_872_180, 4_497_502),
        (lambda k: wide_resnet(k), 100, 36_536_884, 27_938_782),
        (lambda k: densenet(k), 100, 800_032, 322_466),
        (lambda k: resnext(k), 100, 34_518_948, 26_362_718),
        (lambda k: cifar_resnet(110, k), 10, 1_704_154, 1_295_572),
        (lambda k: wide_resnet(k, widen=4), 10, 5_849_050, 4_463_572),
        (lambda k: densenet(k), 10, 769_162, 280_796),
        (lambda k: resnext(k), 10, 34_426_698, 26_259_668),
        (lambda k: imagenet_resnet("resnet50", k), 1000, 25_557_032, 18_027_834),
        (lambda k: imagenet_resnet("resnet101", k), 1000, 44_549_160, 18_027_834),
        (lambda k: imagenet_resnet("resnet152", k), 1000, 60_192_808, 18_027_834),
        (lambda k: imagenet_resnet("seresnet152", k), 1000, 66_821_848, 19_598_224),
    ],
)
def test_sizes_of_the_released_networks(make, classes, base, branch):
    # The released SE-ResNet makes its map without weights.
    form = "log-sum" if base == 66_821_848 else "released"
    with torch.device("meta"):
        parts = make(classes)
        baseline, whole = BaselineNet(parts), AttentionBranchNet(parts, classes, form=form)
    assert count_parameters(baseline) == base
    assert count_parameters(whole.branch) == branch
    assert count_parameters(whole) == base + branch


@each("training", [True, False])
@each("residual", [True, False])
@each("form", FORMS)
@each("depth", [14, 44])
def test_the_perception_branch_reads_the_features_that_the_map_has_multiplied(training, residual, form, depth):
    net, images = made(residual=residual, form=form, depth=depth).train(training), images_of()
    parts = copy.deepcopy(net)
    output = net(images)
    g = parts.extractor(images)
    logits, maps, _ = parts.branch(g)
    attended = torch.empty_like(g)
    for n in range(len(g)):
        for c in range(g.shape[1]):
            attended[n, c] = (1 + maps[n, 0]) * g[n, c] if residual else maps[n, 0] * g[n, c]
    features = parts.perception(attended)
    expected = {"attention_logits": logits, "extracted": g, "attended": attended, "features": features}
    assert output.extra.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(output.extra[name], value, rtol=0, atol=1e-12)
    torch.testing.assert_close(output.maps, maps, rtol=0, atol=0)
    torch.testing.assert_close(output.logits, parts.top(features), rtol=0, atol=1e-12)
    assert output.logits.std(0).min() > 1e-4


def test_eq_2_and_the_released_form_are_the_defaults():
    for default, said in (({}, {"residual": True, "form": "released", "attend": True}), ({"residual": False}, {"residual": False})):
        assert torch.equal(made(**default)(images_of()).logits, made(**said)(images_of()).logits)
    assert not torch.equal(made()(images_of()).logits, made(residual=False)(images_of()).logits)


def test_the_baseline_has_no_map_and_its_top_reads_its_last_features():
    net = made("baseline").eval()
    output = net(images_of())
    assert output.maps is None
    features = net.perception(net.extractor(images_of()))
    torch.testing.assert_close(output.extra["features"], features)
    torch.testing.assert_close(output.logits, net.top(features))
    assert features.shape == (4, 8, 4, 4)


def test_the_mean_of_a_class_activation_map_is_its_logit():
    net = made("cam").eval()
    output = net(images_of(size=(16, 12)))
    assert output.maps.shape == (4, K, 8, 6)
    torch.testing.assert_close(output.logits, output.maps.mean((2, 3)))
    # A linear map of the last features at every position, with a bias.
    weight, bias = net.to_classes.weight[:, :, 0, 0], net.to_classes.bias
    assert output.extra["features"].shape == (4, 8, 8, 6)
    expected = torch.einsum("kc,bchw->bkhw", weight, output.extra["features"]) + bias[:, None, None]
    torch.testing.assert_close(output.maps, expected)
    torch.testing.assert_close(output.extra["features"], net.stage(net.extractor(images_of(size=(16, 12)))))


def test_the_baseline_and_the_attention_branch_share_their_parts():
    base, abn = ({name for name, _ in made(kind).named_parameters()} for kind in ("baseline", "abn"))
    assert base < abn
    assert all(name.startswith("branch.") for name in abn - base)


def gradients(net, loss):
    net.zero_grad()
    loss.backward()
    return {name for name, value in net.named_parameters() if value.grad is not None and value.grad.abs().max() > 0}


@each("residual", [True, False])
@each("form", FORMS)
def test_no_gradient_is_stopped(residual, form):
    net = made(residual=residual, form=form)
    everything = {name for name, _ in net.named_parameters()}
    # Through the map the perception branch teaches all of the attention branch that the map comes from.
    scores = {name for name in everything if name.startswith("branch.score")}
    assert gradients(net, net(images_of()).logits.square().sum()) == everything - scores
    # The attention branch's own loss teaches it and the extractor, not what comes after the map.
    after = {name for name in everything if name.startswith(("perception.", "top.", "branch.to_map"))}
    assert gradients(net, net(images_of()).extra["attention_logits"].square().sum()) == everything - after


@each("form", FORMS)
def test_unattended_the_map_changes_nothing(form):
    net = made(attend=False, form=form).eval()
    before = net(images_of())
    assert torch.equal(before.extra["attended"], before.extra["extracted"])
    with torch.no_grad():
        for value in net.branch.parameters():
            value.add_(0.5)
    after = net(images_of())
    assert torch.equal(after.logits, before.logits)
    assert not torch.equal(after.maps, before.maps)
    assert not torch.equal(after.extra["attention_logits"], before.extra["attention_logits"])
    names = gradients(net, after.logits.square().sum())
    assert not any(name.startswith("branch.") for name in names)
    # Its extra loss still teaches the extractor.
    assert any(name.startswith("extractor.") for name in gradients(net, net(images_of()).extra["attention_logits"].sum()))


def test_unattended_answers_are_those_of_the_baseline():
    net, baseline = made(attend=False).eval(), made("baseline").eval()
    baseline.load_state_dict({name: net.state_dict()[name] for name in baseline.state_dict()})
    assert torch.equal(net(images_of()).logits, baseline(images_of()).logits)
    assert count_parameters(net) == count_parameters(made())


@each(("size", "maps"), [((32, 32), (16, 16)), ((4, 4), (2, 2)), ((5, 30), (3, 15)), ((48, 33), (24, 17)), ((224, 323), (112, 162))])
@each("kind", ["cam", "abn"])
def test_images_of_any_size_have_a_map_of_half_their_side(size, maps, kind):
    net = made(kind).eval()
    with torch.no_grad():
        output = net(images_of(1, size))
    assert output.maps.shape == (1, {"cam": K, "abn": 1}[kind], *maps)
    assert output.logits.shape == (1, K)


@each("name", ["resnet18", "resnet50"])
@each(("size", "maps"), [((224, 224), (14, 14)), ((224, 323), (14, 21))])
def test_photographs_have_a_map_of_a_sixteenth_of_their_side(name, size, maps):
    with torch.device("meta"):
        net = AttentionBranchNet(imagenet_resnet(name, 7), 7)
        output = net(torch.empty(2, 3, *size))
    assert output.maps.shape == (2, 1, *maps)
    assert output.logits.shape == output.extra["attention_logits"].shape == (2, 7)


@each("kind", NETS)
def test_images_do_not_influence_each_other_in_evaluation_mode(kind):
    net, images = made(kind).eval(), images_of()
    whole = net(images)
    for n in range(len(images)):
        alone = net(images[n : n + 1])
        torch.testing.assert_close(alone.logits, whole.logits[n : n + 1], rtol=0, atol=1e-12)
        if whole.maps is not None:
            torch.testing.assert_close(alone.maps, whole.maps[n : n + 1], rtol=0, atol=1e-12)


@each("form", FORMS)
def test_maps_and_answers_are_restored_from_the_state(form):
    net, other = made(form=form).eval(), AttentionBranchNet(cifar_resnet(14, K, widths=(4, 6, 8), blocks=1), K, form=form).double().eval()
    assert not torch.equal(other(images_of()).maps, net(images_of()).maps)
    other.load_state_dict(net.state_dict())
    for found, expected in zip(other(images_of())[:2], net(images_of())[:2], strict=True):
        assert torch.equal(found, expected)


@each("training", [True, False])
@each("kind", NETS)
def test_works_under_bfloat16(kind, training):
    net, images = made(kind, dtype=torch.float32).train(training), images_of(dtype=torch.float32)
    exact = copy.deepcopy(net)(images)
    with torch.autocast("cpu", torch.bfloat16):
        output = net(images)
        loss = output.logits.float().square().sum()
    loss.backward()
    torch.testing.assert_close(output.logits.float(), exact.logits, rtol=0.05, atol=0.05)
    if exact.maps is not None:
        torch.testing.assert_close(output.maps.float(), exact.maps, rtol=0.05, atol=0.05)
    assert all(value.grad.isfinite().all() for value in net.parameters() if value.grad is not None)


@each("kind", NETS)
@each(
    ("images", "message"),
    [
        (torch.zeros(2, 1, 16, 16), "images must be floats"),
        (torch.zeros(3, 16, 16), "images must be floats"),
        (torch.zeros(2, 3, 16, 16, dtype=torch.uint8), "images must be floats"),
        (torch.zeros(2, 3, 3, 16), "images of 3 x 16 px are smaller than the network's stride of 4 px"),
        (torch.zeros(1, 3, 4, 4), "one image of 4 x 4 px leaves one value per channel"),
    ],
)
def test_images_that_would_be_misread_are_refused(kind, images, message):
    with pytest.raises(InputError, match=message) as caught:
        made(kind, dtype=torch.float32)(images)
    assert "\n" not in str(caught.value)


@each("kind", NETS)
def test_one_image_is_enough_in_evaluation_mode(kind):
    assert made(kind).eval()(images_of(1, (4, 4))).logits.shape == (1, K)


def test_the_residual_network_of_the_chapter_is_made_of_the_same_parts():
    how = {"residual": False, "form": "paper", "attend": True}
    torch.manual_seed(3)
    short = AttentionBranchResNet(20, K, widths=(4, 6, 8), blocks=1, std=(1, 1, 1), **how)
    torch.manual_seed(3)
    long = AttentionBranchNet(cifar_resnet(20, K, widths=(4, 6, 8), blocks=1, std=(1, 1, 1)), K, **how)
    images = images_of(dtype=torch.float32)
    assert torch.equal(short(images).logits, long(images).logits)
    assert isinstance(short, AttentionBranchNet)
    with torch.device("meta"):
        assert count_parameters(AttentionBranchResNet(110, 100)) == 3_056_786
    assert not AttentionBranchResNet(20, K, widths=(4, 6, 8), attend=False).attend


def test_attention_is_the_mechanism_of_its_equation():
    net = made().eval()
    output = net(images_of())
    torch.testing.assert_close(output.extra["attended"], apply_attention(output.extra["extracted"], output.maps))
