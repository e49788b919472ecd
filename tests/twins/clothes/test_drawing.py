import pytest
import torch
import torch.nn.functional as F
from mtattr.twins.clothes.attributes import ATTRIBUTES, CATEGORIES, FOUR_CLASSES, NAMES
from mtattr.twins.clothes.garments import attribute_regions, garment_mask, render
from mtattr.twins.clothes.scene import Scenes, sample_scenes


@pytest.fixture(scope="module")
def scenes():
    return sample_scenes("train", 400)


def test_pixels_do_not_depend_on_the_batch(scenes):
    """Two scenes of every category: alone, in a batch of all, and among their own kind."""
    many = sample_scenes("train", 3_000)
    rows = torch.cat([(many.categories == c).nonzero()[:2, 0] for c in range(len(CATEGORIES))])
    some = many.rows(rows)
    together = render(some, 32)
    for i in range(len(some)):
        assert torch.equal(render(some.rows(slice(i, i + 1)), 32)[0], together[i]), some.classes[int(some.categories[i])]
    pairs = torch.cat([render(some.rows(slice(i, i + 2)), 32) for i in range(0, len(some), 2)])
    assert torch.equal(pairs, together)


def test_a_scene_is_the_same_at_every_image_size(scenes):
    some = scenes.rows(slice(0, 24))
    small, large = render(some, 32).float(), render(some, 160).float()
    reduced = F.interpolate(large, size=32, mode="area")
    off = (reduced - small).abs().mean((1, 2, 3))
    shuffled = (reduced.roll(1, 0) - small).abs().mean((1, 2, 3))
    assert off.mean() < 0.25 * shuffled.mean()
    assert (off < shuffled).all()


def test_every_category_shows_most_attributes_that_it_can_have():
    """Toggled one at a time on three scenes of each category; a change of five grey levels is seen."""
    scenes = sample_scenes("train", 3_000)
    for c, name in enumerate(scenes.classes):
        some = scenes.rows((scenes.categories == c).nonzero()[:3, 0])
        possible = some.can_occur[0].nonzero()[::3, 0].tolist()
        variants = render(Scenes.joined([some, *(some.toggled(k) for k in possible)]), 32).float().view(1 + len(possible), 3, -1)
        seen = (variants[1:] - variants[:1]).abs().amax(2) >= 5
        assert seen.float().mean() > 0.9, name


def test_categories_differ_in_silhouette():
    """The mean masks of two categories differ by more than those of two halves of one, so that the outline tells them apart."""
    scenes = sample_scenes("train", 6_000)
    means = []
    for c in range(len(CATEGORIES)):
        rows = (scenes.categories == c).nonzero()[:30, 0]
        masks = garment_mask(scenes.rows(rows), 24)
        means.append(torch.stack([masks[::2].mean(0), masks[1::2].mean(0)]))
    means = torch.stack(means).flatten(2)
    within = (means[:, 0] - means[:, 1]).norm(dim=1)
    distance = torch.cdist(means.mean(1), means.mean(1)).fill_diagonal_(float("inf"))
    dress, jeans, tee = (tuple(CATEGORIES).index(name) for name in ("Dress", "Jeans", "Tee"))
    assert distance[dress, tee] > within[[dress, tee]].max()
    assert distance[jeans, dress] > within[[jeans, dress]].max()
    assert distance.amin(1).median() > 0.5 * within.median()


def test_plain_cuts_and_others_may_share_a_batch():
    """A scene of the four classes is drawn as in a batch of its own kind, whatever garments are beside it."""
    mixed = sample_scenes("train", 60, classes=("Blouse", "Tank", "Shorts", "Skirt", "Dress"))
    plain = (mixed.categories < 4).nonzero()[:, 0]
    alone = mixed.rows(plain)
    alone = Scenes(alone.categories, alone.present, alone.parameters, alone.labels, alone.more, FOUR_CLASSES)
    assert torch.equal(render(mixed, 32)[plain], render(alone, 32))


def test_every_attribute_changes_pixels_inside_its_region(scenes):
    """The oracle is the public picture in whole grey levels, drawn twice, not the change that the regions came from."""
    chosen = {}
    for k in range(len(ATTRIBUTES)):
        absent = scenes.can_occur[:, k] & ~scenes.present[:, k]
        for i in [*scenes.present[:, k].nonzero()[:2, 0].tolist(), *absent.nonzero()[:1, 0].tolist()]:
            chosen.setdefault(i, []).append(k)
    changed = torch.zeros(len(ATTRIBUTES))
    for i, wanted in chosen.items():
        scene = scenes.rows(torch.tensor([i]))
        pictures = render(Scenes.joined([scene, *(scene.toggled(k) for k in wanted)]), 48).float()
        # Rounding to grey levels alone moves a pixel by up to one.
        levels = ((pictures[1:] - pictures[:1]).abs() - 1).clamp(min=0)
        regions = attribute_regions(scene, 48, only=wanted)[1:]
        assert regions.min() >= 0
        assert regions.max() <= 1
        for k, change in zip(wanted, (levels**2).sum(1), strict=True):
            if change.max() > 3 * 5**2:
                changed[k] += 1
                assert float((change * (regions[k] > 0.5)).sum() / change.sum()) >= 0.95, (NAMES[k], i)
    assert not [name for name, count in zip(NAMES, changed.tolist(), strict=True) if count == 0]


def test_regions_are_empty_where_an_attribute_cannot_occur(scenes):
    i = int((scenes.categories == scenes.classes.index("Skirt")).nonzero()[0, 0])
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
        seen += attribute_regions(scene, 48, only=present)[1:][present].flatten(1).any(1).tolist()
    assert sum(seen) / len(seen) > 0.9


def test_visible_garment_is_neither_missing_nor_the_whole_image(scenes):
    share = garment_mask(scenes.rows(slice(0, 200)), 32).mean((1, 2))
    assert (share > 0.02).float().mean() > 0.97
    assert share.max() < 0.85


def test_pictures_vary(scenes):
    images = render(scenes.rows(slice(0, 100)), 32).float()
    assert images.std(0).mean() > 25
    assert (images.flatten(1).std(1) > 8).all()
