import torch
from mtattr.nets import Normalise


def test_images_are_normalised_by_hand():
    images = torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1).expand(2, 3, 2, 2)
    found = Normalise((0.5, 0.25, 0.0), (0.5, 0.25, 2.0))(images)
    assert torch.equal(found, torch.tensor([-1.0, 1.0, 0.5]).view(1, 3, 1, 1).expand(2, 3, 2, 2))


def test_the_default_is_the_training_set_of_cifar_as_released():
    grey = Normalise()(torch.full((1, 3, 1, 1), 0.5)).flatten()
    expected = [(0.5 - mean) / std for mean, std in zip((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010), strict=True)]
    torch.testing.assert_close(grey, torch.tensor(expected))


def test_statistics_of_the_images_are_no_weights():
    made = Normalise()
    assert made.state_dict() == {}
    assert not list(made.parameters())
    assert made.double()(torch.zeros(1, 3, 2, 2, dtype=torch.float64)).dtype == torch.float64
