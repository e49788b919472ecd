"""CIFAR-10 and CIFAR-100 in both official versions, written here as Python 2, Python 3 and the binary version have them."""

import io
import itertools
import pickle
import struct
import tarfile
import warnings

import numpy as np
import pytest
import torch
import torchvision
from mtattr.data import load_dataset
from mtattr.data.cifar import MD5, validation_rows
from mtattr.errors import InputError
from PIL import Image

TEN = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
FINE = [f"fine_{i:02d}" for i in range(100)]
COARSE = [f"coarse_{i:02d}" for i in range(20)]
PER_BATCH, TEST = 30, 20


class Copy:
    """What was written: pixels (N, 3, 32, 32) and labels of the parts train and test."""

    def __init__(self, root, folder):
        self.root, self.folder = root, root / folder
        self.folder.mkdir(parents=True)
        random = np.random.RandomState(7)
        n = {"train": 5 * PER_BATCH, "test": TEST}
        self.pixels = {part: random.randint(0, 256, (n[part], 3, 32, 32)).astype(np.uint8) for part in n}
        self.ten = {part: [int(i) % 10 for i in random.permutation(n[part])] for part in n}
        self.fine = {part: [(i * 7) % 100 for i in range(n[part])] for part in n}
        self.coarse = {part: [f % 20 for f in self.fine[part]] for part in n}


def python_2(value, memo=None):
    """A pickle of protocol 2 as Python 2's cPickle writes it: byte strings, and numpy's old module path."""
    if isinstance(value, dict):
        return b"}(" + b"".join(python_2(k) + python_2(v) for k, v in value.items()) + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(map(python_2, value)) + b"e"
    if isinstance(value, int):
        return b"K" + bytes([value]) if value < 256 else b"M" + struct.pack("<H", value)
    if isinstance(value, np.ndarray):
        element = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        start = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
        return start + b"".join(map(python_2, value.shape)) + b"\x86" + element + b"\x89" + python_2(value.tobytes()) + b"tb"
    value = value.encode() if isinstance(value, str) else value
    return (b"U" + bytes([len(value)]) if len(value) < 256 else b"T" + struct.pack("<i", len(value))) + value


def dump_python_2(value):
    return b"\x80\x02" + python_2(value) + b"."


def dump_old_numpy(value):
    # Python 3 with protocol 2 and the module path of numpy 1.
    return pickle.dumps(value, protocol=2).replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


DUMPS = {"python 2": dump_python_2, "python 3, old numpy": dump_old_numpy, "python 3": pickle.dumps}


def flat(pixels):
    return pixels.reshape(len(pixels), -1)


def write_python(root, name, dump):
    copy = Copy(root, "cifar-10-batches-py" if name == "cifar10" else "cifar-100-python")
    if name == "cifar10":
        for b in range(5):
            rows = slice(b * PER_BATCH, (b + 1) * PER_BATCH)
            about = {
                "batch_label": f"training batch {b + 1} of 5",
                "labels": copy.ten["train"][rows],
                "data": flat(copy.pixels["train"][rows]),
            }
            about["filenames"] = [f"x_{i:06d}.png" for i in range(PER_BATCH)]
            (copy.folder / f"data_batch_{b + 1}").write_bytes(dump(about))
        test = {"batch_label": "testing batch 1 of 1", "labels": copy.ten["test"], "data": flat(copy.pixels["test"])}
        (copy.folder / "test_batch").write_bytes(dump(test))
        (copy.folder / "batches.meta").write_bytes(dump({"num_cases_per_batch": PER_BATCH, "label_names": TEN, "num_vis": 3072}))
    else:
        for part in ("train", "test"):
            about = {"filenames": ["x.png"] * len(copy.fine[part]), "batch_label": f"{part} batch 1 of 1"}
            about |= {"fine_labels": copy.fine[part], "coarse_labels": copy.coarse[part], "data": flat(copy.pixels[part])}
            (copy.folder / part).write_bytes(dump(about))
        (copy.folder / "meta").write_bytes(dump({"fine_label_names": FINE, "coarse_label_names": COARSE}))
    return copy


