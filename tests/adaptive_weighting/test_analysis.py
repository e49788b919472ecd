import math

import pytest
import torch
from mtattr.adaptive_weighting.analysis import halves, noise_floor, noise_metrics, weight_metrics
from mtattr.data.held_out import validation_identities
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.tasks import TaskSet


def images(n: int, identities=None) -> ImageData:
    return ImageData(
        torch.zeros(n, 3, 8, 8, dtype=torch.uint8),
        torch.zeros(n, 1),
        TaskSet.binary(["a"]),
        tuple(str(i) for i in range(n)),
        "toy",
        "val",
        identities=None if identities is None else torch.tensor(identities),
    )


def test_halves_share_no_identity_and_lose_no_image():
    one, other = halves(images(60, [i // 3 for i in range(60)]))
    assert not set(one.identities.tolist()) & set(other.identities.tolist())
    assert sorted(one.keys + other.keys) == sorted(str(i) for i in range(60))
    assert len(one) == len(other) == 30


def test_halves_split_identities_that_one_hash_has_already_chosen():
    chosen = sorted(validation_identities(range(2000)))
    one, other = halves(images(len(chosen), chosen))
    assert abs(len(one) - len(other)) <= 1


def test_halves_of_images_without_identities_are_halves_too():
    one, other = halves(images(5))
    assert (len(one), len(other)) == (3, 2)
    assert sorted(one.keys + other.keys) == list("01234")
    with pytest.raises(InputError, match="toy val: expected at least two"):
        halves(images(1))
    with pytest.raises(InputError, match="at least two identities"):
        halves(images(3, [7, 7, 7]))


def test_the_noise_floor_is_the_mean_change_of_a_network_that_stands_still():
    generator = torch.Generator().manual_seed(0)
    errors = torch.rand(500, 3, generator=generator).double() ** torch.tensor([1.0, 4.0, 0.1])
    draws = 120
    windows = errors[torch.randint(500, (8000, draws), generator=generator)].mean(1)
    simulated = windows.diff(dim=0).abs().mean(0)
    torch.testing.assert_close(noise_floor(errors, draws), simulated, rtol=0.03, atol=0)


def test_the_noise_floor_by_hand_and_with_unknown_labels():
    errors = torch.tensor([[0.0, 0.0], [2.0, torch.nan], [0.0, 2.0], [2.0, torch.nan]]).double()
    # Spread 1 in both; half of the second task's labels are unknown, so its windows hold half as many.
    expected = [2 / math.sqrt(math.pi * 50), 2 / math.sqrt(math.pi * 25)]
    assert noise_floor(errors, 50).tolist() == pytest.approx(expected)


def test_weights_are_ranked_against_losses_and_against_the_epoch_before():
    loss = torch.tensor([[0.1, 0.2, 0.3, 0.4]]).repeat(3, 1)
    weight = torch.tensor([[0.4, 0.8, 1.2, 1.6], [0.4, 0.8, 1.2, 1.6], [1.6, 1.2, 0.8, 0.4]])
    found = weight_metrics(weight, loss)
    assert found["weight_difficulty_correlation"] == pytest.approx(1)
    assert found["weight_persistence"] == pytest.approx(0)  # 1, then -1
    constant = weight_metrics(torch.ones(3, 4), loss)
    assert math.isnan(constant["weight_difficulty_correlation"])
    assert math.isnan(constant["weight_persistence"])


def test_noise_share_by_hand():
    found = noise_metrics(torch.tensor([0.5, 1.0, 1.5]), torch.tensor([0.02, 0.04, 0.06]), torch.tensor([0.01, 0.02, 0.03]))
    assert found == pytest.approx({"noise_share": 0.5, "noise_correlation": 1.0})
