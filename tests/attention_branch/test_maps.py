import copy

import pytest
import torch
from captum.attr import LayerGradCam
from mtattr.attention_branch import (
    AttentionBranchNet,
    BaselineNet,
    ClassActivationNet,
    MultitaskAttentionBranchNet,
    cifar_resnet,
    explanation_maps,
    methods_of,
    residual_parts,
    vgg16,
)
from mtattr.errors import InputError
from mtattr.evaluation import grad_cam
from torch import nn

from cases import each

K = 4
CLASSES = torch.tensor([2.0, 0.0, 3.0, 2.0, 1.0])
PARTS = {
    "residual": lambda: cifar_resnet(14, K, widths=(4, 6, 8), blocks=1),
    "bottlenecks": lambda: residual_parts(K, widths=(2, 3, 4), blocks=1, expansion=4),
    "linear layers": lambda: vgg16(K, divisor=32, pools=2, side=2),
}
NETS = {
    "baseline": BaselineNet,
    "cam": lambda parts: ClassActivationNet(parts, K),
    "abn": lambda parts: AttentionBranchNet(parts, K),
    "per task": lambda parts: MultitaskAttentionBranchNet(K, parts),
}


def made(kind, parts="residual", **options):
    torch.manual_seed(0)
    net = NETS[kind](PARTS[parts]()) if not options else MultitaskAttentionBranchNet(K, PARTS[parts](), **options)
    with torch.no_grad():
        for _ in range(3):
            net.train()(torch.rand(8, 3, 16, 16))
        for name, value in net.named_parameters():
            if value.ndim > 1 and name.startswith(("top", "to_classes", "head_weight")):
                value.mul_(10)
    return net.eval()


def images_of(count=5, size=(16, 12)):
    return torch.randint(0, 256, (count, 3, *size), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_every_network_has_its_methods():
    expected = {"baseline": ("gradcam",), "cam": ("cam",), "abn": ("attention", "gradcam"), "per task": ("attention", "gradcam")}
    assert {kind: methods_of(made(kind)) for kind in NETS} == expected
    with pytest.raises(InputError, match=r"expected a network of mtattr\.attention_branch, got Linear"):
        methods_of(nn.Linear(1, 1))


@each(("kind", "method"), [("baseline", "attention"), ("cam", "gradcam"), ("abn", "cam"), ("per task", "occlusion")])
def test_methods_that_a_network_lacks_are_refused(kind, method):
    with pytest.raises(InputError, match=rf"has the maps [a-z, ]+, not '{method}'"):
        explanation_maps(made(kind), images_of(), method)


@each("kind", ["abn", "per task"])
def test_attention_is_the_map_that_the_network_returns(kind):
    net, images = made(kind), images_of()
    expected = net(images / 255).maps.detach()
    found = explanation_maps(net, images, "attention")
    assert found.shape == (5, K, 8, 6)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected.expand(5, K, 8, 6))


def test_attention_of_a_class_is_the_one_map():
    net, images = made("abn"), images_of()
    found = explanation_maps(net, images, "attention", classes=CLASSES)
    torch.testing.assert_close(found, net(images / 255).maps.detach())
    assert found.shape == (5, 1, 8, 6)


def test_the_class_activation_map_of_the_wanted_class_is_picked():
    net, images = made("cam"), images_of()
    every = explanation_maps(net, images, "cam")
    torch.testing.assert_close(every, net(images / 255).maps.detach())
    found = explanation_maps(net, images, "cam", classes=CLASSES)
    assert found.shape == (5, 1, 8, 6)
    for n, k in enumerate(CLASSES.long().tolist()):
        torch.testing.assert_close(found[n, 0], every[n, k])
    assert every.min() < 0


@each("parts", PARTS)
@each("kind", ["baseline", "abn"])
def test_gradcam_is_captums_on_the_last_feature_map(kind, parts):
    net, images = made(kind, parts), images_of(size=(16, 16))

    class Logits(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x):
            return self.net(x).logits

    # Captum's own hooks can not follow what changes in place after the layer.
    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    explainer = LayerGradCam(Logits(), net.perception)
    expected = torch.cat([explainer.attribute(images / 255, target=k, relu_attributions=True) for k in range(K)], 1).detach()
    assert (expected > 0).any()
    torch.testing.assert_close(explanation_maps(net, images, "gradcam"), expected)
    found = explanation_maps(net, images, "gradcam", classes=CLASSES)
    assert found.shape[1] == 1
    for n, k in enumerate(CLASSES.long().tolist()):
        torch.testing.assert_close(found[n, 0], expected[n, k])


@each("parts", ["residual", "bottlenecks"])
@each("options", [{}, {"execution": "loop"}, {"execution": "fold", "chunk": 3}, {"residual": True, "maps": "sigmoid"}, {"head_units": 2}])
def test_gradcam_of_a_task_is_that_of_its_own_pass(parts, options):
    net, images = made("per task", parts, **({"statistics": "task"} | options)), images_of()
    output = net(images / 255)
    features, maps = output.extra["extracted"].detach(), output.maps.detach()
    gates = (1 + maps if net.residual else maps).requires_grad_()
    last = net.stage(gates.unsqueeze(2) * features.unsqueeze(1), slice(0, K))
    found = explanation_maps(net, images, "gradcam")
    weight, bias = net.head_difference
    for t in range(K):
        own = last[:, t]
        logit = own.mean((2, 3)) @ weight[t] + bias[t]
        torch.testing.assert_close(logit, output.logits[:, t])
        torch.testing.assert_close(found[:, t : t + 1], grad_cam(own, logit[:, None]))
    assert (found > 0).any()
    assert found.shape == (5, K, 4, 3)
    assert found.min() == 0


@each(("kind", "method"), [("baseline", "gradcam"), ("cam", "cam"), ("abn", "attention"), ("abn", "gradcam")])
@each("classes", [None, CLASSES])
@each("batch_size", [1, 2, 5, 64])
def test_batches_change_nothing(kind, method, classes, batch_size):
    net, images = made(kind), images_of()
    expected = explanation_maps(net, images, method, classes=classes)
    torch.testing.assert_close(explanation_maps(net, images, method, classes=classes, batch_size=batch_size), expected)


@each("kind", NETS)
def test_the_network_is_left_as_it_was(kind):
    net = made(kind)
    before = copy.deepcopy(net.state_dict())
    for method in methods_of(net):
        found = explanation_maps(net.train(), images_of(), method)
        assert not found.requires_grad
        # In evaluation mode: images do not influence each other.
        torch.testing.assert_close(found[1:2], explanation_maps(net, images_of()[1:2], method))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(value.grad is None for value in net.parameters())


def test_gradcam_works_where_gradients_are_off():
    net = made("baseline")
    expected = explanation_maps(net, images_of(), "gradcam")
    with torch.no_grad():
        torch.testing.assert_close(explanation_maps(net, images_of(), "gradcam"), expected)
        assert not torch.is_grad_enabled()


def test_other_maps_are_made_without_gradients():
    net, enabled = made("abn"), []
    net.register_forward_hook(lambda *_: enabled.append(torch.is_grad_enabled()))
    for method in methods_of(net):
        explanation_maps(net, images_of(), method)
    assert enabled == [False, True]
    assert torch.is_grad_enabled()
