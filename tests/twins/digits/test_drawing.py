import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mtattr.twins.digits.drawing import digit_masks, render
from mtattr.twins.digits.glyphs import distance
from mtattr.twins.digits.scene import COLUMN, Scenes, handwriting, sample_scenes
from scipy.ndimage import map_coordinates


@pytest.fixture(scope="module")
def scenes():
    return sample_scenes("train", 400)


def changed(scenes, **values):
    parameters = scenes.parameters.clone()
    for name, value in values.items():
        parameters[:, COLUMN[name]] = value
    return Scenes(scenes.glyphs, scenes.classes, parameters, scenes.labels)


def test_outlines_agree_with_scipys_cubic_spline_of_the_ink():
    """Where a spline of other making finds much ink the distance is negative, and positive where it finds almost none."""
    rows = torch.arange(0, 1797, 61)
    t = torch.arange(-4.4, 4.5, 0.2)
    v, u = torch.meshgrid(t, t, indexing="ij")
    inside = distance(rows, u.expand(len(rows), -1, -1), v.expand(len(rows), -1, -1)) < 0
    places = np.stack([v.numpy().ravel(), u.numpy().ravel()]) + 5.5
    for row, drawn in zip(rows.tolist(), inside.flatten(1).numpy(), strict=True):
        ink = map_coordinates(np.pad(handwriting()[0][row] / 16, 2), places, order=3, mode="nearest")
        assert drawn[ink > 0.85].mean() > 0.85
        assert drawn[ink < 0.1].mean() < 0.02


def test_pixels_do_not_depend_on_the_batch(scenes):
    alone = torch.cat([render(scenes.rows(slice(i, i + 1)), 32) for i in range(8)])
    assert torch.equal(alone, render(scenes.rows(slice(0, 100)), 32)[:8])


def test_a_scene_is_the_same_at_every_image_size(scenes):
    some = scenes.rows(slice(0, 32))
    small, large = render(some, 32).float(), render(some, 160).float()
    reduced = F.interpolate(large, size=32, mode="area")
    off = (reduced - small).abs().mean((1, 2, 3))
    shuffled = (reduced.roll(1, 0) - small).abs().mean((1, 2, 3))
    assert off.mean() < 0.25 * shuffled.mean()
    assert (off < shuffled).all()
    masks = F.interpolate(digit_masks(some, 160)[:, None], size=32, mode="area")[:, 0]
    assert (masks - digit_masks(some, 32)).abs().mean() < 0.02


def test_the_mask_holds_what_the_digit_changes(scenes):
    """Independent of the mask's making: another digit's ink in the place of this one changes nothing outside both masks."""
    plain = changed(scenes.rows(slice(0, 60)), edge=0.9)
    other = Scenes(plain.glyphs.clone(), plain.classes, plain.parameters, plain.labels)
    other.glyphs[:, 0] = plain.glyphs[:, 0].roll(1)
    change = ((render(plain, 64).float() - render(other, 64).float()) ** 2).sum(1)
    either = torch.maximum(digit_masks(plain, 64), digit_masks(other, 64)) > 0.01
    assert ((change * either).sum((1, 2)) >= 0.99 * change.sum((1, 2))).all()
    assert (change.amax((1, 2)) > 3 * 10**2).float().mean() > 0.9


def test_the_digit_lies_within_the_picture_and_its_region_is_its_ink(scenes):
    masks = digit_masks(scenes, 32)
    assert 0 <= masks.min() < masks.max() <= 1
    share = masks.mean((1, 2))
    assert share.min() > 0.02
    assert share.max() < 0.5
    border = torch.cat([masks[:, 0], masks[:, -1], masks[:, :, 0], masks[:, :, -1]], 1)
    assert (border.amax(1) > 0.5).float().mean() < 0.05


def test_colour_does_not_tell_the_class():
    """The nearest mean of picture and ink colour, fitted on one half, guesses the other half no better than chance."""
    scenes = sample_scenes("train", 3_000)
    images, masks = render(scenes, 16).float(), digit_masks(scenes, 16)[:, None]
    ink = (images * masks).sum((2, 3)) / masks.sum((2, 3))
    features = torch.cat([ink, images.mean((2, 3))], 1)
    features = (features - features.mean(0)) / features.std(0)
    fit, held = slice(0, 1_500), slice(1_500, 3_000)
    means = torch.stack([features[fit][scenes.classes[fit] == c].mean(0) for c in range(10)])
    guess = torch.cdist(features[held], means).argmin(1)
    assert (guess == scenes.classes[held]).float().mean() < 0.14


def test_a_viewer_of_shapes_can_tell_the_class():
    """The nearest of the ink masks of other scenes names the digit far above chance, so the pictures show what is labelled."""
    scenes = sample_scenes("train", 2_000)
    masks = F.avg_pool2d(digit_masks(scenes, 32)[:, None], 2).flatten(1)
    masks = masks / masks.norm(dim=1, keepdim=True)
    guess = scenes.classes[:1_700][(masks[1_700:] @ masks[:1_700].T).argmax(1)]
    assert (guess == scenes.classes[1_700:]).float().mean() > 0.5


def test_pictures_vary_and_contrast_differs(scenes):
    images = render(scenes, 32).float()
    assert images.std(0).mean() > 25
    masks = digit_masks(scenes, 32)[:, None]
    ink = (images * masks).sum((2, 3)) / masks.sum((2, 3))
    ground = (images * (1 - masks)).sum((2, 3)) / (1 - masks).sum((2, 3))
    contrast = (ink - ground).abs().mean(1)
    assert contrast.quantile(0.1) < 20 < 40 < contrast.quantile(0.9)
