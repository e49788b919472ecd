import pytest
import torch
from mtattr.data.image_data import ImageData
from mtattr.data.report import rates, report, unreadable_files
from mtattr.tasks import Task, TaskSet

TASKS = TaskSet([Task("colour", "categorical", ("red", "blue")), Task("hat"), Task("bag")])
LABELS = torch.tensor([[0, 1, float("nan")], [1, 0, 1], [1, 1, float("nan")], [float("nan"), 1, 0]])


def part(split="train", **changes):
    facts = {
        "layout": "flat",
        "counts": {"images": 4, "ids": 2},
        "published": {"images": 5},
        "published_rates": {"hat": 0.5, "colour = red": 0.25},
        "checksums": {"labels.txt": "as published"},
        "skipped": ["a.jpg"],
        "camera": "six",
    }
    given = {"name": "toy", "split": split, "facts": facts, "identities": torch.tensor([1, 1, 2, 2])} | changes
    return ImageData(images=torch.zeros(4, 3, 8, 6, dtype=torch.uint8), labels=LABELS, tasks=TASKS, keys=tuple("wxyz"), **given)


def test_rates_count_known_labels_only():
    assert rates(part()) == pytest.approx({"colour = red": 1 / 3, "colour = blue": 2 / 3, "hat": 0.75, "bag": 0.5})


def test_a_report_sets_what_is_found_beside_what_was_published():
    text = "\n".join(report([part(), part("val", facts={"skipped": ["b.jpg", "c.jpg"]})]))
    assert "toy (real): 3 tasks, 4 network units, 8 x 6 pixels" in text
    assert "layout found: flat" in text
    assert "train: 4 images, 2 identities, 75.0% of the labels known" in text
    assert "train: images 4, published 5 (-1)" in text
    assert "train: ids 2" in text.splitlines()
    assert "checksum of labels.txt: as published" in text
    assert "camera: six" in text
    hat = next(line for line in text.splitlines() if line.startswith("hat")).split()
    assert hat == ["hat", "75.00%", "50.00%", "+25.00", "75.00%"]
    assert text.splitlines()[-1] == "unreadable files: 3"
    assert "unreadable in val: c.jpg" in text
    assert unreadable_files([part(), part()]) == 2


def test_a_long_list_is_cut_and_says_so():
    lines = list(report([part()], longest=2))
    assert any(line.startswith("and 2 more") for line in lines)
    assert not any(line.startswith("bag") for line in lines)


def test_a_generated_set_is_called_so():
    assert "generated" in next(report([part(generated=True)]))


def test_what_all_splits_say_is_said_once():
    lines = list(report([part(), part("val")]))
    assert "images 4, published 5 (-1)" in lines
    assert sum(line.startswith("images 4") or ": images 4" in line for line in lines) == 1


def test_rates_published_per_identity_are_compared_per_identity():
    facts = {"identity_rates": {"hat": 0.5, "bag": 1.0}, "published_rates": {"hat": 0.25}}
    lines = list(report([part(facts=facts)]))
    assert "share of positives among identities" in lines
    assert next(line for line in lines if line.startswith("hat")).split() == ["hat", "50.00%", "25.00%", "+25.00"]
