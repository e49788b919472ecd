"""ImageNet's folders of classes, in small."""

from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from mtattr.data import load_dataset
from mtattr.errors import InputError
from PIL import Image

# An invented copy has not the published digests.
pytestmark = pytest.mark.filterwarnings("ignore:.*MD5")

# Written in an order that is not the sorted one.
CLASSES = ["n02119789", "n01440764", "n03000684", "n01443537"]


@pytest.fixture
def imagenet_copy(tmp_path, official):
    def write(*, ending=".JPEG", per_class=8, size=60):
        root, truth, code = Path(mkdtemp(dir=tmp_path)) / "copy", {"train": {}, "test": {}}, 0
        for wnid in CLASSES:
            for i in range(per_class):
                name = f"{wnid}_{1000 - 7 * i}{ending}"
                official.save_picture(root / "train" / wnid / name, code % 113, (size - i % 10, size))
                truth["train"][name] = (code % 113, [sorted(CLASSES).index(wnid)])
                code += 1
        for i in range(8):
            wnid, name = CLASSES[i % 4], f"ILSVRC2012_val_{i + 1:08d}{ending}"
            official.save_picture(root / "val" / wnid / name, 113 + i, (60, 40 + i))
            truth["test"][name] = (113 + i, [sorted(CLASSES).index(wnid)])
        return root, truth

    return write


def load(root, split, **options):
    return load_dataset("imagenet", split, root=root, **{"image_size": 32, **options})


def test_test_is_the_official_validation_part_with_sorted_classes(imagenet_copy, official):
    for ending in [".JPEG", ".jpeg", ".jpg"]:
        root, truth = imagenet_copy(ending=ending)
        test = load(root, "test")
        assert test.tasks.names == ("class",)
        assert test.tasks[0].num_units == 4
        official.assert_joined(test, truth["test"])


def test_train_and_val_share_the_training_folder(imagenet_copy, official):
    root, truth = imagenet_copy(per_class=150, size=24)
    train, val = official.load_both("imagenet", root, image_size=32)
    assert len(train) + len(val) == 600
    rest = dict(truth["train"])
    for data in (train, val):
        official.assert_joined(data, {key.rsplit("/", 1)[-1]: rest.pop(key.rsplit("/", 1)[-1]) for key in data.keys})
    assert not rest


def test_an_empty_class_does_not_move_the_others(imagenet_copy, official):
    root, truth = imagenet_copy()
    (root / "train/n01000000").mkdir()
    try:
        data = load(root, "test")
    except InputError as error:
        named = "n01000000" in str(error)
        assert named
    else:
        official.assert_joined(data, {name: (code, [label[0] + 1]) for name, (code, label) in truth["test"].items()})


def test_grey_and_cmyk_pictures_are_read(imagenet_copy):
    root, _ = imagenet_copy()
    folder = root / "val/n01440764"
    Image.new("L", (50, 40), 90).save(folder / "ILSVRC2012_val_00000101.JPEG", quality=95)
    Image.new("CMYK", (50, 40), (0, 0, 0, 0)).save(folder / "ILSVRC2012_val_00000102.JPEG", quality=95)
    Image.new("RGB", (50, 40), (10, 200, 30)).save(folder / "ILSVRC2012_val_00000103.JPEG", format="PNG")
    data = load(root, "test")
    shown = {key.rsplit("_", 1)[-1]: image.float().mean((1, 2)).tolist() for key, image in zip(data.keys, data.images, strict=True)}
    np.testing.assert_allclose(shown["00000101.JPEG"], [90] * 3, atol=4)
    np.testing.assert_allclose(shown["00000102.JPEG"], [255] * 3, atol=4)
    np.testing.assert_allclose(shown["00000103.JPEG"], [10, 200, 30], atol=4)


def test_validation_pictures_must_lie_in_folders_of_classes(imagenet_copy):
    root, _ = imagenet_copy()
    for path in list((root / "val").rglob("*.JPEG")):
        path.rename(root / "val" / path.name)
    for folder in CLASSES:
        (root / "val" / folder).rmdir()
    with pytest.raises(InputError, match="val"):
        load(root, "test")


def test_a_class_that_only_the_validation_has_is_named(imagenet_copy, official):
    root, _ = imagenet_copy()
    official.save_picture(root / "val/n09999999/ILSVRC2012_val_00000099.JPEG", 3, (40, 40))
    with pytest.raises(InputError, match="n09999999"):
        load(root, "test")


def test_a_missing_folder_is_named(imagenet_copy):
    for folder in ["train", "val"]:
        root, _ = imagenet_copy()
        (root / folder).rename(root / "elsewhere")
        with pytest.raises(InputError, match=folder):
            load(root, "train" if folder == "train" else "test")


def test_a_bad_picture_is_named_or_left_out_on_demand(imagenet_copy, official):
    for damage in ["cut", "text", "empty"]:
        root, truth = imagenet_copy()
        path = root / "val/n02119789/ILSVRC2012_val_00000001.JPEG"
        raw = path.read_bytes()
        path.write_bytes({"cut": raw[: len(raw) // 2], "text": b"no picture", "empty": b""}[damage])
        # Pictures may be read late, when they are looked at.
        with pytest.raises(InputError, match=path.name):
            load(root, "test").images[:].float()
        official.assert_joined(load(root, "test", skip_bad=True), {k: v for k, v in truth["test"].items() if k != path.name})
        path.write_bytes(raw)
        official.assert_joined(load(root, "test"), truth["test"])