def write_binary(root, name):
    copy = Copy(root, "cifar-10-batches-bin" if name == "cifar10" else "cifar-100-binary")

    def records(part, *labels):
        return [bytes([*row]) + pixels.tobytes() for *row, pixels in zip(*(kind[part] for kind in labels), copy.pixels[part], strict=True)]

    if name == "cifar10":
        train = records("train", copy.ten)
        for b in range(5):
            (copy.folder / f"data_batch_{b + 1}.bin").write_bytes(b"".join(train[b * PER_BATCH : (b + 1) * PER_BATCH]))
        (copy.folder / "test_batch.bin").write_bytes(b"".join(records("test", copy.ten)))
        (copy.folder / "batches.meta.txt").write_text("\n".join(TEN) + "\n\n")
    else:
        for part in ("train", "test"):
            (copy.folder / f"{part}.bin").write_bytes(b"".join(records(part, copy.coarse, copy.fine)))
        (copy.folder / "fine_label_names.txt").write_bytes("\r\n".join(FINE).encode())
        (copy.folder / "coarse_label_names.txt").write_text("\n".join(COARSE))
    return copy


VERSIONS = {**{v: lambda root, name, d=d: write_python(root, name, d) for v, d in DUMPS.items()}, "binary": write_binary}


@pytest.fixture
def cifar_copy(tmp_path, fresh_home):
    number = itertools.count()
    return lambda name, version="python 2": VERSIONS[version](tmp_path / f"copy{next(number)}", name)


@pytest.fixture(autouse=True)
def _no_checksum_warnings():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*MD5 is not the published")
        yield


def load(name, split, root, **options):
    return load_dataset(name, split, root=root, **({"image_size": 32} | options))


def test_every_image_and_label(cifar_copy):
    for version in VERSIONS:
        for name, options in [("cifar10", {}), ("cifar100", {}), ("cifar100", {"labels": "coarse"})]:
            copy = cifar_copy(name, version)
            labels = copy.ten if name == "cifar10" else copy.coarse if options else copy.fine
            names = TEN if name == "cifar10" else COARSE if options else FINE
            parts = {split: load(name, split, copy.root, **options) for split in ("train", "val", "test")}
            for split, data in parts.items():
                part = "test" if split == "test" else "train"
                rows = [int(key.split("-")[1]) for key in data.keys]
                assert rows == sorted(rows)
                assert {key.split("-")[0] for key in data.keys} == {part}
                np.testing.assert_array_equal(data.images.numpy(), copy.pixels[part][rows])
                assert data.labels[:, 0].tolist() == [labels[part][row] for row in rows]
                assert data.tasks.names == ("class",)
                assert data.tasks[0].values == tuple(names)
                assert not data.generated
            assert {*parts["train"].keys, *parts["val"].keys} == {f"train-{i:05d}" for i in range(5 * PER_BATCH)}
            assert not {*parts["train"].keys} & {*parts["val"].keys}
            assert len(parts["test"]) == TEST
            assert parts["train"].facts["counts"]["train images"] == 5 * PER_BATCH
            assert parts["train"].facts["published"]["train images"] == 50000
            assert sum(list(parts["val"].facts["counts"].values())[1:]) == len(parts["val"])


def test_both_versions_give_the_same_data(tmp_path, fresh_home):
    for name in ("cifar10", "cifar100"):
        python, binary = write_python(tmp_path / name, name, dump_python_2), write_binary(tmp_path / f"{name}b", name)
        for split in ("train", "val", "test"):
            first, second = load(name, split, python.root), load(name, split, binary.root)
            assert first.fingerprint == second.fingerprint
        assert (first.facts["layout"], second.facts["layout"]) == ("python version", "binary version")


