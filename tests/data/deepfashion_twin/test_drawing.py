import pytest
import torch
import torch.nn.functional as F

from mtattr.data.deepfashion_twin.attributes import ATTRIBUTES, NAMES
from mtattr.data.deepfashion_twin.garments import attribute_regions, garment_mask, render
from mtattr.data.deepfashion_twin.scene import sample_scenes


@pytest.fixture(scope="module")
def scenes():
    return sample_scenes("train", 400)


def test_pixels_do_not_depend_on_the_batch(scenes):
    alone = torch.cat([render(scenes.rows(slice(i, i + 1)), 32) for i in range(6)])
    assert torch.equal(alone, render(scenes.rows(slice(0, 100)), 32)[:6])


def test_a_scene_is_the_same_at_every_image_size(scenes):
    some = scenes.rows(slice(0, 24))
    small, large = render(some, 32).float(), render(some, 160).float()
    reduced = F.interpolate(large, size=32, mode="area")
    off = (reduced - small).abs().mean((1, 2, 3))
    shuffled = (reduced.roll(1, 0) - small).abs().mean((1, 2, 3))
    assert off.mean() < 0.25 * shuffled.mean()
    assert (off < shuffled).all()


@pytest.mark.parametrize("k", range(len(ATTRIBUTES)), ids=NAMES)
def test_every_attribute_changes_pixels_inside_its_region(scenes, k):
    """The oracle is the public picture in whole grey levels, drawn twice, not the change that the regions came from."""
    rows = [int(i) for i in scenes.present[:, k].nonzero()[:2, 0]]
    rows += [int(i) for i in (scenes.can_occur[:, k] & ~scenes.present[:, k]).nonzero()[:1, 0]]
    changed = 0
    for i in rows:
        scene = scenes.rows(torch.tensor([i]))
        # Rounding to grey levels alone moves a pixel by up to one.
        levels = ((render(scene, 48).float() - render(scene.toggled(k), 48).float()).abs() - 1).clamp(min=0)
        change = (levels**2).sum((0, 1))
        region = attribute_regions(scene, 48, only=[k])[1 + k]
        assert region.min() >= 0
        assert region.max() <= 1
        if change.max() > 3 * 5**2:
            changed += 1
            assert float((change * (region > 0.5)).sum() / change.sum()) >= 0.95
    assert changed >= 1


def test_regions_are_empty_where_an_attribute_cannot_occur(scenes):
    i = int((scenes.categories == 3).nonzero()[0, 0])
    regions = attribute_regions(scenes.rows(torch.tensor([i])), 32)
    assert regions.shape == (1 + len(ATTRIBUTES), 32, 32)
    assert regions.dtype == torch.float32
    impossible = ~scenes.can_occur[i]
    assert regions[1:][impossible].sum() == 0
    assert regions[1:][~impossible].amax((1, 2)).mean() > 0.8
    never = int(impossible.nonzero()[0, 0])
    assert attribute_regions(scenes.rows(torch.tensor([i])), 32, only=[never])[1:].sum() == 0


def test_the_caller_keeps_its_number_of_threads(scenes):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        threaded = render(scenes.rows(slice(0, 40)), 32)
        assert torch.get_num_threads() == 2
        torch.set_num_threads(1)
        assert torch.equal(render(scenes.rows(slice(0, 40)), 32), threaded)
    finally:
        torch.set_num_threads(before)


def test_most_attributes_show_on_most_garments_that_have_them(scenes):
    seen = []
    for i in range(0, 40):
        scene = scenes.rows(torch.tensor([i]))
        present = scene.present[0].nonzero()[:, 0].tolist()
        seen += [bool(attribute_regions(scene, 48, only=[k])[1 + k].any()) for k in present]
    assert sum(seen) / len(seen) > 0.9


def test_visible_garment_is_neither_missing_nor_the_whole_image(scenes):
    share = garment_mask(scenes.rows(slice(0, 200)), 32).mean((1, 2))
    assert (share > 0.02).float().mean() > 0.97
    assert share.max() < 0.85


def test_pictures_vary(scenes):
    images = render(scenes.rows(slice(0, 100)), 32).float()
    assert images.std(0).mean() > 25
    assert (images.flatten(1).std(1) > 8).all()
