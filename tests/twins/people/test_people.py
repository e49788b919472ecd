import pytest
import torch
import torch.nn.functional as F
from mtattr.twins.people.attributes import DOMAINS
from mtattr.twins.people.parts import part_masks
from mtattr.twins.people.people import attribute_regions, render
from mtattr.twins.people.scene import COLUMN, sample_scenes

SIZE = (96, 48)


@pytest.fixture(scope="module")
def scenes():
    spread = torch.arange(0, 1200, 25)
    return {name: sample_scenes(name, "train", 1200).rows(spread) for name in DOMAINS}


@pytest.fixture(scope="module")
def few(scenes):
    """A dozen scenes of each set with their pictures."""
    return {name: (some.rows(slice(0, None, 4)), render(some.rows(slice(0, None, 4)), SIZE)) for name, some in scenes.items()}


def changes(scenes, images, attribute):
    """Squared change in whole grey levels when an attribute is toggled, (N, H, W); rounding alone moves a pixel by up to one."""
    levels = (images.float() - render(scenes.toggled(attribute), SIZE).float()).abs() - 1
    return (levels.clamp(min=0) ** 2).sum(1)


@pytest.mark.parametrize("domain", DOMAINS)
def test_pixels_do_not_depend_on_the_batch(scenes, domain):
    some = scenes[domain].rows(slice(0, 40))
    alone = torch.cat([render(some.rows(slice(i, i + 1)), 32) for i in range(12)])
    assert torch.equal(alone, render(some, 32)[:12])


def test_the_caller_keeps_its_number_of_threads(scenes):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        threaded = render(scenes["duke"], 32)
        assert torch.get_num_threads() == 2
        torch.set_num_threads(1)
        assert torch.equal(render(scenes["duke"], 32), threaded)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("square", [False, True])
def test_a_scene_is_the_same_at_every_image_size(scenes, domain, square):
    some = scenes[domain].rows(slice(0, 24))
    small, large = (render(some, size if square else (size, size // 2)).float() for size in (32, 192))
    reduced = F.interpolate(large, size=small.shape[2:], mode="area")
    off = (reduced - small).abs().mean((1, 2, 3))
    shuffled = (reduced.roll(1, 0) - small).abs().mean((1, 2, 3))
    assert off.mean() < 0.25 * shuffled.mean()
    assert (off < shuffled).all()


@pytest.mark.parametrize("domain", DOMAINS)
def test_toggling_changes_its_part_and_little_else(few, domain):
    """The oracle is the figure's geometry, which knows nothing of the change."""
    some, images = few[domain]
    masks = [part_masks(some.rows(torch.tensor([i])), SIZE) for i in range(len(some))]
    for attribute in DOMAINS[domain].attributes:
        shown = 0
        for i, change in enumerate(changes(some, images, attribute.name)):
            if change.max() > 3 * 5**2:
                shown += 1
                mask = masks[i][attribute.part]
                assert float((change * mask).sum() / change.sum()) >= 0.95, (attribute.name, i)
        assert shown >= 5, attribute.name


@pytest.mark.parametrize("domain", DOMAINS)
def test_regions_hold_the_change(few, domain):
    some, images = few[domain]
    scene = some.rows(torch.tensor([7]))
    regions = attribute_regions(scene, SIZE)
    assert regions.shape == (len(scene.spec.attributes), *SIZE)
    assert regions.dtype == torch.float32
    assert set(regions.unique().tolist()) <= {0.0, 1.0}
    alone = attribute_regions(scene, SIZE, only=[2])
    assert torch.equal(alone[2], regions[2])
    assert not alone[[k for k in range(len(regions)) if k != 2]].any()
    for region, attribute in zip(regions, scene.spec.attributes, strict=True):
        change = changes(scene, images[7:8], attribute.name)[0]
        if change.max() > 3 * 5**2:
            assert float((change * region).sum() / change.sum()) >= 0.95, attribute.name


@pytest.mark.parametrize("domain", DOMAINS)
def test_part_masks_are_the_schemas_parts_and_neither_empty_nor_everything(scenes, domain):
    for i in range(0, 40, 8):
        masks = part_masks(scenes[domain].rows(torch.tensor([i])), SIZE)
        assert set(masks) == {attribute.part for attribute in DOMAINS[domain].attributes}
        for part, mask in masks.items():
            assert 0.01 < mask.mean() < (0.98 if part == "person" else 0.65)


def test_a_backpack_shows_more_from_behind_than_from_the_front():
    """Difficulty as in life: in front only straps and edges can be seen."""
    every = sample_scenes("duke", "train", 1200)
    area = {"front": [], "back": []}
    facing = every.parameters[:, COLUMN["facing"]]
    for view, near in (("front", (facing < 0.04) | (facing > 0.96)), ("back", (facing - 0.5).abs() < 0.04)):
        for i in near.nonzero()[:8, 0].tolist():
            scene = every.rows(torch.tensor([i]))
            area[view].append(float(attribute_regions(scene, SIZE, only=[scene.spec.index["backpack"]]).sum()))
    assert sum(area["back"]) / len(area["back"]) > 1.5 * sum(area["front"]) / len(area["front"]) > 0


@pytest.mark.parametrize("domain", DOMAINS)
def test_cameras_tell_by_their_light_and_pictures_vary(domain):
    every = sample_scenes(domain, "train", 400)
    images = render(every, 32).float()
    assert images.std(0).mean() > 20
    assert (images.flatten(1).std(1) > 8).all()
    tint = torch.stack([images[every.numbers[:, 1] == camera].mean((0, 2, 3)) for camera in range(1, every.spec.cameras + 1)])
    assert tint.std(0).min() > 4
