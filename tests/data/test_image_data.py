import pytest
import torch
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.tasks import Task, TaskSet

TASKS = TaskSet([Task("class", "categorical", ("a", "b", "c")), Task("hat"), Task("bag")])
N = 5


def made(**changes):
    generator = torch.Generator().manual_seed(0)
    given = {
        "images": torch.randint(0, 256, (N, 3, 4, 6), dtype=torch.uint8, generator=generator),
        "labels": torch.tensor([[0, 1, 0], [1, float("nan"), 1], [2, 0.25, 0], [float("nan"), 0, 1], [1, 1, 1]]),
        "tasks": TASKS,
        "keys": tuple("vwxyz"),
        "name": "made",
        "split": "train",
        "identities": torch.tensor([4, 4, 7, 7, 9]),
        "truth": torch.tensor([[0, 1, 1], [1, 0, 1], [2, 0, 0], [2, 0, 1], [0, 1, 1]]),
        "region_of": lambda i: torch.full((3, 4, 6), i / 10) * torch.arange(3)[:, None, None],
    }
    return ImageData(**(given | changes))


def test_disagreeing_parts():
    for changes, expected in [
        ({"images": torch.zeros(N, 3, 4, 6)}, "uint8"),
        ({"images": torch.zeros(N, 1, 4, 6, dtype=torch.uint8)}, "uint8"),
        ({"images": torch.zeros(4, 3, 4, 6, dtype=torch.uint8)}, "4 images but 5 label rows and 5 keys"),
        ({"labels": torch.zeros(4, 3)}, "5 images but 4 label rows"),
        ({"labels": torch.zeros(N, 2)}, r"shape \(N, 3\)"),
        ({"labels": torch.full((N, 3), 3.0)}, "'class' has the value 3"),
        ({"labels": torch.full((N, 3), 1.5)}, "made train: task 'class' has the value 1.5"),
        ({"keys": tuple("vwxy")}, "4 keys"),
        ({"keys": tuple("vwxyv")}, "1 are given twice"),
        ({"identities": torch.zeros(4)}, "identities"),
        ({"truth": torch.zeros(4, 3)}, "made train, drawn truth: expected the shape of the labels"),
        ({"truth": torch.full((N, 3), 3)}, "made train, drawn truth: task 'class' has the value 3"),
    ]:
        with pytest.raises(InputError, match=expected):
            made(**changes)


def test_subset_takes_every_part_along():
    data, rows = made(), [3, 0, 3 - 1]
    few = data.subset(rows)
    assert few.keys == ("y", "v", "x")
    assert torch.equal(few.images, data.images[rows])
    torch.testing.assert_close(few.labels, data.labels[rows], equal_nan=True)
    assert few.identities.tolist() == [7, 4, 7]
    assert few.truth.tolist() == [[2, 0, 1], [0, 1, 1], [2, 0, 0]]
    for i, row in enumerate(rows):
        assert torch.equal(few.regions(i), data.regions(row))
    assert len(data.subset([])) == 0


def test_subset_of_a_subset():
    data = made()
    assert torch.equal(data.subset([4, 3, 1]).subset([2, 0]).regions(0), data.regions(1))
    assert data.subset(torch.tensor([4, 3, 1])).subset([2, 0]).keys == ("w", "z")


def test_select_tasks_takes_labels_truth_and_regions_along():
    data = made()
    few = data.select_tasks(["bag", 0])
    assert few.tasks.names == ("bag", "class")
    torch.testing.assert_close(few.labels, data.labels[:, [2, 0]], equal_nan=True)
    assert torch.equal(few.regions(3), data.regions(3)[[2, 0]])
    assert torch.equal(few.truth, data.truth[:, [2, 0]])
    with pytest.raises(InputError, match="'shoe'"):
        data.select_tasks(["shoe"])


def test_photographs_have_neither_regions_nor_a_drawn_truth():
    photographs = made(region_of=None, truth=None)
    for data in (photographs, photographs.subset([1]), photographs.select_tasks([1])):
        assert data.regions(0) is None
        assert data.truth is None


def test_unknown_labels_stay_unknown():
    assert made().labels.isnan().nonzero().tolist() == [[1, 1], [3, 0]]


def changed_pixel():
    images = made().images.clone()
    images[4, 2, 3, 5] ^= 1
    return {"images": images}


def test_fingerprint_covers():
    for changes in [
        {"name": "other"},
        {"split": "val"},
        {"keys": tuple("vwxyq")},
        {"labels": torch.zeros(N, 3)},
        {"tasks": TaskSet([Task("class", "categorical", ("a", "b", "d")), Task("hat"), Task("bag")])},
        changed_pixel(),
    ]:
        assert made(**changes).fingerprint != made().fingerprint


def test_fingerprint_is_repeatable_and_ignores_notes():
    assert made().fingerprint == made(source="elsewhere", facts={"counts": 3}, truth=None).fingerprint


def test_fingerprint_of_a_twin_follows_its_scenes_and_not_its_pixels():
    twin = {"generated": True, "facts": {"scene_digest": "s"}}
    assert made(**twin).fingerprint == made(**twin, **changed_pixel()).fingerprint
    assert made(**twin).fingerprint != made(generated=True, facts={"scene_digest": "t"}).fingerprint


def test_fingerprint_of_a_streamed_set_follows_its_files():
    streamed = {"facts": {"files_digest": "f"}}
    assert made(**streamed).fingerprint == made(**streamed, **changed_pixel()).fingerprint
    assert made(**streamed).fingerprint != made(facts={"files_digest": "g"}).fingerprint
