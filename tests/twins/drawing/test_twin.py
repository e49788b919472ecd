from pathlib import Path

import pytest
import torch
from mtattr.code import closure
from mtattr.data import load_dataset
from mtattr.errors import InputError
from mtattr.tasks import TaskSet
from mtattr.twins.drawing import twin
from mtattr.twins.drawing.twin import check_twin_options, drawn_data

PACKAGE = Path(twin.__file__).parents[2]


def made(**changes):
    images = torch.randint(0, 256, (4, 3, 8, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    drawn = []

    def render():
        drawn.append(True)
        return images

    given = {
        "drawn_by": "mtattr.twins.digits.drawing",
        "image_shape": (8, 6),
        "scene_digest": "s",
        "labels": torch.zeros(4, 2),
        "truth": torch.eye(4, 2),
        "tasks": TaskSet.binary(["hat", "bag"]),
        "keys": list("abcd"),
        "render": render,
        "region_of": lambda i: torch.full((2, 8, 6), float(i)),
        "source": "drawn",
        "facts": {"draw": 0},
    }
    data = drawn_data("toy-twin", "train", **given | changes)
    assert torch.equal(data.images, images)
    return data, bool(drawn)


def test_drawn_once_and_again_when_the_drawing_changes(fresh_home, monkeypatch):
    data, drawn = made()
    assert drawn
    assert data.generated
    assert data.facts["scene_digest"] == "s"
    assert torch.equal(data.truth, torch.eye(4, 2))
    assert not made()[1]
    assert made(scene_digest="t")[1]
    assert made(drawn_by="mtattr.twins.cars.cars")[1]
    monkeypatch.setattr(twin, "drawing_digest", lambda module: "changed")
    assert made()[1]


@pytest.mark.parametrize("name", ["celeba", "market1501", "duke", "deepfashion", "compcars", None])
def test_code_that_draws_decides_the_cache_and_code_that_loads_does_not(name, fresh_home, monkeypatch):
    asked = []
    monkeypatch.setattr(twin, "drawing_digest", lambda module: asked.append(module) or "0")
    load_dataset(f"{name}-twin" if name else "cluttered-digits", "val", image_size=16, limit=1)
    files = {path.relative_to(PACKAGE).as_posix() for path in closure(asked)}
    twins = {path.split("/")[1] for path in files if path.startswith("twins/")}
    assert "drawing" in twins
    assert len(twins) == 2
    assert {path.rsplit("/", 1)[-1] for path in files} >= {"canvas.py", "scene.py", "shapes.py", "patterns.py"}
    assert not [path for path in files if path.endswith(("load.py", "layout.py", "twin.py", "writing.py", "cache.py"))]


def test_regions_are_asked_for_by_position(fresh_home):
    data, _ = made()
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
