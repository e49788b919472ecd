import os
import shutil

import numpy as np
import pytest
import torch
from mtattr.data import load_dataset
from mtattr.data.decode import decode_image
from mtattr.data.held_out import is_validation
from mtattr.data.streamed import StreamedImages
from mtattr.errors import InputError
from PIL import Image
from torchvision.datasets import ImageFolder

WNIDS = ("n01440764", "n02085620", "n02012849", "n03126707")
TRAIN, VAL = 30, 3


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    """The copy that each test gets a copy of: folders train and val, in the official layout."""
    root = tmp_path_factory.mktemp("imagenet")
    random, number = np.random.RandomState(2), 0
    for part, count in (("train", TRAIN), ("val", VAL)):
        for wnid in WNIDS:
            (root / part / wnid).mkdir(parents=True)
            for i in range(count):
                number += 1
                name = f"{wnid}_{i * 37}.JPEG" if part == "train" else f"ILSVRC2012_val_{number:08d}.JPEG"
                noise = random.randint(0, 256, (3, 4, 3), dtype=np.uint8)
                image = Image.fromarray(noise).resize((24 + i % 3, 18), Image.Resampling.BICUBIC)
                (image.convert("CMYK") if i == 1 else image.convert("L") if i == 2 else image).save(root / part / wnid / name, "JPEG")
    return root


@pytest.fixture
def copy(master, tmp_path, fresh_home):
    return shutil.copytree(master, tmp_path / "copy")


def load(split, root, **options):
    return load_dataset("imagenet", split, root=root, **({"image_size": 16} | options))


def test_every_image_and_label(copy):
    parts = {split: load(split, copy) for split in ("train", "val", "test")}
    for split, data in parts.items():
        theirs = ImageFolder(copy / ("val" if split == "test" else "train"))
        want = dict(theirs.samples)
        folder = copy / ("val" if split == "test" else "train")
        assert isinstance(data.images, StreamedImages)
        assert all(want[str(folder / key)] == label for key, label in zip(data.keys, data.labels[:, 0].tolist(), strict=True))
        assert data.tasks[0].values == tuple(theirs.classes) == tuple(sorted(WNIDS))
        assert data.tasks.names == ("class",)
        assert data.facts["wnids"] == sorted(WNIDS)
        assert data.facts["counts"]["classes"] == 4
        for i in (0, -1):
            np.testing.assert_array_equal(data.images[i].numpy(), decode_image(folder / data.keys[i], 16))
        assert not data.generated
    on_disk = {f"{path.parent.name}/{path.name}" for path in copy.glob("train/*/*")}
    assert {*parts["train"].keys, *parts["val"].keys} == on_disk
    assert {key for key in on_disk if is_validation(key, 0.01)} == set(parts["val"].keys) != set()
    assert len(parts["test"]) == 4 * VAL
    assert parts["test"].facts["counts"]["val folder"] == 4 * VAL
    assert parts["test"].facts["published"]["val folder"] == 50000


def test_all_kinds_of_jpeg_become_rgb(copy):
    images = load("test", copy).images[:]
    assert images.shape == (4 * VAL, 3, 16, 16)
    grey = [i for i in range(len(images)) if torch.equal(images[i, 0], images[i, 1])]
    assert len(grey) == 4


def test_kaggle_folders_and_names(copy, tmp_path):
    inner = tmp_path / "kaggle" / "ILSVRC" / "Data" / "CLS-LOC"
    inner.parent.mkdir(parents=True)
    shutil.move(copy, inner)
    lines = ["n01440764 tench, Tinca tinca", "n02085620 Chihuahua", "n02012849 crane", "n03126707 crane"]
    (tmp_path / "kaggle" / "LOC_synset_mapping.txt").write_text("\n".join(lines))
    data = load("test", tmp_path / "kaggle")
    assert data.tasks[0].values == ("tench", "crane (n02012849)", "Chihuahua", "crane (n03126707)")


def test_words_file_with_other_words(copy):
    (copy / "words.txt").write_bytes(b"n00001740\tentity\r\nn01440764\ttench, Tinca tinca\r\n")
    assert load("test", copy).tasks[0].values == ("tench", *sorted(WNIDS)[1:])


def test_limit_is_nested(copy):
    whole = load("train", copy)
    two, three = (load("train", copy, limit=n, seed=1) for n in (2, 3))
    assert set(two.keys) < set(three.keys) < set(whole.keys)
    rows = [whole.keys.index(key) for key in three.keys]
    assert rows == sorted(rows)
    assert torch.equal(three.images[:], whole.images.index_select(0, torch.tensor(rows)))
    assert torch.equal(three.labels, whole.labels[rows])


def test_subset_keeps_streaming(copy):
    data = load("test", copy)
    part = data.subset([7, 1])
    assert isinstance(part.images, StreamedImages)
    assert torch.equal(part.images[0], data.images[7])


def test_the_fingerprint_follows_names_sizes_and_crop(copy, monkeypatch):
    first = load("test", copy)
    again = load("test", copy)
    assert first.fingerprint == again.fingerprint
    path = copy / "val" / first.keys[0]
    path.write_bytes(path.read_bytes() + b"\0")
    prints = {first.fingerprint, load("test", copy).fingerprint, load("test", copy, crop="center").fingerprint}
    assert len(prints) == 3
    monkeypatch.setattr("mtattr.data.streamed.decode_image", lambda *_: pytest.fail("decoded"))
    assert load("test", copy).fingerprint


