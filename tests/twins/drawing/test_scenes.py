from dataclasses import dataclass

import torch
from mtattr.twins.drawing.scenes import SceneTable, first_scenes


@dataclass(frozen=True, eq=False)
class Toy(SceneTable):
    parameters: torch.Tensor
    labels: torch.Tensor
    domain: str = "toy"


def block(k):
    return Toy(torch.arange(4) + 4 * k, torch.arange(4) - 4 * k, "town")


def test_rows_and_joins_cover_every_tensor_and_nothing_else():
    scenes = Toy.joined([block(0), block(1)])
    assert len(scenes) == 8
    assert scenes.domain == "town"
    some = scenes.rows(torch.tensor([5, 0]))
    assert some.parameters.tolist() == [5, 0]
    assert some.labels.tolist() == [-3, 0]
    assert some.rows(slice(1, 2)).domain == "town"


def test_the_first_scenes_do_not_depend_on_how_many_are_asked_for():
    for n in range(10):
        scenes = first_scenes(block, 4, n)
        assert scenes.parameters.tolist() == list(range(n))