def test_torchvision_reads_the_same(tmp_path, fresh_home):
    copy = write_python(tmp_path / "copy", "cifar10", dump_python_2)

    real = torchvision.datasets.CIFAR10
    lists = {name: [[file, None] for file, _ in getattr(real, name)] for name in ("train_list", "test_list")}
    unchecked = type("Unchecked", (real,), lists | {"meta": real.meta | {"md5": None}})
    theirs = unchecked(copy.root, train=False)
    ours = load("cifar10", "test", copy.root)
    np.testing.assert_array_equal(ours.images.permute(0, 2, 3, 1).numpy(), theirs.data)
    assert ours.labels[:, 0].tolist() == theirs.targets
    assert list(ours.tasks[0].values) == theirs.classes


def test_checksums_are_those_of_torchvision():
    sets = torchvision.datasets
    for name, theirs in (("cifar10", sets.CIFAR10), ("cifar100", sets.CIFAR100)):
        assert MD5[name] == {**dict(theirs.train_list), **dict(theirs.test_list), theirs.meta["filename"]: theirs.meta["md5"]}


def test_another_copy_warns_and_loads(tmp_path, fresh_home):
    copy = write_python(tmp_path / "copy", "cifar10", dump_python_2)
    with pytest.warns(UserWarning, match="MD5 is not the published"):
        data = load("cifar10", "test", copy.root)
    assert set(data.facts["checksums"]) == {"test_batch", "batches.meta"}


def test_validation_is_a_tenth_of_each_class_for_ever():
    classes = np.random.RandomState(1).permutation(np.repeat(np.arange(10), 5000))
    chosen = validation_rows(classes)
    assert np.bincount(classes[chosen]).tolist() == [500] * 10
    assert np.flatnonzero(chosen)[:6].tolist() == [7, 14, 18, 32, 37, 45]
    assert validation_rows(np.zeros(2, dtype=int)).sum() == 1
    assert validation_rows(np.zeros(1, dtype=int)).sum() == 0
    assert validation_rows(np.arange(4)).sum() == 1


def test_splits_do_not_depend_on_seed_or_kind_of_label(cifar_copy):
    copy = cifar_copy("cifar100")
    keys = {load("cifar100", "val", copy.root, seed=s, labels=k).keys for s in (0, 5) for k in ("fine", "coarse")}
    assert len(keys) == 1


def test_limit_is_nested(cifar_copy):
    copy = cifar_copy("cifar10")
    two, three = (load("cifar10", "train", copy.root, limit=n, seed=3) for n in (2, 3))
    assert set(two.keys) < set(three.keys)
    assert len(two) == 2


@pytest.mark.parametrize("image_size", [48, 16, (20, 40)])
def test_other_sizes_are_resized_as_files_are(tmp_path, fresh_home, image_size):
    copy = write_binary(tmp_path / "copy", "cifar10")
    data = load("cifar10", "test", copy.root, image_size=image_size)
    height, width = image_size if isinstance(image_size, tuple) else (image_size, image_size)
    assert data.images.shape == (TEST, 3, height, width)
    for image, pixels in zip(data.images, copy.pixels["test"], strict=True):
        want = Image.fromarray(pixels.transpose(1, 2, 0)).resize((width, height), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), np.asarray(want))
    # The second time the cache answers.
    assert torch.equal(data.images, load("cifar10", "test", copy.root, image_size=image_size).images)


def test_the_folder_itself_can_be_the_root(cifar_copy):
    copy = cifar_copy("cifar10")
    assert load("cifar10", "test", copy.folder).fingerprint == load("cifar10", "test", copy.root).fingerprint


def test_the_mark_of_drawn_images(cifar_copy):
    copy = cifar_copy("cifar10")
    (copy.root / "GENERATED.txt").write_text("drawn")
    assert load("cifar10", "test", copy.root).generated