def test_centre_crop_leaves_the_border_out(copy):
    key = load("test", copy).keys[0]
    pixels = np.full((40, 64, 3), 255, dtype=np.uint8)
    # 7/8 of the short side, in the middle.
    pixels[2:38, 14:50] = 90
    Image.fromarray(pixels).save(copy / "val" / key, "PNG")
    centre = load("test", copy, crop="center").images[0]
    assert (centre.int() - 90).abs().max() <= 1
    assert load("test", copy).images[0].max() == 255


def test_other_files_count_for_nothing(copy):
    before = load("test", copy)
    (copy / "val" / WNIDS[0] / "notes.txt").write_text("x")
    (copy / "val" / WNIDS[0] / ".DS_Store").write_text("x")
    (copy / "val" / ".DS_Store").write_text("x")
    (copy / "train" / ".cache").mkdir()
    (copy / "train" / f"{WNIDS[0]}.tar").write_text("x")
    after = load("test", copy)
    assert after.fingerprint == before.fingerprint
    assert after.facts["ignored"] == [f"{WNIDS[0]}/.DS_Store", f"{WNIDS[0]}/notes.txt"]


def test_skip_bad_lists_what_it_leaves_out(copy):
    whole = load("test", copy)
    cut, empty = (copy / "val" / whole.keys[i] for i in (2, 5))
    cut.write_bytes(cut.read_bytes()[:-200])
    empty.write_bytes(b"")
    data = load("test", copy, skip_bad=True)
    assert data.facts["skipped"] == [whole.keys[2], whole.keys[5]]
    assert data.keys == tuple(key for key in whole.keys if key not in data.facts["skipped"])
    assert torch.equal(data.labels, whole.labels[[i for i in range(12) if i not in (2, 5)]])
    assert torch.equal(data.images[2], decode_tensor(copy / "val" / data.keys[2]))


def decode_tensor(path):
    return torch.from_numpy(decode_image(path, 16).copy())


def test_the_mark_of_drawn_images(copy):
    (copy / "GENERATED.txt").write_text("drawn")
    assert load("test", copy).generated


def fails(root, *parts, split="train", **options):
    with pytest.raises(InputError) as caught:
        load(split, root, **options)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message


def test_without_folders(copy):
    fails(None, "root is missing", "image-net.org")
    fails(copy / "no", "root folder missing")
    shutil.rmtree(copy / "val")
    fails(copy, copy / "val", "folder missing", "image-net.org")
    fails(copy / "train", copy / "train" / "train", "folder missing")


def test_classes_that_differ(copy, tmp_path):
    for part, other in (("train", "val"), ("val", "train")):
        (copy / part / WNIDS[1]).rename(tmp_path / "away")
        for split in ("train", "val", "test"):
            fails(copy, copy / part / WNIDS[1], f"which {other} has", split=split)
        (tmp_path / "away").rename(copy / part / WNIDS[1])


def test_an_empty_class_folder(copy):
    for path in (copy / "train" / WNIDS[1]).iterdir():
        path.unlink()
    fails(copy, copy / "train" / WNIDS[1], "it has none")


def test_unsorted_images(copy):
    for path in list(copy.glob("val/*/*.JPEG")):
        path.rename(copy / "val" / path.name)
    fails(copy, copy / "val" / "ILSVRC2012_val_", "no class folder (12 do not)", split="test")


def test_a_packed_class(copy):
    shutil.rmtree(copy / "train" / WNIDS[0])
    (copy / "train" / f"{WNIDS[0]}.tar").write_text("x")
    fails(copy, copy / "train" / f"{WNIDS[0]}.tar", "unpack")


def test_an_empty_image(copy):
    path = next((copy / "train" / WNIDS[2]).iterdir())
    path.write_bytes(b"")
    fails(copy, path, "it is empty")
    path.unlink()
    path.symlink_to(copy / "nowhere")
    fails(copy, path, "leads nowhere")


def test_a_damaged_image_is_named_when_it_is_asked_for(copy):
    data = load("test", copy)
    path = copy / "val" / data.keys[4]
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="damaged or cut short") as caught:
        data.images.index_select(0, torch.tensor([3, 4]))
    assert str(path) in str(caught.value)


def test_all_images_damaged(copy):
    for path in copy.glob("val/*/*"):
        path.write_bytes(b"x")
    fails(copy, "all other images of the test split", split="test", skip_bad=True)


def test_a_small_copy_has_a_validation_image(copy):
    for wnid in WNIDS:
        for path in sorted((copy / "train" / wnid).iterdir())[2:]:
            path.unlink()
    train, val = (load(split, copy) for split in ("train", "val"))
    assert len(val) == 1
    assert len(train) == 7
    assert not set(train.keys) & set(val.keys)


def test_bad_names_and_options(copy):
    (copy / "LOC_synset_mapping.txt").write_text("n01440764 tench\nn02085620\n")
    fails(copy, copy / "LOC_synset_mapping.txt", "line 2", "its names")
    fails(copy, "crop", crop="middle")


def test_a_link_in_a_circle_and_a_folder_named_as_an_image(copy):
    (copy / "train" / "circle").symlink_to(copy / "train" / "circle")
    before = len(load("train", copy))
    assert before > 0
    wnid = next(path.name for path in sorted((copy / "train").iterdir()) if path.is_dir())
    (copy / "train" / wnid / "folder.JPEG").mkdir()
    fails(copy, str(copy / "train" / wnid / "folder.JPEG"), "a folder")


def test_a_name_that_is_no_text_is_named(copy):
    wnid = next(path for path in sorted((copy / "train").iterdir()) if path.is_dir())
    (wnid / os.fsdecode(b"\xff.JPEG")).touch()
    fails(copy, str(wnid), "UTF-8")
