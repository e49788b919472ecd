import numpy as np
import torch
from mtattr.data import load_dataset
from mtattr.data.held_out import is_validation
from PIL import Image
from torchvision.transforms.v2 import functional

LAYOUTS = {
    "official": {},
    "root is data": {"data": ""},
    "windows": {"newline": "\r\n", "end": "\r\n\r\n"},
    "no final newline": {"end": ""},
    "tables above data": {"lists_at": "train_test_split/classification", "misc_at": "misc"},
    "later split": {"which": "arxiv2015"},
    "later split beside": {"which": "arxiv2015", "lists_at": "arxiv_data/train_test_split"},
}
MODEL_IDS, MAKE_IDS = [21, 22, 40, 305, 306], [3, 9, 17]


def load(split, root, **options):
    return load_dataset("compcars", split, root=root, **({"image_size": 16} | options))


def test_every_label_and_split_is_found(cars_copy):
    for split in ["train", "val", "test"]:
        for layout in LAYOUTS:
            copy = cars_copy(**LAYOUTS[layout])
            data = load(split, copy.root, tasks=("model", "make", "type"))
            wanted = copy.lists["test"] if split == "test" else [k for k in copy.lists["train"] if is_validation(k) == (split == "val")]
            assert wanted
            assert list(data.keys) == wanted
            for key, label in zip(data.keys, data.labels, strict=True):
                make, model = map(int, key.split("/")[:2])
                kind = cars_copy.models[make, model]
                want = torch.tensor([MODEL_IDS.index(model), MAKE_IDS.index(make), kind - 1 if kind else float("nan")], dtype=torch.float32)
                torch.testing.assert_close(label, want, rtol=0, atol=0, equal_nan=True)
            assert data.tasks[0].values[0] == "Audi A4L"
            assert data.facts["model_ids"] == MODEL_IDS
            assert data.facts["make_ids"] == MAKE_IDS
            assert data.facts["layout"] == f"{LAYOUTS[layout].get('which', 'cvpr2015')} split"
            assert data.facts["counts"]["train list"] == len(copy.lists["train"])
            assert data.facts["counts"]["models"] == 5
            assert not data.generated


def test_names_of_classes(cars_copy):
    tasks = load("test", cars_copy().root, tasks=("make", "type", "model")).tasks
    assert tasks.names == ("make", "type", "model")
    assert tasks[0].values == ("Audi", "BWM", "Škoda")
    assert tasks[1].values[0] == "MPV"
    assert tasks[1].values[8] == "hardtop convertible"
    assert len(tasks[1].values) == 12
    # A model's name that begins with its make is not prefixed again; model 306 has no name.
    assert tasks[2].values == ("Audi A4L", "Audi Coupé", "BWM Coupé", "Škoda Mini GT", "Škoda model 306")


def test_two_models_of_one_name_stay_apart(cars_copy):
    copy = cars_copy()
    cars_copy.names(copy.data / "misc" / "make_model_name.mat", model_names={21: "S", 22: "S", 305: "S", 40: "S", 306: "T"})
    assert load("test", copy.root).tasks[0].values == ("Audi S (21)", "Audi S (22)", "BWM S", "Škoda S", "Škoda T")


def test_without_a_file_of_names_numbers_serve(cars_copy):
    tasks = load("test", cars_copy(names=False).root).tasks
    assert tasks[0].values[0] == "make 3 model 21"
    assert tasks[1].values == ("make 3", "make 9", "make 17")


def test_pixels(cars_copy):
    for image_size in [16, (12, 20)]:
        for crop in ["box", "none"]:
            copy = cars_copy()
            data = load("test", copy.root, crop=crop, image_size=image_size)
            shape = list(image_size) if isinstance(image_size, tuple) else [image_size, image_size]
            for key, image in zip(data.keys, data.images, strict=True):
                photo = functional.pil_to_tensor(Image.open(copy.image(key)))
                if crop == "box":
                    x1, y1, x2, y2 = copy.boxes[key]
                    # Corners count from 1 and lie inside.
                    photo = photo[:, y1 - 1 : y2, x1 - 1 : x2]
                want = functional.resize(photo, shape, antialias=True)
                assert image.shape == want.shape
                assert (want.int() - image.int()).abs().max() <= 1


def test_a_box_of_the_whole_picture_loses_no_pixel(cars_copy):
    copy = cars_copy()
    key = copy.lists["test"][0]
    width, height = Image.open(copy.image(key)).size
    cars_copy.lines(copy.label(key), [4, 1, f"1 1 {width} {height}"])
    data = load("test", copy.root, image_size=(height, width))
    np.testing.assert_array_equal(data.images[0].permute(1, 2, 0).numpy(), np.asarray(Image.open(copy.image(key)).convert("RGB")))


def test_labels_are_not_needed_without_boxes(cars_copy):
    copy = cars_copy()
    for key in copy.boxes:
        copy.label(key).unlink()
    assert len(load("test", copy.root, crop="none")) == len(copy.lists["test"])


def test_both_splits_present(cars_copy):
    copy = cars_copy()
    for part in ("train", "test"):
        cars_copy.lines(copy.list_path(part, "arxiv2015"), copy.lists[part][:5] if part == "test" else copy.lists[part])
    assert load("test", copy.root).facts["layout"] == "cvpr2015 split"
    later = load("test", copy.root, which="arxiv2015")
    assert later.facts["layout"] == "arxiv2015 split"
    assert later.facts["published"]["test list"] == 15627
    assert list(later.keys) == copy.lists["test"][:5]


def test_a_model_of_two_makes_is_one_class(cars_copy):
    copy = cars_copy()
    copy.lists["train"].append("9/21/2011/ffffffffffffff.jpg")
    cars_copy.lines(copy.list_path("train"), copy.lists["train"])
    assert load("test", copy.root).facts["model_ids"] == MODEL_IDS


def test_limit_is_nested_and_keeps_the_classes(cars_copy):
    copy = cars_copy()
    whole = load("train", copy.root)
    two, three = (load("train", copy.root, limit=n, seed=5) for n in (2, 3))
    assert len(two) == 2
    assert set(two.keys) < set(three.keys) < set(whole.keys)
    assert two.tasks == whole.tasks
    for key, image, label in zip(three.keys, three.images, three.labels, strict=True):
        assert torch.equal(image, whole.images[whole.keys.index(key)])
        assert torch.equal(label, whole.labels[whole.keys.index(key)])


def test_skip_bad_lists_what_it_leaves_out(cars_copy):
    copy = cars_copy()
    missing, cut, unlabelled, mislabelled = copy.lists["test"][1:5]
    whole = load("test", copy.root)
    copy.image(missing).unlink()
    copy.image(cut).write_bytes(copy.image(cut).read_bytes()[:-400])
    copy.label(unlabelled).unlink()
    cars_copy.lines(copy.label(mislabelled), [1, 1, "9 9 3 3"])
    data = load("test", copy.root, skip_bad=True)
    assert set(data.facts["skipped"]) == {missing, cut, unlabelled, mislabelled}
    assert list(data.keys) == [key for key in copy.lists["test"] if key not in data.facts["skipped"]]
    assert data.tasks == whole.tasks
    rows = [whole.keys.index(key) for key in data.keys]
    assert torch.equal(data.images, whole.images[rows])
    assert torch.equal(data.labels, whole.labels[rows])


def test_the_mark_of_drawn_images(cars_copy):
    for place in ["root", "data"]:
        copy = cars_copy()
        (getattr(copy, place) / "GENERATED.txt").write_text("drawn")
        assert load("test", copy.root).generated
