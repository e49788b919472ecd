import pytest
import torch
from mtattr.attribute_estimation import AttributeEstimationNet
from mtattr.attribute_estimation.explain import attribute_maps, localisation
from mtattr.data.image_data import ImageData
from mtattr.evaluation import known_regions
from mtattr.tasks import Task, TaskSet
from torch import nn

TASKS = TaskSet([Task("class", "categorical", ("a", "b")), Task("bright left"), Task("bright right")])


class Quarters(nn.Module):
    """Feature c is the brightness of the left (0) or the right (1) half of the image, at its place."""

    num_features = 2

    def forward(self, images):
        grey = nn.functional.avg_pool2d(images.mean(1, keepdim=True), 4)
        half = torch.arange(grey.shape[-1]) < grey.shape[-1] // 2
        return torch.cat([grey * half, grey * ~half], dim=1)


def looking(at_own_side: bool) -> AttributeEstimationNet:
    net = AttributeEstimationNet(Quarters(), 2, 2, attribute_units=2)
    with torch.no_grad():
        net.attribute_branch[0].weight.copy_(torch.eye(2) if at_own_side else torch.eye(2).flip(0))
        net.attribute_branch[0].bias.zero_()
        net.attribute_branch[2].weight.copy_(torch.eye(2))
    return net


def data() -> ImageData:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(50, 256, (6, 3, 16, 16), dtype=torch.uint8, generator=generator)
    regions = torch.zeros(3, 16, 16)
    regions[0], regions[1, :, :8], regions[2, :, 8:] = 1, 1, 1
    return ImageData(images, torch.ones(6, 3), TASKS, tuple("uvwxyz"), "toy", "test", region_of=lambda i: regions, generated=True)


def test_maps_light_the_half_that_the_logit_reads():
    maps = attribute_maps(looking(at_own_side=True), data().images)
    assert maps.shape == (6, 2, 4, 4)
    assert (maps[:, 0, :, 2:] == 0).all()
    assert (maps[:, 0, :, :2] > 0).all()


def test_scores_tell_looking_at_the_place_from_looking_beside_it(fresh_home):
    right, wrong = (localisation(looking(own), data()) for own in (True, False))
    assert right["localisation_energy"] > 0.8 > 0.2 > wrong["localisation_energy"]
    assert right["localisation_pointing"] == 1.0
    assert wrong["localisation_pointing"] == 0.0
    assert right["localisation_energy_object"] == pytest.approx(0.5)
    assert right["localisation_energy_over_object"] == pytest.approx(right["localisation_energy"] - 0.5)
    assert right["localisation_energy_centre"] == wrong["localisation_energy_centre"]


def test_regions_are_drawn_once_and_read_back(fresh_home):
    calls, toy = [], data()

    def counted(i):
        calls.append(i)
        return data().region_of(i) * 0.5

    toy = ImageData(**{name: getattr(toy, name) for name in ("images", "labels", "tasks", "keys", "name", "split")}, region_of=counted)
    first, second = known_regions(toy, 3), known_regions(toy, 3)
    assert calls == [0, 1, 2]
    assert torch.equal(first, second)
    torch.testing.assert_close(first[1], counted(1), atol=0.5 / 255 + 1e-6, rtol=0)


def test_nothing_without_regions():
    toy = data()
    toy = ImageData(**{name: getattr(toy, name) for name in ("images", "labels", "tasks", "keys", "name", "split")})
    assert localisation(looking(at_own_side=True), toy) == {}
