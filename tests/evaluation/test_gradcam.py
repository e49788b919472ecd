import pytest
import torch
from captum.attr import LayerGradCam
from mtattr.errors import InputError
from mtattr.evaluation import gradcam
from mtattr.evaluation.gradcam import class_activation_maps, grad_cam
from torch import nn


class SmallNet(nn.Module):
    def __init__(self, num_tasks=5):
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 12, 3, 2, 1))
        self.head = nn.Sequential(nn.ReLU(), nn.Conv2d(12, 16, 3), nn.GELU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, num_tasks))

    def forward(self, images):
        return self.head(self.trunk(images))


@pytest.fixture
def net():
    torch.manual_seed(0)
    return SmallNet().eval()


@pytest.fixture
def images():
    return torch.rand(4, 3, 20, 16, generator=torch.Generator().manual_seed(1))


def maps_of(net, images, **options):
    features = net.trunk(images)
    return grad_cam(features, net.head(features), **options)


def captum_maps(net, images):
    explainer = LayerGradCam(net, net.trunk)
    return torch.cat([explainer.attribute(images, target=t, relu_attributions=True) for t in range(5)], 1).detach()


@pytest.mark.parametrize("tasks_at_once", [1, 2, 32])
def test_equals_captum_for_every_target(net, images, tasks_at_once):
    expected = captum_maps(net, images)
    assert (expected > 0).any((0, 2, 3)).all()
    torch.testing.assert_close(maps_of(net, images, tasks_at_once=tasks_at_once), expected)


class _NoBatchRule(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return torch.from_numpy(gradient.numpy().copy())


def test_falls_back_to_single_tasks_where_gradients_cannot_be_batched(net, images, monkeypatch):
    expected = captum_maps(net, images)
    features = net.trunk(images)
    scores = net.head(_NoBatchRule.apply(features))
    calls = []
    original = torch.autograd.grad
    monkeypatch.setattr(gradcam.torch.autograd, "grad", lambda *a, **k: calls.append(k["is_grads_batched"]) or original(*a, **k))
    torch.testing.assert_close(grad_cam(features, scores), expected)
    assert calls == [True] + [False] * 5


def test_task_order_only_reorders(net, images):
    features = net.trunk(images)
    scores = net.head(features)
    order = [3, 0, 4, 1, 2]
    torch.testing.assert_close(grad_cam(features, scores[:, order]), grad_cam(features, scores)[:, order])


def test_images_do_not_influence_each_other(net, images):
    torch.testing.assert_close(maps_of(net, images)[:1], maps_of(net, images[:1]))


def test_by_hand_with_a_linear_head():
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]], requires_grad=True)
    scores = torch.stack([features[:, 0].sum((1, 2)) - 2 * features[:, 1].sum((1, 2)), 0 * features.sum((1, 2, 3))], 1)
    torch.testing.assert_close(grad_cam(features, scores), torch.tensor([[[[0.0, 4.0]], [[0.0, 0.0]]]]))


def test_the_graph_and_the_gradients_are_left_alone(net, images):
    features = net.trunk(images)
    scores = net.head(features)
    assert not grad_cam(features, scores).requires_grad
    assert all(p.grad is None for p in net.parameters())
    scores.sum().backward()


def test_bad_input_is_named(net, images):
    features = net.trunk(images)
    with pytest.raises(InputError, match="gradients on"):
        grad_cam(features.detach(), net.head(features))
    with pytest.raises(InputError, match="not computed from these features"):
        grad_cam(features.clone(), net.head(features))
    with pytest.raises(InputError, match=r"\(B, T\)"):
        grad_cam(features, net.head(features)[:, 0])


class PooledNet(nn.Module):
    """A network that ends in average pooling and a linear layer."""

    def __init__(self, num_tasks=5):
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 12, 3, 2, 1))
        self.head = nn.Linear(12, num_tasks)

    def forward(self, images):
        return self.head(self.trunk(images).mean((2, 3)))


@pytest.fixture
def pooled():
    torch.manual_seed(0)
    return PooledNet().eval()


def test_class_activation_maps_by_hand():
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]])
    weight = torch.tensor([[1.0, -2.0], [0.0, 1.0], [0.5, 0.5]])
    expected = torch.tensor([[[[-5.0, 4.0]], [[3.0, -1.0]], [[2.0, 0.5]]]])
    torch.testing.assert_close(class_activation_maps(features, weight), expected)


def test_the_mean_of_a_class_activation_map_is_its_logit_without_the_bias(pooled, images):
    maps = class_activation_maps(pooled.trunk(images), pooled.head.weight)
    assert maps.shape == (4, 5, 5, 4)
    torch.testing.assert_close(maps.mean((2, 3)) + pooled.head.bias, pooled(images))


def test_class_activation_maps_are_captums_gradcam_before_the_cut(pooled, images):
    maps = class_activation_maps(pooled.trunk(images), pooled.head.weight)
    explainer = LayerGradCam(pooled, pooled.trunk)
    expected = torch.cat([explainer.attribute(images, target=t) for t in range(5)], 1)
    assert (maps < 0).any()
    torch.testing.assert_close(maps / maps[0, 0].numel(), expected)


def test_gradcam_is_their_positive_part_by_the_size_of_the_map(pooled, images):
    features = pooled.trunk(images)
    expected = class_activation_maps(features, pooled.head.weight).relu() / 20
    torch.testing.assert_close(grad_cam(features, pooled.head(features.mean((2, 3)))), expected.detach())


def test_class_activation_maps_of_wrong_shapes_are_refused():
    for features, weight in (((4, 12, 5), (5, 12)), ((4, 12, 5, 4), (12,)), ((4, 12, 5, 4), (5, 11)), ((4, 12, 5, 4), (12, 5))):
        with pytest.raises(InputError) as caught:
            class_activation_maps(torch.zeros(features), torch.zeros(weight))
        assert f"expected features (B, C, h, w) and weight (T, C), got {features} and {weight}" in str(caught.value)
