"""SVHN's cropped digits, written as the official MATLAB files have them."""

import itertools
import warnings

import numpy as np
import pytest
import scipy.io
import torch
import torchvision
from mtattr.data import load_dataset
from mtattr.data.svhn import validation_rows
from mtattr.errors import InputError
from PIL import Image

# An invented copy has not the published digests.
pytestmark = pytest.mark.filterwarnings("ignore:.*MD5")

COUNTS = {"train": 60, "test": 7, "extra": 25}


class Copy:
    def __init__(self, root, counts, **options):
        self.root, random = root, np.random.RandomState(3)
        root.mkdir()
        self.pixels = {part: random.randint(0, 256, (n, 32, 32, 3)).astype(np.uint8) for part, n in counts.items()}
        self.digits = {part: [(i * 7) % 10 for i in range(n)] for part, n in counts.items()}
        for part in counts:
            y = np.array([d or 10 for d in self.digits[part]], dtype=np.uint8)[:, None]
            self.write(part, self.pixels[part].transpose(1, 2, 3, 0), y, **options)

    def path(self, part):
        return self.root / f"{part}_32x32.mat"

    def write(self, part, x, y, **options):
        scipy.io.savemat(self.path(part), {"X": x, "y": y}, **options)


@pytest.fixture
def svhn_copy(tmp_path, fresh_home):
    number = itertools.count()
    return lambda counts=COUNTS, **options: Copy(tmp_path / f"copy{next(number)}", counts, **options)


def load(split, root, **options):
    return load_dataset("svhn", split, root=root, **({"image_size": 32} | options))


def test_every_image_and_digit(svhn_copy):
    for extra in [False, True]:
        for compressed in [False, True]:
            copy = svhn_copy(do_compression=compressed)
            parts = {split: load(split, copy.root, extra=extra) for split in ("train", "val", "test")}
            for data in parts.values():
                for key, image, label in zip(data.keys, data.images, data.labels, strict=True):
                    part, row = key.split("-")
                    np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), copy.pixels[part][int(row)])
                    assert label.tolist() == [copy.digits[part][int(row)]]
                assert data.tasks[0].values == tuple("0123456789")
                assert not data.generated
            assert set(parts["test"].keys) == {f"test-{i:06d}" for i in range(7)}
            wanted = {f"train-{i:06d}" for i in range(60)} | ({f"extra-{i:06d}" for i in range(25)} if extra else set())
            assert {*parts["train"].keys, *parts["val"].keys} == wanted
            assert len(parts["train"]) + len(parts["val"]) == len(wanted)
            assert {key for key in parts["val"].keys if key.startswith("extra")} == set()
            assert parts["test"].facts["published"] == {"test file": 26032}
            assert parts["test"].facts["counts"]["test file"] == 7


def test_torchvision_reads_the_same(svhn_copy):
    copy = svhn_copy()

    unchecked = type("Unchecked", (torchvision.datasets.SVHN,), {"_check_integrity": lambda self: True})
    theirs = unchecked(copy.root, split="test")
    ours = load("test", copy.root)
    np.testing.assert_array_equal(ours.images.numpy(), theirs.data)
    assert ours.labels[:, 0].tolist() == theirs.labels.tolist()


def test_validation_depends_on_the_row_alone():
    chosen = validation_rows(73257)
    assert np.flatnonzero(chosen)[:6].tolist() == [1, 15, 18, 32, 34, 49]
    for n in (0, 1, 2, 50, 1000):
        np.testing.assert_array_equal(validation_rows(n), chosen[:n])
    assert not chosen[0]
    assert abs(chosen.mean() - 0.1) < 0.005


@pytest.mark.parametrize("axes", [3, 4])
def test_a_file_with_one_image(svhn_copy, axes):
    copy = svhn_copy()
    x = copy.pixels["test"][:1].transpose(1, 2, 3, 0)
    copy.write("test", x if axes == 4 else x[..., 0], np.array([[10]], dtype=np.uint8))
    data = load("test", copy.root)
    np.testing.assert_array_equal(data.images[0].permute(1, 2, 0).numpy(), copy.pixels["test"][0])
    assert data.labels.tolist() == [[0]]


def test_digits_stored_as_floats_in_a_row(svhn_copy):
    copy = svhn_copy()
    copy.write("test", copy.pixels["test"].transpose(1, 2, 3, 0), np.array([[1.0, 2, 3, 4, 10, 6, 7]]))
    assert load("test", copy.root).labels[:, 0].tolist() == [1, 2, 3, 4, 0, 6, 7]


def test_other_sizes_are_resized_as_files_are(svhn_copy):
    copy = svhn_copy()
    data = load("test", copy.root, image_size=(20, 48))
    for image, pixels in zip(data.images, copy.pixels["test"], strict=True):
        want = np.asarray(Image.fromarray(pixels).resize((48, 20), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), want)


def test_limit_is_nested_and_keeps_file_order(svhn_copy):
    copy = svhn_copy()
    whole = load("train", copy.root, extra=True)
    few, more = (load("train", copy.root, extra=True, limit=n, seed=2) for n in (10, 30))
    assert set(few.keys) < set(more.keys) < set(whole.keys)
    positions = [whole.keys.index(key) for key in more.keys]
    assert positions == sorted(positions)
    assert {key[:5] for key in more.keys} == {"train", "extra"}
    assert torch.equal(more.images, whole.images[positions])
    assert torch.equal(more.labels, whole.labels[positions])


