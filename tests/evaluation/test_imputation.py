import numpy as np
import pytest
import torch
from mtattr.evaluation import linear_imputation, mean_colour

import reference
from cases import each


def given(size=(6, 6), share=0.5, count=4):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 3, *size, generator=generator)
    return images, torch.rand(count, *size, generator=generator) < share


@each("size", [(6, 6), (1, 7), (7, 1), (2, 2), (5, 8), (8, 3)])
@each("share", [0.1, 0.5, 0.9])
def test_equals_a_dense_system_pixel_by_pixel(size, share):
    images, removed = given(size, share)
    removed[:, 0, 0] = False
    found = linear_imputation(images.double(), removed, noise=0)
    for n in range(len(images)):
        expected = reference.linear_imputation(images[n].double().numpy(), removed[n].numpy())
        np.testing.assert_allclose(found[n].numpy(), expected, atol=1e-12)


@each("fill", [linear_imputation, mean_colour])
def test_what_is_not_removed_stays(fill):
    images, removed = given()
    assert torch.equal(fill(images, torch.zeros_like(removed)), images)
    changed = (fill(images, removed) != images).all(1)
    assert torch.equal(changed, removed)


def test_an_image_of_which_nothing_is_left_has_its_mean_colour():
    images, removed = given()
    everything = torch.ones_like(removed)
    blank = images.mean((2, 3), keepdim=True).expand_as(images)
    torch.testing.assert_close(mean_colour(images, everything), blank)
    torch.testing.assert_close(linear_imputation(images, everything, noise=0), blank)


def test_a_ramp_is_continued_and_no_value_exceeds_the_image():
    ramp = torch.linspace(0, 1, 9).expand(1, 3, 7, 9).contiguous()
    hole = torch.zeros(1, 7, 9, dtype=torch.bool)
    hole[:, 2:5, 3:6] = True
    torch.testing.assert_close(linear_imputation(ramp, hole, noise=0), ramp)
    images, removed = given((12, 12), 0.7)
    found = linear_imputation(images, removed, noise=0)
    assert (found.amax((2, 3)) <= images.amax((2, 3))).all()
    assert (found.amin((2, 3)) >= images.amin((2, 3))).all()


def test_noise_of_a_seed_lies_on_removed_pixels_alone_and_not_on_the_company():
    images, removed = given((40, 40))
    plain, noisy = (linear_imputation(images, removed, noise=noise) for noise in (0, 0.1))
    drawn = (noisy - plain)[removed.unsqueeze(1).expand_as(images)]
    # 9,600 draws: a standard error of 0.1 / sqrt(2 * 9600).
    assert drawn.std().item() == pytest.approx(0.1, abs=4e-3)
    torch.testing.assert_close(linear_imputation(images[2:], removed[2:], noise=0.1), noisy[2:])
    assert not torch.equal(linear_imputation(images, removed, noise=0.1, seed=1), noisy)
