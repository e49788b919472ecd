from dataclasses import replace

import pytest
import torch
from mtattr.data import load_dataset
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.evaluation import known_regions
from mtattr.tasks import TaskSet


def twin(count=5, *, shift=0, drawn=None):
    """Images whose region i of task t is a square of values i and t tell apart."""

    def region_of(i):
        if drawn is not None:
            drawn.append(i)
        return torch.stack([torch.full((6, 4), (10 * i + t + shift) / 255) for t in range(2)])

    images = torch.zeros(count, 3, 6, 4, dtype=torch.uint8)
    keys = tuple(f"{shift} {i}" for i in range(count))
    return ImageData(images, torch.zeros(count, 2), TaskSet.binary("ab"), keys, "toy-twin", "test", region_of=region_of)


def test_regions_of_the_first_images_in_their_order(fresh_home):
    found = known_regions(twin(), 3)
    assert found.shape == (3, 2, 6, 4)
    assert found.dtype == torch.float32
    for i in range(3):
        for t in range(2):
            torch.testing.assert_close(found[i, t], torch.full((6, 4), (10 * i + t) / 255), rtol=0, atol=1e-7)


def test_they_are_drawn_once_and_for_every_number_of_images(fresh_home):
    drawn = []
    first = known_regions(twin(drawn=drawn), 3)
    assert torch.equal(known_regions(twin(drawn=drawn), 3), first)
    assert drawn == [0, 1, 2]
    assert torch.equal(known_regions(twin(drawn=drawn), 4)[:3], first)
    assert drawn == [0, 1, 2, 0, 1, 2, 3]


def test_another_set_and_other_tasks_have_regions_of_their_own(fresh_home):
    data = twin()
    whole = known_regions(data, 3)
    assert not torch.equal(known_regions(twin(shift=1), 3), whole)
    assert torch.equal(known_regions(data.select_tasks(["b"]), 3), whole[:, 1:])
    assert torch.equal(known_regions(data.select_tasks(["b", "a"]), 3), whole.flip(1))
    assert torch.equal(known_regions(data.subset([4, 2, 0]), 2), known_regions(data, 5)[[4, 2]])


def test_a_region_has_256_steps(fresh_home):
    data = replace(twin(1), region_of=lambda i: torch.linspace(0, 1, 48).view(2, 6, 4))
    found = known_regions(data, 1)[0]
    torch.testing.assert_close(found, torch.linspace(0, 1, 48).view(2, 6, 4), rtol=0, atol=0.51 / 255)
    assert torch.equal((found * 255).round() / 255, found)
    assert (found.min(), found.max()) == (0, 1)


def test_changing_them_changes_no_cache(fresh_home):
    found = known_regions(twin(), 2)
    expected = found.clone()
    found.zero_()
    assert torch.equal(known_regions(twin(), 2), expected)


@pytest.mark.parametrize(("name", "size"), [("cluttered-digits", 32), ("compcars-twin", (22, 32)), ("celeba-twin", 24)])
def test_those_of_the_twins_are_what_the_data_say(name, size, fresh_home):
    data = load_dataset(name, "test", image_size=size, limit=3)
    found = known_regions(data, 3)
    assert found.shape == (3, len(data.tasks), *data.images.shape[2:])
    for i in range(3):
        torch.testing.assert_close(found[i], data.regions(i), rtol=0, atol=0.51 / 255)
    assert found.amax() > 0.5


def test_real_data_have_none():
    with pytest.raises(InputError, match="toy-twin has no region masks; use its generated twin instead"):
        known_regions(replace(twin(), region_of=None), 2)
