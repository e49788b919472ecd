import torch
from mtattr.twins.drawing.regions import changed_regions


def pictures(height=64, width=64):
    before = torch.full((1, 3, height, width), 0.5)
    after = before.repeat(3, 1, 1, 1)
    after[0, :, 10:30, 20:40] += 0.3
    after[2] += 0.001
    return after, before


def test_a_region_is_what_changed_and_nothing_else():
    after, before = pictures()
    regions = changed_regions(after, before)
    expected = torch.zeros(64, 64)
    expected[10:30, 20:40] = 1
    assert regions.shape == (3, 64, 64)
    # Flat changes: the smallest set with 98 % may miss up to 2 % of the square's pixels.
    assert float((regions[0] - expected).abs().sum()) <= 0.03 * 400
    assert regions[1].sum() == 0
    assert regions[2].sum() == 0


def test_weak_traces_are_left_out_and_gaps_closed():
    after, before = pictures()
    after[0, :, 50:60, 50:60] += 0.01
    after[0, :, 18:20, :] = 0.5
    region = changed_regions(after[:1], before)[0]
    assert region[50:60, 50:60].sum() == 0
    assert region[18:20, 22:38].min() == 1


def test_regions_follow_the_pictures_shape():
    after, before = pictures(128, 32)
    after[0] = before[0]
    after[0, 0, 100, 5] = 1
    region = changed_regions(after, before)[0]
    assert region.shape == (128, 32)
    assert region[100, 5] == 1
    assert region.sum() == 1
