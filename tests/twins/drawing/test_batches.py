from dataclasses import dataclass
from types import SimpleNamespace

import torch
from mtattr.twins.drawing.batches import drawn, grey_levels, map_batches, rendered
from mtattr.twins.drawing.scenes import SceneTable


@dataclass(frozen=True, eq=False)
class Toy(SceneTable):
    parameters: torch.Tensor


def test_slices_cover_all_scenes_in_order():
    for n in (0, 1, 7, 5000):
        parts = map_batches(lambda part: list(range(part.start, part.stop)), n, (64, 48))
        assert [i for part in parts for i in part] == list(range(n))


def test_work_is_spread_and_needs_no_gradient():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        seen = map_batches(lambda part: torch.is_grad_enabled(), 100, (8, 8))
        assert len(seen) >= 2
        assert not any(seen)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_pictures_keep_their_places():
    pictures = torch.rand(37, 3, 16, 8, generator=torch.Generator().manual_seed(0))

    def draw(scenes, image_shape, device):
        return SimpleNamespace(picture=pictures[scenes.parameters], level=scenes.parameters * 2)

    scenes = Toy(torch.arange(37))
    images = rendered(draw, scenes, (16, 8))
    assert images.dtype == torch.uint8
    assert torch.equal(images, grey_levels(pictures))
    assert torch.equal(drawn(draw, scenes, (16, 8)), pictures)
    assert drawn(draw, scenes, (16, 8), of=lambda canvas: canvas.level).tolist() == list(range(0, 74, 2))


def test_grey_levels_round_to_the_nearest():
    assert grey_levels(torch.tensor([0.0, 0.499 / 255, 0.501 / 255, 1.0])).tolist() == [0, 0, 1, 255]
