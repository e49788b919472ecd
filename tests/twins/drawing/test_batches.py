import torch
from mtattr.twins.drawing.batches import grey_levels, map_batches, rendered


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


def test_rendered_pictures_keep_their_places():
    pictures = torch.rand(37, 3, 16, 8, generator=torch.Generator().manual_seed(0))
    images = rendered(lambda part: pictures[part], 37, (16, 8))
    assert images.dtype == torch.uint8
    assert torch.equal(images, grey_levels(pictures))


def test_grey_levels_round_to_the_nearest():
    assert grey_levels(torch.tensor([0.0, 0.499 / 255, 0.501 / 255, 1.0])).tolist() == [0, 0, 1, 255]
