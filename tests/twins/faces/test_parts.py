import pytest
import torch
from mtattr.twins.faces.attributes import NAMES, PART_OF, PARTS
from mtattr.twins.faces.faces import part_masks, render
from mtattr.twins.faces.scene import sample_scenes


@pytest.fixture(scope="module")
def scenes():
    return sample_scenes("val", 8)


@pytest.fixture(scope="module", params=[64, 128])
def changed(request, scenes):
    """Squared change (8, 40, H, W) by each attribute's toggling, less the grey level by which rounding alone moves a pixel."""
    size = request.param
    variants = [scenes, *(scenes.toggled(k) for k in range(len(NAMES)))]
    pictures = torch.stack([render(v, size).float() for v in variants], 1)
    return ((pictures[:, 1:] - pictures[:, :1]).abs() - 1).clamp(min=0).square().sum(2)


@pytest.fixture(scope="module")
def masks(changed, scenes):
    """Each scene's masks of its parts."""
    return [part_masks(scenes.rows(slice(i, i + 1)), changed.shape[-1]) for i in range(len(scenes))]


def test_toggling_an_attribute_changes_its_part_alone(changed, masks):
    for k, name in enumerate(NAMES):
        seen = changed[:, k].amax((1, 2)) > 3 * 4**2
        assert seen.any(), name
        for i in seen.nonzero()[:, 0].tolist():
            inside = (changed[i, k] * masks[i][PART_OF[name]]).sum()
            assert float(inside / changed[i, k].sum()) >= 0.95, f"{name}, scene {i}"


def test_masks_are_named_and_small(scenes):
    """Only a part that excludes something can be a test of the drawing."""
    masks = part_masks(scenes.rows(slice(0, 1)), (218, 178))
    assert tuple(masks) == PARTS
    area = {name: float(mask.mean()) for name, mask in masks.items()}
    assert all(mask.shape == (218, 178) and set(mask.unique().tolist()) <= {0.0, 1.0} for mask in masks.values())
    assert area["image"] == 1
    assert all(area[name] < 0.13 for name in ("brows", "nose", "mouth"))
    assert all(area[name] < 0.30 for name in ("eyes", "ears", "forehead", "cheeks", "neck"))
    assert all(area[name] < 0.66 for name in ("face", "skin", "jaw"))
    assert area["hair"] < 0.70
    assert masks["hair"][130, 89] == 0
    assert torch.equal(masks["brows"] * masks["mouth"], torch.zeros(218, 178))
