import pytest
import torch
from mtattr.errors import InputError
from mtattr.evaluation import deletion_insertion, linear_imputation, mean_colour
from torch.nn.functional import interpolate

from reference import deletion_and_insertion


def given(count=5, size=(6, 7), map_size=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 3, *size, generator=generator)
    return images, torch.randn(count, *(map_size or size), generator=generator)


WEIGHTS = torch.randn(3, 6, 7, generator=torch.Generator().manual_seed(9))


def score(images, positions):
    """Something that depends on every pixel, on their products, and on which image it is."""
    return (images * WEIGHTS).sum((1, 2, 3)).sigmoid() + images[:, 0, 0, 0] * images[:, 2, -1, -1] + positions


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8, 42, 50])
def test_equals_the_naive_loops(steps):
    images, maps = given()
    deletion, insertion = deletion_insertion(score, images, maps, steps=steps, fill=mean_colour)
    for n in range(len(images)):

        def of_one(image, n=n):
            return score(torch.from_numpy(image)[None].float(), torch.tensor([n])).item()

        expected = deletion_and_insertion(of_one, images[n].numpy(), maps[n].numpy(), steps)
        assert (deletion[n].item(), insertion[n].item()) == pytest.approx(expected, abs=1e-5)


def test_eight_steps_and_neighbours_by_default():
    images, maps = given()
    said = deletion_insertion(score, images, maps, steps=8, fill=linear_imputation)
    for found, expected in zip(deletion_insertion(score, images, maps), said, strict=True):
        assert torch.equal(found, expected)
    assert not torch.equal(said[0], deletion_insertion(score, images, maps, fill=mean_colour)[0])


def test_by_hand():
    # Four pixels; the score is the last of them, which is 0.8 in an image of mean 0.5.
    images = torch.tensor([0.2, 0.4, 0.6, 0.8]).view(1, 1, 1, 4).expand(1, 3, 1, 4)
    maps = torch.tensor([[[1.0, 2.0, 4.0, 3.0]]])
    deletion, insertion = deletion_insertion(lambda x, _: x[:, 0, 0, 3], images, maps, steps=4, fill=mean_colour)
    assert deletion.item() == pytest.approx((0.8 + 0.8 + 0.5 + 0.5 + 0.5) / 5)
    assert insertion.item() == pytest.approx((0.5 + 0.5 + 0.8 + 0.8 + 0.8) / 5)


def test_the_best_map_has_the_lowest_deletion_and_the_highest_insertion():
    images = torch.full((2, 3, 8, 8), 0.1)
    images[:, :, 2:4, 3:6] = 1.0
    best = torch.zeros(2, 8, 8)
    best[:, 2:4, 3:6] = 1
    rivals = {"best": best, "reversed": -best, "random": torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(0))}
    of = {name: deletion_insertion(lambda x, _: x[:, :, 2:4, 3:6].mean((1, 2, 3)), images, maps) for name, maps in rivals.items()}
    for n in range(2):
        assert of["best"][0][n] < of["random"][0][n] < of["reversed"][0][n]
        assert of["best"][1][n] > of["random"][1][n] > of["reversed"][1][n]


# With 42 pixels and steps that halve no pixel the same pictures are shown, from the other end.
@pytest.mark.parametrize("steps", [1, 2, 3, 6, 7, 14])
def test_deletion_by_a_map_is_insertion_by_its_reverse(steps):
    images, maps = given()
    deletion, insertion = deletion_insertion(score, images, maps, steps=steps)
    of_reverse = deletion_insertion(score, images, -maps, steps=steps)
    torch.testing.assert_close(deletion, of_reverse[1])
    torch.testing.assert_close(insertion, of_reverse[0])


def test_only_the_order_of_a_map_counts():
    images, maps = given()
    for changed in (3 * maps - 2, maps.exp(), maps.double()):
        for found, expected in zip(deletion_insertion(score, images, changed), deletion_insertion(score, images, maps), strict=True):
            torch.testing.assert_close(found, expected)


def test_equal_pixels_keep_the_order_of_reading():
    images, _ = given()
    falling = -torch.arange(42.0).view(1, 6, 7).expand(5, 6, 7)
    for flat in (torch.zeros(5, 6, 7), torch.full((5, 2, 3), 0.25)):
        for found, expected in zip(deletion_insertion(score, images, flat), deletion_insertion(score, images, falling), strict=True):
            assert torch.equal(found, expected)


@pytest.mark.parametrize("map_size", [(2, 3), (3, 7), (1, 1), (12, 14)])
def test_a_map_of_another_size_is_enlarged_bilinearly(map_size):
    images, maps = given(map_size=map_size)
    large = interpolate(maps[:, None], size=(6, 7), mode="bilinear", align_corners=False)[:, 0]
    for found, expected in zip(deletion_insertion(score, images, maps), deletion_insertion(score, images, large), strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("at_once", [1, 2, 3, 5, 100])
def test_the_score_gets_few_images_at_once_with_their_positions(at_once):
    images, maps = given()
    seen = []

    def watched(x, positions):
        assert len(x) == len(positions) <= at_once
        seen.append(positions)
        return score(x, positions)

    found = deletion_insertion(watched, images, maps, steps=2, at_once=at_once)
    for value, expected in zip(found, deletion_insertion(score, images, maps, steps=2), strict=True):
        torch.testing.assert_close(value, expected)
    assert torch.cat(seen).tolist() == list(range(5)) * 6


def test_it_starts_with_the_whole_image_and_ends_with_its_mean_colour():
    images, maps = given()
    shown = []
    deletion_insertion(lambda x, _: shown.append(x.clone()) or x[:, 0, 0, 0], images, maps, steps=3, fill=mean_colour)
    deletions, insertions = shown[0::2], shown[1::2]
    blank = images.mean((2, 3), keepdim=True).expand_as(images)
    assert len(deletions) == len(insertions) == 4
    for first, last in ((deletions[0], deletions[-1]), (insertions[-1], insertions[0])):
        assert torch.equal(first, images)
        assert torch.equal(last, blank)
    # A third of 42 pixels each time.
    changed = [[(picture[n] != images[n]).any(0).sum().item() for picture in deletions] for n in range(5)]
    assert changed == [[0, 14, 28, 42]] * 5


def test_no_gradient_is_kept_and_nothing_changes():
    images, maps = given()
    before = images.clone(), maps.clone()
    weight = torch.ones((), requires_grad=True)
    deletion, insertion = deletion_insertion(lambda x, p: score(x, p) * weight, images, maps)
    assert not deletion.requires_grad
    assert not insertion.requires_grad
    assert torch.equal(images, before[0])
    assert torch.equal(maps, before[1])


def test_bad_input_has_one_clear_line():
    images, maps = given()
    gaps = torch.tensor([torch.nan, 1.0, torch.nan, 0, 0]).view(5, 1, 1)
    for one, of, steps, message in (
        (torch.zeros(3, 6, 7), maps, 8, "expected images (M, 3, H, W) and maps (M, h, w), got (3, 6, 7) and (5, 6, 7)"),
        (images, torch.zeros(5, 1, 6, 7), 8, "got (5, 3, 6, 7) and (5, 1, 6, 7)"),
        (images, torch.zeros(4, 6, 7), 8, "got (5, 3, 6, 7) and (4, 6, 7)"),
        (images, maps, 0, "at least one step and maps without NaN, got 0 steps, 0 values NaN"),
        (images, gaps, 8, "got 8 steps, 2 values NaN"),
    ):
        with pytest.raises(InputError) as caught:
            deletion_insertion(score, one, of, steps=steps)
        assert message in str(caught.value), message
