import pytest
import torch
from mtattr.adaptive_sharing.domains import CLOTHES, columns_of, fill_unknown, join, one_task_per_category
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.tasks import Task, TaskSet

NAN = torch.nan
GARMENTS = TaskSet([Task("long"), Task("category", "categorical", ("Tee", "Coat", "Skirt")), Task("cut", "categorical", ("a", "b"))])


def faces(**changes):
    given = {
        "images": torch.arange(2).repeat_interleave(3 * 4 * 5).view(2, 3, 4, 5).to(torch.uint8),
        "labels": torch.tensor([[1.0, 0.0], [NAN, 1.0]]),
        "tasks": TaskSet([Task("Hat", group="head"), Task("Smiling", group="mouth")]),
        "keys": ("a", "b"),
        "name": "celeba",
        "split": "train",
        "identities": torch.tensor([4, 5]),
        "source": "faces from there",
        "terms": "research",
        "facts": {"images": 2, "files_digest": "f1"},
    }
    return ImageData(**(given | changes))


def garments(**changes):
    given = {
        "images": torch.full((3, 3, 4, 5), 9, dtype=torch.uint8),
        "labels": torch.tensor([[1.0, 2.0, 0.0], [NAN, NAN, 1.0], [0.0, 0.0, NAN]]),
        "tasks": GARMENTS,
        "keys": ("a", "b", "c"),
        "name": "deepfashion",
        "split": "train",
        "region_of": lambda i: torch.zeros(3, 4, 5),
        "truth": torch.tensor([[1.0, 2.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]]),
        "generated": True,
        "source": "clothes from here",
        "terms": "none",
        "facts": {"images": 3, "scene_digest": "s1"},
    }
    return ImageData(**(given | changes))


def same(first, second):
    torch.testing.assert_close(first, torch.tensor(second), rtol=0, atol=0, equal_nan=True)
    return True


def test_every_category_becomes_a_task():
    data = garments()
    split = one_task_per_category(data)
    assert split.tasks == TaskSet(Task(name, group=CLOTHES) for name in ("Tee", "Coat", "Skirt"))
    assert same(split.labels, [[0.0, 0.0, 1.0], [NAN, NAN, NAN], [1.0, 0.0, 0.0]])
    assert same(split.truth, [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    # Its regions would be those of other tasks.
    assert split.regions(0) is None
    assert (split.keys, split.name, split.split, split.facts) == (data.keys, data.name, data.split, data.facts)
    assert torch.equal(split.images, data.images)


def test_binary_tasks_alone_have_no_category():
    with pytest.raises(InputError, match="celeba: expected a categorical task"):
        one_task_per_category(faces())


def test_joined_labels_of_the_other_domain_are_unknown():
    both = join(faces(), one_task_per_category(garments()))
    assert both.tasks.names == ("Hat", "Smiling", "Tee", "Coat", "Skirt")
    assert [task.group for task in both.tasks] == ["head", "mouth", CLOTHES, CLOTHES, CLOTHES]
    assert same(
        both.labels,
        [
            [1.0, 0.0, NAN, NAN, NAN],
            [NAN, 1.0, NAN, NAN, NAN],
            [NAN, NAN, 0.0, 0.0, 1.0],
            [NAN, NAN, NAN, NAN, NAN],
            [NAN, NAN, 1.0, 0.0, 0.0],
        ],
    )
    assert both.images[:, 0, 0, 0].tolist() == [0, 1, 9, 9, 9]
    assert both.keys == ("face a", "face b", "clothes a", "clothes b", "clothes c")
    assert (both.name, both.split, both.generated) == ("celeba+deepfashion", "train", True)
    assert (both.source, both.terms) == ("faces from there; clothes from here", "research; none")
    assert set(both.facts) == {"celeba images", "deepfashion images", "files_digest"}
    assert (both.facts["celeba images"], both.facts["deepfashion images"]) == (2, 3)
    assert columns_of(both.tasks) == ([0, 1], [2, 3, 4])
    # Identities of both sets may be the same numbers.
    assert both.identities is None


def test_the_truth_of_the_other_domain_is_unknown_like_its_labels():
    drawn = faces(truth=torch.tensor([[1.0, 1.0], [0.0, 1.0]]))
    both = join(drawn, one_task_per_category(garments()))
    assert same(
        both.truth,
        [
            [1.0, 1.0, NAN, NAN, NAN],
            [0.0, 1.0, NAN, NAN, NAN],
            [NAN, NAN, 0.0, 0.0, 1.0],
            [NAN, NAN, 0.0, 1.0, 0.0],
            [NAN, NAN, 0.0, 1.0, 0.0],
        ],
    )
    assert fill_unknown(both, torch.full((5, 5), 0.5)).truth is both.truth
    assert both.fingerprint == join(faces(), one_task_per_category(garments())).fingerprint
    # Photographs have none, and half a truth would be read as a whole one.
    assert join(faces(), one_task_per_category(garments())).truth is None


@pytest.mark.parametrize(
    ("of_faces", "of_garments"), [({"facts": {"files_digest": "f2"}}, {}), ({}, {"facts": {"scene_digest": "s2"}}), ({"split": "val"}, {})]
)
def test_the_fingerprint_tells_the_parts_apart(of_faces, of_garments):
    def joined(of_faces, of_garments):
        return join(faces(**of_faces), one_task_per_category(garments(**of_garments)))

    assert joined({}, {}).fingerprint == joined({}, {}).fingerprint
    assert joined(of_faces, of_garments).fingerprint != joined({}, {}).fingerprint


def test_pixels_of_drawn_images_do_not_count():
    other = one_task_per_category(garments(images=torch.full((3, 3, 4, 5), 8, dtype=torch.uint8)))
    assert join(faces(), other).fingerprint == join(faces(), one_task_per_category(garments())).fingerprint


def test_images_of_two_sizes_do_not_join():
    with pytest.raises(InputError, match=r"one size, got \(4, 5\) and \(5, 4\)"):
        join(faces(), one_task_per_category(garments(images=torch.zeros(3, 3, 5, 4, dtype=torch.uint8))))


def test_only_unknown_labels_are_filled():
    both = join(faces(), one_task_per_category(garments()))
    answers = torch.rand(5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    filled = fill_unknown(both, answers)
    for n in range(5):
        for t in range(5):
            expected = answers[n, t].float() if both.labels[n, t].isnan() else both.labels[n, t]
            assert filled.labels[n, t] == expected
    assert filled.labels.dtype == torch.float32
    assert both.labels.isnan().any()
    assert filled.fingerprint != both.fingerprint
    assert (filled.tasks, filled.keys) == (both.tasks, both.keys)


def test_answers_that_are_no_probabilities_are_refused():
    with pytest.raises(InputError, match="a probability in"):
        fill_unknown(faces(), torch.full((2, 2), 1.5))


def test_what_is_no_clothes_is_a_face():
    tasks = TaskSet([Task("Tee", group=CLOTHES), Task("Hat"), Task("Coat", group=CLOTHES), Task("Male", group="global")])
    assert columns_of(tasks) == ([1, 3], [0, 2])
    assert columns_of(TaskSet.binary("ab")) == ([0, 1], [])
    assert columns_of(TaskSet.binary("ab", group=CLOTHES)) == ([], [0, 1])
