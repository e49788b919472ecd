"""SVHN's cropped digits from small files written as MATLAB holds them."""

from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from mtattr.data import load_dataset
from mtattr.errors import InputError
from scipy.io import savemat

# An invented copy has not the published digests.
pytestmark = pytest.mark.filterwarnings("ignore:.*MD5")

AMOUNTS = {"train": 30, "test": 6, "extra": 12}


@pytest.fixture
def svhn_copy(tmp_path):
    def write(*, compressed=True, parts=("train", "test", "extra"), amounts=AMOUNTS, dtype=np.uint8):
        root = Path(mkdtemp(dir=tmp_path)) / "copy"
        root.mkdir(exist_ok=True)
        truth = {}
        for part in parts:
            chance = np.random.default_rng([7, *part.encode()])
            pictures = chance.integers(0, 256, (32, 32, 3, amounts[part]), dtype=np.uint8)
            # The digit nought is stored as 10.
            digits = np.arange(amounts[part]).reshape(-1, 1) % 10 + 1
            savemat(root / f"{part}_32x32.mat", {"X": pictures, "y": digits.astype(dtype)}, do_compression=compressed)
            truth[part] = {pictures[..., i].transpose(2, 0, 1).tobytes(): int(digits[i, 0]) % 10 for i in range(amounts[part])}
        return root, truth

    return write


def load(root, split, **options):
    return load_dataset("svhn", split, root=root, **{"image_size": 32, **options})


def found(*parts):
    return {image.numpy().tobytes(): int(label) for data in parts for image, label in zip(data.images, data.labels[:, 0], strict=True)}


def test_test_and_its_tens(svhn_copy):
    for compressed, dtype in [(True, np.uint8), (False, np.float64)]:
        root, truth = svhn_copy(compressed=compressed, dtype=dtype, amounts={**AMOUNTS, "test": 23})
        data = load(root, "test")
        assert data.tasks.names == ("class",)
        assert data.tasks[0].values == tuple("0123456789")
        assert found(data) == truth["test"]
        assert set(found(data).values()) == set(range(10))


def test_train_and_val_are_cut_from_the_training_file(svhn_copy, official):
    root, truth = svhn_copy(parts=("train", "test"))
    train, val = official.load_both("svhn", root, image_size=32)
    assert len(train) + len(val) == 30
    assert found(train, val) == truth["train"]


def test_extra_joins_the_training_pictures(svhn_copy, official):
    root, truth = svhn_copy()
    train, val = official.load_both("svhn", root, image_size=32, extra=True)
    assert len(train) + len(val) == 42
    assert found(train, val) == truth["train"] | truth["extra"]
    assert found(load(root, "test", extra=True)) == truth["test"]


def test_one_picture_is_enough(svhn_copy):
    root, truth = svhn_copy(amounts={**AMOUNTS, "test": 1})
    assert found(load(root, "test")) == truth["test"]


def test_extra_is_not_asked_for_without_need(svhn_copy):
    root, _ = svhn_copy(parts=("train", "test"))
    with pytest.raises(InputError, match=r"extra_32x32\.mat"):
        load(root, "train", extra=True)


def test_a_digit_out_of_range_is_named(svhn_copy):
    for digit in [0, 11, 255]:
        root, _ = svhn_copy()
        digits = np.full((6, 1), 3, np.uint8)
        digits[4] = digit
        savemat(root / "test_32x32.mat", {"X": np.zeros((32, 32, 3, 6), np.uint8), "y": digits})
        with pytest.raises(InputError, match=rf"test_32x32\.mat.*{digit}"):
            load(root, "test")


def test_wrong_content_is_named(svhn_copy):
    for content in [
        {"X": np.zeros((32, 32, 3, 6), np.uint8), "y": np.ones((5, 1), np.uint8)},
        {"X": np.zeros((6, 3, 32, 32), np.uint8), "y": np.ones((6, 1), np.uint8)},
        {"X": np.zeros((32, 32, 3, 6), np.float64), "y": np.ones((6, 1), np.uint8)},
        {"X": np.zeros((32, 32, 3, 6), np.uint8)},
        {"y": np.ones((6, 1), np.uint8)},
    ]:
        root, _ = svhn_copy()
        savemat(root / "test_32x32.mat", content)
        with pytest.raises(InputError, match=r"test_32x32\.mat"):
            load(root, "test")


def test_a_damaged_file_is_named_and_leaves_nothing_behind(svhn_copy):
    for damage in ["missing", "cut", "page"]:
        root, truth = svhn_copy()
        path = root / "test_32x32.mat"
        raw = path.read_bytes()
        path.unlink()
        if damage != "missing":
            path.write_bytes(raw[: len(raw) // 2] if damage == "cut" else b"<!DOCTYPE html>\n" * 40)
        with pytest.raises(InputError, match=r"test_32x32\.mat"):
            load(root, "test")
        path.write_bytes(raw)
        assert found(load(root, "test")) == truth["test"]
