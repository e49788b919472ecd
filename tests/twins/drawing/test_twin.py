import pytest
import torch
from mtattr.errors import InputError
from mtattr.tasks import TaskSet
from mtattr.twins.drawing.twin import check_twin_options, drawing_digest, drawn_data


def made(package, **changes):
    images = torch.randint(0, 256, (4, 3, 8, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    drawn = []

    def render():
        drawn.append(True)
        return images

    given = {
        "package": package,
        "image_shape": (8, 6),
        "scene_digest": "s",
        "labels": torch.zeros(4, 2),
        "tasks": TaskSet.binary(["hat", "bag"]),
        "keys": list("abcd"),
        "render": render,
        "region_of": lambda i: torch.full((2, 8, 6), float(i)),
        "source": "drawn",
        "facts": {"seed": 0},
    }
    data = drawn_data("toy-twin", "train", **given | changes)
    assert torch.equal(data.images, images)
    return data, bool(drawn)


def test_drawn_once_and_again_when_the_drawing_changes(tmp_path, fresh_home):
    (tmp_path / "shapes.py").write_text("one")
    (tmp_path / "load.py").write_text("one")
    data, drawn = made(tmp_path)
    assert drawn
    assert data.generated
    assert data.facts["scene_digest"] == "s"
    assert not made(tmp_path)[1]
    assert made(tmp_path, scene_digest="t")[1]
    drawing_digest.cache_clear()
    (tmp_path / "load.py").write_text("two")
    assert not made(tmp_path)[1]
    drawing_digest.cache_clear()
    (tmp_path / "shapes.py").write_text("two")
    assert made(tmp_path)[1]


def test_regions_are_asked_for_by_position(tmp_path, fresh_home):
    data, _ = made(tmp_path)
    assert float(data.regions(2).mean()) == 2
    assert float(data.regions(-1).mean()) == 3
    assert float(data.subset([3, 1]).regions(1).mean()) == 1
    with pytest.raises(IndexError):
        data.regions(4)


def test_options_of_a_twin():
    assert check_twin_options("toy-twin", "train", 16, None, None, "toy") == (16, 16)
    assert check_twin_options("toy-twin", "train", (16, 8), 3, None, "toy") == (16, 8)
    for wrong, message in (
        ({"root": "x"}, "for files use the dataset toy"),
        ({"split": "x"}, "split 'x'"),
        ({"image_size": (16, 8, 3)}, "height and a width"),
        ({"image_size": (16, 4)}, "8..1024"),
    ):
        given = {"split": "train", "image_size": 16, "root": None} | wrong
        with pytest.raises(InputError, match=message):
            check_twin_options("toy-twin", given["split"], given["image_size"], None, given["root"], "toy")
