import numpy as np
import pytest
import torch
from mtattr.data import load_dataset
from mtattr.data.deepfashion import PAPER_CLASSES, PAPER_COUNTS, published_counts
from mtattr.errors import InputError
from mtattr.twins import clothes
from PIL import Image
from torchvision.transforms.v2 import functional

LAYOUTS = {
    "official": {},
    "first release": {"folder": "Anno"},
    "windows": {"newline": "\r\n", "end": "\r\n"},
    "doubled img": {"pictures": "img"},
    "img in root": {"pictures": "."},
}
IDS = {"Blouse": 3, "Tank": 17, "Shorts": 32, "Skirt": 33, "Dress": 41}


def expected_labels(copy, key, classes, values):
    ids = [IDS[name] for name in classes]
    return [float(ids.index(copy.category[key])), *(values[v] for v in copy.values[key])]


def test_every_label_and_split_is_found(deepfashion_copy):
    for split in ["train", "val", "test"]:
        for layout in LAYOUTS:
            copy = deepfashion_copy(**LAYOUTS[layout])
            data = load_dataset("deepfashion", split, root=copy.root, image_size=16, classes=PAPER_CLASSES)
            keys = {k for k, s in copy.split.items() if s == split and copy.category[k] in {3, 17, 32, 33}}
            assert set(data.keys) == keys
            want = [expected_labels(copy, k, PAPER_CLASSES, {1: 1.0, -1: 0.0, 0: float("nan")}) for k in data.keys]
            torch.testing.assert_close(data.labels, torch.tensor(want), equal_nan=True, rtol=0, atol=0)
            assert data.tasks[0].name == "category"
            assert data.tasks[0].values == PAPER_CLASSES
            assert data.tasks.names[1:] == ("a-line", "abstract chevron print", "cotton blend", "v-neck", "chic", "3/4 sleeve")
            assert [task.group for task in data.tasks][1:] == ["shape", "texture", "fabric", "part", "style", "part"]


def test_the_annotation_folder_itself_can_be_the_root(deepfashion_copy):
    copy = deepfashion_copy()
    inside = load_dataset("deepfashion", "train", root=copy.annotations, image_size=16)
    assert inside.fingerprint == load_dataset("deepfashion", "train", root=copy.root, image_size=16).fingerprint


def test_fine_lists(deepfashion_copy):
    for annotation in [None, "fine"]:
        copy = deepfashion_copy(kind="fine", folder="Anno_fine")
        data = load_dataset("deepfashion", "train", root=copy.root, image_size=16, annotation=annotation, classes=tuple(IDS))
        assert set(data.keys) == {k for k, s in copy.split.items() if s == "train"}
        want = [expected_labels(copy, k, tuple(IDS), {1: 1.0, 0: 0.0}) for k in data.keys]
        assert data.labels.tolist() == want
        assert data.facts["layout"] == "fine"


def test_pixels(deepfashion_copy):
    for crop in ["none", "box"]:
        for kind, folder in [("coarse", "Anno_coarse"), ("fine", "Anno_fine")]:
            copy = deepfashion_copy(kind=kind, folder=folder)
            data = load_dataset("deepfashion", "train", root=copy.root, image_size=16, crop=crop)
            for key, image in zip(data.keys, data.images, strict=True):
                photo = functional.pil_to_tensor(Image.open(copy.pictures / key))
                if crop == "box":
                    x1, y1, x2, y2 = copy.boxes[key]
                    photo = photo[:, y1:y2, x1:x2]
                want = functional.resize(photo, [16, 16], antialias=True)
                assert (want.int() - image.int()).abs().max() <= 1


def test_default_classes_are_those_with_images(deepfashion_copy):
    copy = deepfashion_copy()
    tasks = {split: load_dataset("deepfashion", split, root=copy.root, image_size=16).tasks for split in ("train", "val", "test")}
    assert tasks["train"][0].values == ("Blouse", "Tank", "Shorts", "Skirt", "Dress")
    assert tasks["train"] == tasks["val"] == tasks["test"]


def test_order_of_classes_and_attributes_is_the_callers(deepfashion_copy):
    copy = deepfashion_copy()
    data = load_dataset("deepfashion", "train", root=copy.root, image_size=16, classes=["Skirts", "Blouse"], attributes=["chic", "a-line"])
    assert data.tasks[0].values == ("Skirt", "Blouse")
    assert data.tasks.names[1:] == ("chic", "a-line")
    for key, row in zip(data.keys, data.labels, strict=True):
        assert row[0] == {33: 0, 3: 1}[copy.category[key]]
        values = [copy.values[key][4], copy.values[key][0]]
        assert row[1:].isnan().tolist() == [v == 0 for v in values]
        assert (row[1:] == 1).tolist() == [v == 1 for v in values]


def test_unknown_can_be_folded_to_negative(deepfashion_copy):
    copy = deepfashion_copy()
    mask, negative = (load_dataset("deepfashion", "train", root=copy.root, image_size=16, unknown=u).labels for u in ("mask", "negative"))
    assert mask.isnan().any()
    assert torch.equal(mask.nan_to_num(0), negative)


def test_limit_takes_a_nested_random_subset(deepfashion_copy):
    copy = deepfashion_copy()
    whole = load_dataset("deepfashion", "train", root=copy.root, image_size=16)
    two, three = (load_dataset("deepfashion", "train", root=copy.root, image_size=16, limit=n, seed=5) for n in (2, 3))
    assert len(two) == 2
    assert set(two.keys) < set(three.keys) < set(whole.keys)
    for key, image in zip(three.keys, three.images, strict=True):
        assert torch.equal(image, whole.images[whole.keys.index(key)])


