import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mtattr.twins.digits.contrast import faint, middle
from mtattr.twins.digits.drawing import digit_masks, draw, render
from mtattr.twins.digits.glyphs import HALF_STROKE, distance
from mtattr.twins.digits.scans import handwriting, legible, legible_rows
from mtattr.twins.digits.scene import COLUMN, Scenes, sample_scenes
from mtattr.twins.drawing.colour import brightness, palette
from scipy.ndimage import distance_transform_edt, map_coordinates


@pytest.fixture(scope="module")
def scenes():
    return sample_scenes("train", 400)


def changed(scenes, **values):
    parameters = scenes.parameters.clone()
    for name, value in values.items():
        parameters[:, COLUMN[name]] = value
    return Scenes(scenes.glyphs, scenes.classes, parameters, scenes.labels)


def test_strokes_run_along_the_scanned_ink_and_are_half_as_wide():
    """A spline of other making finds ink under legible strokes, and four in five cells of dark ink have a stroke near."""
    rows = torch.from_numpy(np.flatnonzero(legible())[::47])
    t = torch.arange(-4.4, 4.5, 0.1)
    v, u = torch.meshgrid(t, t, indexing="ij")
    far = distance(rows, u.expand(len(rows), -1, -1), v.expand(len(rows), -1, -1)).flatten(1).numpy()
    places = np.stack([v.numpy().ravel(), u.numpy().ravel()]) + 5.5
    for row, drawn in zip(rows.tolist(), far, strict=True):
        ink = map_coordinates(np.pad(handwriting()[0][row] / 16, 2), places, order=3, mode="nearest")
        assert ink[drawn < 0].mean() > 0.6
        assert (drawn[ink > 0.85] < 0.6).mean() > 0.8
        assert (drawn[ink < 0.05] < 0).mean() < 0.05


def test_strokes_have_one_width():
    """No point inside a stroke is farther from paper than half a stroke, and a little more where strokes meet."""
    rows = torch.from_numpy(np.flatnonzero(legible())[::29])
    t = torch.arange(-5, 5, 0.05)
    v, u = torch.meshgrid(t, t, indexing="ij")
    inside = distance(rows, u.expand(len(rows), -1, -1), v.expand(len(rows), -1, -1)).numpy() < 0
    deepest = np.array([distance_transform_edt(glyph).max() * 0.05 for glyph in inside])
    assert deepest.min() > 0.6 * HALF_STROKE
    assert np.median(deepest) < 1.7 * HALF_STROKE
    assert deepest.max() < 2.2 * HALF_STROKE


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
    assert share.min() > 0.01
    assert share.max() < 0.25
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


def test_upright_strokes_at_24_pixels_name_most_digits():
    """The nearest drawn ink among the glyphs of training names nearly all glyphs of the test split."""
    ink, classes = {}, {}
    for split in ("train", "test"):
        rows, _ = legible_rows(split)
        some = changed(sample_scenes(split, len(rows)), centre_x=0.5, centre_y=0.5, scale=0.5, angle=0.5, slant=0.5, narrow=0.5)
        some.glyphs[:, 0] = torch.from_numpy(rows)
        masks = F.avg_pool2d(digit_masks(some, 24)[:, None], 3, 2, 1).flatten(1)
        ink[split], classes[split] = F.normalize(masks), torch.from_numpy(handwriting()[1][rows])
    guess = classes["train"][(ink["test"] @ ink["train"].T).argmax(1)]
    assert (guess == classes["test"]).float().mean() > 0.93


def test_ink_stands_out_from_its_surroundings():
    """In the finished picture ink and the paper near it differ in luminance by a factor, in every scene."""
    scenes = sample_scenes("test", 400)
    images, masks = render(scenes, 64).float() / 255, digit_masks(scenes, 64)
    luminance = (images**2.2 * torch.tensor([0.2126, 0.7152, 0.0722])[:, None, None]).sum(1)
    around = F.max_pool2d(masks[:, None], 9, 1, 4)[:, 0] * (F.max_pool2d(masks[:, None], 3, 1, 1)[:, 0] < 0.05)
    core = masks * (masks > 0.9 * masks.amax((1, 2), keepdim=True))
    ink, paper = (((luminance * part).sum((1, 2)) / part.sum((1, 2))) + 0.05 for part in (core, around))
    ratio = torch.maximum(ink / paper, paper / ink)
    assert ratio.min() > 1.3
    assert ratio.quantile(0.05) > 1.7
    assert (ink > paper).float().mean() == pytest.approx(0.5, abs=0.2)


def test_clutter_is_fainter_and_smaller_than_the_digit(scenes):
    """What shapes and pieces change in the painted picture is weaker than what the digit changes, and each covers less."""
    some = scenes.rows(slice(0, 60))
    clean = changed(some, shapes=0.999, pieces=0.999, neighbours=0.999, edge=0.9)
    luma = lambda s: draw(s, (48, 48)).picture.mul(torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1)  # noqa: E731
    with_one = luma(changed(clean, pieces=0.9 - 1e-6))
    change = (with_one - luma(clean)).abs()
    without = digit_masks(some, 48) < 0.01
    covered = (change * without > 0.02).float().mean((1, 2))
    assert (covered < digit_masks(clean, 48).mean((1, 2))).float().mean() > 0.95
    canvas = draw(some, (16, 16))
    ground = brightness(middle(canvas))
    pure = palette(some.parameters[:, COLUMN["piece_colour"]].float(), some.parameters[:, COLUMN["ink_light"]].float())
    gap = (brightness(faint(canvas, pure)) - ground).abs()
    assert (gap <= 0.701 * (brightness(canvas.colour) - ground).abs()).all()


def test_pictures_vary_and_contrast_differs(scenes):
    images = render(scenes, 32).float()
    assert images.std(0).mean() > 25
    masks = digit_masks(scenes, 32)[:, None]
    ink = (images * masks).sum((2, 3)) / masks.sum((2, 3))
    ground = (images * (1 - masks)).sum((2, 3)) / (1 - masks).sum((2, 3))
    contrast = (ink - ground).abs().mean(1)
    assert 1.5 * contrast.quantile(0.1) < contrast.quantile(0.9)