def test_the_second_load_unpacks_nothing(svhn_copy, monkeypatch):
    copy = svhn_copy()
    first = load("test", copy.root)
    monkeypatch.setattr("mtattr.data.svhn._pixels", lambda *_: pytest.fail("read again"))
    assert torch.equal(first.images, load("test", copy.root).images)


def test_a_replaced_file_is_read_again(svhn_copy):
    copy = svhn_copy()
    first = load("test", copy.root)
    copy.write("test", 255 - copy.pixels["test"].transpose(1, 2, 3, 0), np.array([[d or 10] for d in copy.digits["test"]], dtype=np.uint8))
    assert torch.equal(load("test", copy.root).images, 255 - first.images)


def test_the_mark_of_drawn_images(svhn_copy):
    copy = svhn_copy()
    (copy.root / "GENERATED.txt").write_text("drawn")
    assert load("test", copy.root).generated


def fails(root, fresh_home, *parts, split="train", **options):
    before = set(fresh_home.rglob("*.uint8"))
    with pytest.raises(InputError) as caught:
        load(split, root, **options)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message
    assert set(fresh_home.rglob("*.uint8")) == before


def test_without_root(fresh_home):
    fails(None, fresh_home, "root is missing", "Stanford")


def test_a_missing_file(svhn_copy, fresh_home):
    for part in ["train", "test", "extra"]:
        copy = svhn_copy()
        copy.path(part).unlink()
        fails(copy.root, fresh_home, str(copy.path(part)), "missing", "Stanford", split="test" if part == "test" else "train", extra=True)


def test_a_cut_file(svhn_copy, fresh_home):
    for compressed in [False, True]:
        copy = svhn_copy(do_compression=compressed)
        whole = copy.path("test").read_bytes()
        for length in (0, 1, 100, 127, 128, 130, 200, 1000, len(whole) // 2, len(whole) - 30):
            copy.path("test").write_bytes(whole[:length])
            fails(copy.root, fresh_home, str(copy.path("test")), split="test")


def test_another_file(svhn_copy, fresh_home):
    for content in [b"<!DOCTYPE html><html>sign in</html>" * 20, b"MATLAB 7.3 MAT-file" + b" " * 105 + b"\0\x02IM" + b"\x89HDF" * 99]:
        copy = svhn_copy()
        copy.path("test").write_bytes(content)
        fails(copy.root, fresh_home, str(copy.path("test")), "MATLAB", split="test")


X, Y = np.zeros((32, 32, 3, 4), dtype=np.uint8), np.ones((4, 1), dtype=np.uint8)
BAD = {
    "a digit of 11": (X, Y * [[1], [1], [11], [1]], ["value 11", "row 3"]),
    "a negative digit": (X, Y.astype(int) * -1, ["value -1", "row 1"]),
    "half a digit": (X, Y * 1.5, ["1.5"]),
    "too few digits": (X, Y[:3], ["4 images in X but 3 digits"]),
    "no digits": (X, Y[:0], ["y of shape"]),
    "text": (X, np.array(["1", "2", "3", "4"], dtype=object), ["y is missing or of another kind"]),
    "another size": (X[:28, :28], Y, ["(28, 28, 3, 4)"]),
    "images first": (X.transpose(3, 0, 1, 2), Y, ["(4, 32, 32, 3)"]),
    "floats": (X / 2, Y, ["uint8"]),
}


def test_a_contradictory_file(svhn_copy, fresh_home):
    for case in BAD:
        x, y, expected = BAD[case]
        copy = svhn_copy()
        copy.write("test", x, y)
        fails(copy.root, fresh_home, str(copy.path("test")), *expected, split="test")


def test_a_missing_variable(svhn_copy, fresh_home):
    for variable in ["X", "y"]:
        copy = svhn_copy()
        scipy.io.savemat(copy.path("test"), {k: v for k, v in {"X": X, "y": Y}.items() if k != variable})
        fails(copy.root, fresh_home, str(copy.path("test")), f"{variable} is missing", split="test")


def test_too_few_images_to_hold_some_out(svhn_copy, fresh_home):
    copy = svhn_copy({"train": 1})
    assert len(load("train", copy.root)) == 1
    for cached in fresh_home.rglob("*.uint8"):
        cached.unlink()
    fails(copy.root, fresh_home, str(copy.path("train")), "val split has no image", split="val")


def test_unusable_options(svhn_copy, fresh_home):
    copy = svhn_copy()
    fails(copy.root, fresh_home, "extra", extra="yes")
    fails(copy.root, fresh_home, "split", split="valid")


def test_a_copy_that_differs_from_the_published_files_is_warned_of(svhn_copy):
    copy = svhn_copy()
    with pytest.warns(UserWarning, match=r"test_32x32\.mat.*MD5"):
        assert load("test", copy.root).facts["checksums"] == {"test_32x32.mat": "differs from the published file"}
    (copy.root / "GENERATED.txt").write_text("drawn")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load("test", copy.root).facts["checksums"] == {}