def test_the_second_load_decodes_nothing(deepfashion_copy, monkeypatch):
    copy = deepfashion_copy()
    first = load_dataset("deepfashion", "val", root=copy.root, image_size=16)
    monkeypatch.setattr("mtattr.data.decode.decode_image", lambda *_: pytest.fail("decoded again"))
    assert torch.equal(first.images, load_dataset("deepfashion", "val", root=copy.root, image_size=16).images)


def test_a_replaced_photo_is_decoded_again(deepfashion_copy):
    copy = deepfashion_copy()
    first = load_dataset("deepfashion", "val", root=copy.root, image_size=16)
    Image.new("RGB", (50, 50), (255, 0, 0)).save(copy.pictures / first.keys[0])
    again = load_dataset("deepfashion", "val", root=copy.root, image_size=16)
    assert again.images[0, 0].min() >= 250
    assert torch.equal(first.images[1:], again.images[1:])


def test_a_large_attribute_table_is_cached_and_follows_its_file(deepfashion_copy, monkeypatch):
    copy = deepfashion_copy()
    small = load_dataset("deepfashion", "train", root=copy.root, image_size=16)
    monkeypatch.setattr("mtattr.data.deepfashion_tables.LARGE", 1)
    for _ in range(2):
        large = load_dataset("deepfashion", "train", root=copy.root, image_size=16)
        torch.testing.assert_close(small.labels, large.labels, equal_nan=True)
    path = copy.annotations / "list_attr_img.txt"
    path.write_text(path.read_text().replace(" 0", " 1"))
    changed = load_dataset("deepfashion", "train", root=copy.root, image_size=16)
    torch.testing.assert_close(changed.labels, small.labels.nan_to_num(1))


def test_counts_stand_beside_table_1(deepfashion_copy):
    copy = deepfashion_copy()
    facts = load_dataset("deepfashion", "train", root=copy.root, image_size=16, limit=1).facts
    assert facts["counts"] == {"Blouse": 1, "Tank": 1, "Shorts": 2, "Skirt": 1, "Dress": 1}
    assert facts["published"]["Skirt"] == 10795
    assert "Dress" not in facts["published"]


def test_published_counts_add_up():
    totals = {name: sum(PAPER_COUNTS[split][name] for split in PAPER_COUNTS) for name in PAPER_CLASSES}
    assert totals == {"Blouse": 24557, "Tank": 15429, "Shorts": 19666, "Skirt": 14774}
    assert [sum(column.values()) for column in PAPER_COUNTS.values()] == [53946, 10232, 10248]
    assert published_counts("train", ["Skirts"]) == {"Skirts": 10795}


def test_equal_names_of_two_types_are_told_apart(deepfashion_copy):
    copy = deepfashion_copy()
    path = copy.annotations / "list_attr_cloth.txt"
    path.write_text(path.read_text().replace("chic  ", "a-line").replace("cotton blend", "category    "))
    names = load_dataset("deepfashion", "train", root=copy.root, image_size=16).tasks.names
    assert names == ("category", "a-line (shape)", "abstract chevron print", "category (fabric)", "v-neck", "a-line (style)", "3/4 sleeve")


def test_bad_photos_are_named_or_skipped_and_listed(deepfashion_copy, fresh_home):
    copy = deepfashion_copy()
    train = [k for k, s in copy.split.items() if s == "train"]
    for key in train[:2]:
        path = copy.pictures / key
        path.write_bytes(path.read_bytes()[:-300])
    (copy.pictures / train[3]).unlink()
    (copy.pictures / train[4]).write_bytes(b"")
    with pytest.raises(InputError, match="image file missing"):
        load_dataset("deepfashion", "train", root=copy.root, image_size=16)
    with pytest.raises(InputError, match=f"{train[0]}.*cut short"):
        load_dataset("deepfashion", "train", root=copy.root, image_size=16, classes=("Blouse", "Tank"))
    assert not list(fresh_home.rglob("*.uint8"))
    for _ in range(2):
        data = load_dataset("deepfashion", "train", root=copy.root, image_size=16, skip_bad=True)
        assert data.facts["skipped"] == [train[0], train[1], train[3], train[4]]
        assert data.keys == (train[2], train[5])
        assert data.labels[:, 0].tolist() == [2, 4]
        for key, image in zip(data.keys, data.images, strict=True):
            want = functional.resize(functional.pil_to_tensor(Image.open(copy.pictures / key)), [16, 16], antialias=True)
            assert np.abs(want.numpy().astype(int) - image.numpy().astype(int)).max() <= 1
    with pytest.raises(InputError, match="image file missing"):
        load_dataset("deepfashion", "train", root=copy.root, image_size=16)


def test_the_twin_on_disk_reads_back_equal(tmp_path, fresh_home):
    limit = {"train": 40, "val": 12, "test": 9}
    clothes.write_to(tmp_path / "twin", image_size=24, limit=limit, seed=3, classes=PAPER_CLASSES)
    for split, count in limit.items():
        twin = load_dataset("deepfashion-twin", split, image_size=24, limit=count, seed=3, classes=PAPER_CLASSES)
        for classes in (None, PAPER_CLASSES):
            read = load_dataset("deepfashion", split, root=tmp_path / "twin", image_size=24, classes=classes)
            assert read.keys == twin.keys
            assert torch.equal(read.images, twin.images)
            torch.testing.assert_close(read.labels, twin.labels, equal_nan=True, rtol=0, atol=0)
            kinds = [[(task.name, task.kind, task.values) for task in part.tasks] for part in (read, twin)]
            assert kinds[0] == kinds[1]
            assert [task.group for task in read.tasks][1:] == [task.group for task in twin.tasks][1:]
