import pytest
import torch
import torch.nn.functional as F
from mtattr.twins.faces.attributes import INDEX, NAMES
from mtattr.twins.faces.faces import attribute_regions, landmarks, render
from mtattr.twins.faces.scene import sample_scenes


@pytest.fixture(scope="module")
def scenes():
    return sample_scenes("train", 300)


def with_attributes(scenes, present):
    """The same scenes, made by public means, with the attributes `present` (N, 40)."""
    for k in range(len(NAMES)):
        flipped = scenes.toggled(k)
        chosen = (present[:, k] != scenes.present[:, k])[:, None]
        merged = torch.where(chosen, flipped.present, scenes.present)
        scenes = flipped.__class__(**{**vars(scenes), "present": merged})
    return scenes


def test_pictures_are_bytes_of_the_size_asked_for(scenes):
    some = scenes.rows(slice(0, 3))
    assert render(some, 48).shape == (3, 3, 48, 48)
    tall = render(some, (54, 44))
    assert tall.shape == (3, 3, 54, 44)
    assert tall.dtype == torch.uint8
    assert tall.float().std((1, 2, 3)).min() > 10


@pytest.mark.parametrize("size", [32, 64])
def test_pixels_do_not_depend_on_the_batch(scenes, size):
    alone = torch.cat([render(scenes.rows(slice(i, i + 1)), size) for i in range(12)])
    assert torch.equal(alone, render(scenes.rows(slice(0, 90)), size)[:12])


def test_a_scene_is_the_same_at_every_image_size(scenes):
    some = scenes.rows(slice(0, 24))
    small, large = render(some, 32).float(), render(some, 160).float()
    reduced = F.interpolate(large, size=32, mode="area")
    off = (reduced - small).abs().mean((1, 2, 3))
    shuffled = (reduced.roll(1, 0) - small).abs().mean((1, 2, 3))
    assert off.mean() < 0.15 * shuffled.mean()
    assert (off < 0.5 * shuffled).all()


def test_a_square_picture_is_the_tall_one_squeezed(scenes):
    some = scenes.rows(slice(0, 16))
    tall, square = render(some, (218, 178)).float(), render(some, 64).float()
    squeezed = F.interpolate(tall, size=64, mode="area")
    assert (squeezed - square).abs().mean() < 4


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_any_combination_of_attributes_can_be_drawn(scenes, share):
    some = scenes.rows(slice(0, 24))
    random = torch.rand(24, len(NAMES), generator=torch.Generator().manual_seed(3))
    drawn = render(with_attributes(some, random < share), 32)
    assert (drawn.float().std((1, 2, 3)) > 5).all()


def test_every_attribute_shows_in_some_of_a_few_scenes(scenes):
    clear = scenes.rows((~scenes.present[:, INDEX["Blurry"]] & ~scenes.present[:, INDEX["Wearing_Hat"]]).nonzero()[:4, 0])
    shown = sum(attribute_regions(clear.rows(slice(i, i + 1)), 64).amax((1, 2)) for i in range(4))
    missing = [name for name, count in zip(NAMES, shown.tolist(), strict=True) if count == 0]
    assert not missing


def test_regions_hold_the_change_of_the_public_pictures(scenes):
    """The oracle is the picture in whole grey levels, drawn twice, not the change that the regions came from."""
    scene = scenes.rows(slice(5, 6))
    wanted = [INDEX[name] for name in ("Eyeglasses", "Smiling", "Wearing_Necktie", "Bald", "Blurry")]
    regions = attribute_regions(scene, 64, only=wanted)
    assert regions.shape == (len(NAMES), 64, 64)
    assert regions.dtype == torch.float32
    assert set(regions.amax((1, 2)).nonzero()[:, 0].tolist()) == set(wanted)
    for k in wanted:
        change = ((render(scene, 64).float() - render(scene.toggled(k), 64).float()) ** 2).sum((0, 1))
        assert float((change * regions[k]).sum() / change.sum()) >= 0.95


def test_landmarks_lie_where_the_aligned_pictures_have_them(scenes):
    points = landmarks(scenes, (218, 178))
    assert points.shape == (300, 5, 2)
    published = torch.tensor([(70, 111), (108, 111), (88, 132), (73, 152), (105, 152)]).double()
    assert (points.mean(0) - published).abs().max() < 3.5
    assert points.std(0).max() < 6
    assert (points[:, 0, 0] < points[:, 1, 0]).all()
    assert (points[:, 3, 0] < points[:, 4, 0]).all()


def test_eyes_and_mouth_are_drawn_at_their_landmarks(scenes):
    """Pupils are darker than the skin beside the nose; toggling the lips' colour changes the picture between the corners."""
    hidden = scenes.present[:, [INDEX[name] for name in ("Blurry", "Eyeglasses", "Narrow_Eyes", "Heavy_Makeup")]].any(1)
    some = scenes.rows((~hidden).nonzero()[:40, 0])
    light = render(some, (218, 178)).float().mean(1)
    points = landmarks(some, (218, 178)).round().long()
    rows = torch.arange(len(some))
    between = (points[:, 0] + points[:, 1]) // 2
    skin = light[rows, between[:, 1] + 8, between[:, 0] - 12]
    for side in (0, 1):
        x, y = points[:, side, 0], points[:, side, 1]
        pupil = torch.stack([light[rows, y + dy, x + dx] for dx in (-2, -1, 0, 1, 2) for dy in (-1, 0, 1)]).amin(0)
        assert (pupil < 0.75 * skin).float().mean() > 0.9
    change = (light - render(some.toggled("Wearing_Lipstick"), (218, 178)).float().mean(1)).abs()
    x = torch.arange(178)
    centre = (change.sum(1) * x).sum(1) / change.sum((1, 2))
    middle = (points[:, 3, 0] + points[:, 4, 0]) / 2
    assert (centre - middle).abs().mean() < 4


def test_the_corners_of_the_mouth_move_apart_in_a_smile(scenes):
    calm, other = landmarks(scenes, (218, 178)), landmarks(scenes.toggled("Smiling"), (218, 178))
    wider = (other[:, 4, 0] - other[:, 3, 0]) - (calm[:, 4, 0] - calm[:, 3, 0])
    smiling = scenes.present[:, INDEX["Smiling"]]
    assert (wider[~smiling] > 2).all()
    assert (wider[smiling] < -2).all()
    assert torch.equal(calm[:, :3], other[:, :3])
