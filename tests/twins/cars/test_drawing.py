import pytest
import torch
import torch.nn.functional as F
from mtattr.twins.cars import TASKS, attribute_regions, car_boxes, part_masks, render, sample_scenes
from mtattr.twins.cars.cars import draw


@pytest.fixture(scope="module")
def scenes():
    return sample_scenes("train", 300)


def one(scenes, i):
    return scenes.rows(slice(i, i + 1))


def test_pixels_do_not_depend_on_the_batch(scenes):
    alone = torch.cat([render(one(scenes, i), 32) for i in range(20)])
    assert torch.equal(alone, render(scenes.rows(slice(0, 80)), 32)[:20])


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


@pytest.mark.parametrize("small", [32, (32, 46), (48, 32)])
def test_a_scene_is_the_same_at_every_image_size(scenes, small):
    some = scenes.rows(slice(0, 16))
    low, high = render(some, small).float(), render(some, (128, 184)).float()
    reduced = F.interpolate(high, size=low.shape[-2:], mode="area")
    off = (reduced - low).abs().mean((1, 2, 3))
    shuffled = (reduced.roll(1, 0) - low).abs().mean((1, 2, 3))
    assert off.mean() < 0.25 * shuffled.mean()
    assert (off < shuffled).all()


@pytest.mark.parametrize("task", range(len(TASKS)), ids=TASKS.names)
def test_toggling_stays_in_the_part_that_the_geometry_gives(scenes, task):
    inside = []
    some = scenes.rows(slice(0, 40))
    before, after = render(some, (48, 69)).float(), render(some.toggled(task), (48, 69)).float()
    # Rounding to grey levels alone moves a pixel by up to one.
    change = (((before - after).abs() - 1).clamp(min=0) ** 2).sum(1)
    for i in range(40):
        mask = part_masks(one(some, i), (48, 69))[TASKS[task].region]
        assert set(mask.unique().tolist()) <= {0.0, 1.0}
        if change[i].max() > 3 * 5**2:
            inside.append(float((change[i] * mask).sum() / change[i].sum()))
    assert len(inside) > (25 if task == 1 else 38)
    assert min(inside) >= 0.95


def test_marks_are_small_and_the_body_is_large(scenes):
    front = (scenes.viewpoints == 1).nonzero()[:10, 0].tolist()
    side = (scenes.viewpoints == 3).nonzero()[:10, 0].tolist()
    area = lambda rows: sum(float(part_masks(one(scenes, i), 64)["marks"].mean()) for i in rows) / 10  # noqa: E731
    assert 0.005 < area(side) < 0.10 < area(front) < 0.45
    assert all(part_masks(one(scenes, i), 64)["body"].mean() > 0.2 for i in front + side)


@pytest.mark.parametrize("task", range(len(TASKS)), ids=TASKS.names)
def test_regions_hold_the_change_of_the_public_picture(scenes, task):
    for i in range(4):
        scene = one(scenes, i)
        region = attribute_regions(scene, 48, only=[task])
        assert region.shape == (3, 48, 48)
        assert set(region.unique().tolist()) <= {0.0, 1.0}
        others = [t for t in range(3) if t != task]
        assert region[others].sum() == 0
        levels = ((render(scene, 48).float() - render(scene.toggled(task), 48).float()).abs() - 1).clamp(min=0)
        change = (levels**2).sum((0, 1))
        if change.max() > 3 * 5**2:
            assert float((change * region[task]).sum() / change.sum()) >= 0.95
    both = attribute_regions(one(scenes, 0), 48)
    assert torch.equal(both[0], both[2])


def test_boxes_lie_in_the_picture_and_around_the_car(scenes):
    some = scenes.rows(slice(0, 40))
    shape = (56, 81)
    canvas = draw(some, shape)
    for i, (left, top, right, bottom) in enumerate(car_boxes(some, shape)):
        assert 1 <= left < right <= 81
        assert 1 <= top < bottom <= 56
        car = canvas.whole[i] > 0.5
        assert car[top - 1 : bottom, left - 1 : right].sum() == car.sum()
        assert car[top - 1].any()
        assert car[bottom - 1].any()
        assert car[:, left - 1].any()
        assert car[:, right - 1].any()
        assert 0.05 < car.float().mean() < 0.75


def test_cars_stand_on_the_ground(scenes):
    """The lowest pixel of the car's mask lies where the camera sees the tyres touch the ground."""
    some = scenes.rows(slice(0, 24))
    canvas = draw(some, (112, 161))
    for i in range(24):
        rows = (canvas.whole[i] > 0.5).any(1).nonzero()[:, 0]
        row = torch.tensor([i])
        feet = []
        for end in (-1, 1):
            for side in (-0.95, 0.95):
                _, y = canvas.view.project(end * canvas.m.axle[row], side * canvas.m.width[row], 0.0, row)
                feet.append((float(y[0]) + 1) * 56)
        assert abs(min(max(feet), 112) - float(rows[-1]) - 1) < 4


def test_pictures_vary(scenes):
    images = render(scenes.rows(slice(0, 100)), 32).float()
    assert images.std(0).mean() > 25
    assert (images.flatten(1).std(1) > 8).all()