def fails(copy, fresh_home, *parts, name="cifar10", split="train", **options):
    before = set(fresh_home.rglob("*.uint8"))
    with pytest.raises(InputError) as caught:
        load(name, split, copy.root if copy else None, image_size=16, **options)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message
    assert set(fresh_home.rglob("*.uint8")) == before


def test_without_root(fresh_home):
    fails(None, fresh_home, "root is missing", "Krizhevsky")


def test_a_damaged_file(cifar_copy, fresh_home):
    for damage, version in itertools.product(["missing", "empty", "cut", "web page"], VERSIONS):
        for name in ["cifar10", "cifar100"]:
            copy = cifar_copy(name, version)
            for path in sorted(copy.folder.iterdir()):
                whole = path.read_bytes()
                if damage == "missing":
                    path.unlink()
                elif damage == "cut" and (path.suffix == ".txt" or len(whole) < 3000):
                    path.write_bytes(whole[: len(whole) // 2])
                else:
                    content = {"empty": b"", "cut": whole[:-100], "web page": b"<!DOCTYPE html><html></html>\n"}[damage]
                    path.write_bytes(content)
                fails(copy, fresh_home, str(path), name=name, split="test" if path.name.startswith("test") else "train")
                path.write_bytes(whole)


def test_an_unknown_kind_of_label(tmp_path, fresh_home):
    fails(write_binary(tmp_path / "copy", "cifar100"), fresh_home, "labels", "fine, coarse", name="cifar100", labels="finest")


def test_an_archive_that_waits(tmp_path, fresh_home):
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("x"), io.BytesIO())
    with pytest.raises(InputError, match=r"cifar-10-python\.tar\.gz: unpack"):
        load("cifar10", "train", tmp_path)


BAD = {
    "label out of range": ({"labels": [10] * PER_BATCH}, "image 0 has the class label 10"),
    "negative label": ({"labels": [0] * (PER_BATCH - 1) + [-1]}, f"image {PER_BATCH - 1}"),
    "too few labels": ({"labels": [0] * 3}, "30 images but 3 labels"),
    "no labels": ({"labels": None}, "'labels'"),
    "text labels": ({"labels": ["0"] * PER_BATCH}, "whole numbers"),
    "wrong width": ({"data": np.zeros((PER_BATCH, 1024), dtype=np.uint8)}, "3072"),
    "flat": ({"data": np.zeros(PER_BATCH * 3072, dtype=np.uint8)}, "3072"),
    "floats": ({"data": np.zeros((PER_BATCH, 3072), dtype=np.float32)}, "uint8"),
    "no images": ({"data": np.zeros((0, 3072), dtype=np.uint8), "labels": []}, "3072"),
    "code": ({"batch_label": print}, "nothing of it was run"),
}


def test_a_contradictory_batch(tmp_path, fresh_home):
    for case in BAD:
        change, expected = BAD[case]
        copy = write_python(tmp_path / case, "cifar10", dump_old_numpy)
        path = copy.folder / "data_batch_3"
        good = {"labels": [0] * PER_BATCH, "data": np.zeros((PER_BATCH, 3072), dtype=np.uint8)}
        path.write_bytes(pickle.dumps(good | change))
        fails(copy, fresh_home, str(path), expected)


def test_a_record_out_of_range(tmp_path, fresh_home):
    copy = write_binary(tmp_path / "copy", "cifar10")
    path = copy.folder / "data_batch_2.bin"
    content = bytearray(path.read_bytes())
    content[3073 * 4] = 99
    path.write_bytes(content)
    fails(copy, fresh_home, str(path), "image 4 has the class label 99, outside 0..9")


def test_class_names_given_twice(tmp_path, fresh_home):
    copy = write_binary(tmp_path / "copy", "cifar10")
    (copy.folder / "batches.meta.txt").write_text("\n".join([*TEN[:9], "cat"]))
    fails(copy, fresh_home, "batches.meta.txt", "all different")
