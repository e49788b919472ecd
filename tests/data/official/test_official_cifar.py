"""CIFAR-10 and CIFAR-100 in their python version, with the byte strings and numpy names of Python 2."""

import hashlib
import pickletools
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from mtattr.data import load_dataset
from mtattr.errors import InputError

# An invented copy has not the published digests.
pytestmark = pytest.mark.filterwarnings("ignore:.*MD5")

TEN = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
FINE = [f"thing_{i:02d}" for i in range(100)]
COARSE = [f"kind_{i:02d}" for i in range(20)]
# One batch holds more than 256 labels and more than 65535 bytes, so that the long forms of the format occur.
BATCH = 40


def batch(seed, amount, classes, extra=None):
    chance = np.random.default_rng(seed)
    data = chance.integers(0, 256, (amount, 3072), dtype=np.uint8)
    labels = [int(i) for i in chance.permutation(amount) % classes]
    return data, labels


@pytest.fixture(params=["python 2", "plain"])
def dump(request, official):
    return official.dump_python2 if request.param == "python 2" else official.dump_plain


@pytest.fixture
def cifar10_copy(tmp_path, official):
    def write(*, dump=None, nested=True):
        dump = dump or official.dump_python2
        root = Path(mkdtemp(dir=tmp_path)) / "copy"
        folder = root / "cifar-10-batches-py" if nested else root
        truth = {"train": {}, "test": {}}
        for i, name in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
            data, labels = batch(i, 300 if name == "test_batch" else BATCH, 10)
            title = f"training batch {i + 1} of 5" if i < 5 else "testing batch 1 of 1"
            names = [f"{TEN[label]}_s_{1000 * i + k:06d}.png" for k, label in enumerate(labels)]
            dump({"batch_label": title, "labels": labels, "data": data, "filenames": names}, folder / name)
            # Red, green and blue planes follow each other, each row by row.
            half = truth["test" if name == "test_batch" else "train"]
            half |= {row.tobytes(): label for row, label in zip(data, labels, strict=True)}
        dump({"num_cases_per_batch": 10000, "label_names": TEN, "num_vis": 3072}, folder / "batches.meta")
        (folder / "readme.html").write_text("<meta HTTP-EQUIV='REFRESH'>")
        return root, truth

    return write


@pytest.fixture
def cifar100_copy(tmp_path, official):
    def write(*, dump=None, nested=True):
        dump = dump or official.dump_python2
        root = Path(mkdtemp(dir=tmp_path)) / "copy"
        folder = root / "cifar-100-python" if nested else root
        truth = {}
        for i, name in enumerate(["train", "test"]):
            data, fine = batch(10 + i, 300, 100)
            # The coarse class of the real set does not follow from the order of the fine ones.
            coarse = [(7 * label + 3) % 20 for label in fine]
            names = [f"{FINE[label]}_s_{k:06d}.png" for k, label in enumerate(fine)]
            content = {
                "filenames": names,
                "batch_label": f"{name}ing batch 1 of 1",
                "fine_labels": fine,
                "coarse_labels": coarse,
                "data": data,
            }
            dump(content, folder / name)
            truth[name] = {row.tobytes(): pair for row, pair in zip(data, zip(fine, coarse, strict=True), strict=True)}
        dump({"fine_label_names": FINE, "coarse_label_names": COARSE}, folder / "meta")
        return root, truth

    return write


def found(*parts):
    return {image.numpy().tobytes(): int(label) for data in parts for image, label in zip(data.images, data.labels[:, 0], strict=True)}


def load(name, root, split, **options):
    return load_dataset(name, split, root=root, **{"image_size": 32, **options})


def test_the_fixture_speaks_the_language_of_python_2(cifar10_copy):
    root, _ = cifar10_copy()
    folder = root / "cifar-10-batches-py"
    # The published digest of this file, so the form below is the official one to the last byte.
    digest = hashlib.md5((folder / "batches.meta").read_bytes()).hexdigest()
    assert digest == "5ff9c542aee3614f3951f8cda6e48888"
    raw = (folder / "data_batch_1").read_bytes()
    assert raw.startswith(b"\x80\x02}q")
    codes = {code.name for code, _, _ in pickletools.genops(raw)}
    assert {"SHORT_BINSTRING", "BINSTRING", "GLOBAL", "REDUCE", "BUILD"} <= codes
    assert not codes & {"BINUNICODE", "BINBYTES", "NEWTRUE", "NEWFALSE", "STACK_GLOBAL"}
    assert b"cnumpy.core.multiarray\n_reconstruct\n" in raw


def test_cifar10(cifar10_copy, official, dump):
    for nested in [True, False]:
        root, truth = cifar10_copy(dump=dump, nested=nested)
        test = load("cifar10", root, "test")
        assert test.tasks.names == ("class",)
        assert test.tasks[0].values == tuple(TEN)
        assert found(test) == truth["test"]
        train, val = official.load_both("cifar10", root, image_size=32)
        assert len(train) + len(val) == 5 * BATCH
        assert found(train, val) == truth["train"]


def test_cifar100(cifar100_copy, official, dump):
    for labels, names, which in [("fine", FINE, 0), ("coarse", COARSE, 1)]:
        for nested in [True, False]:
            root, truth = cifar100_copy(dump=dump, nested=nested)
            test = load("cifar100", root, "test", labels=labels)
            assert test.tasks.names == ("class",)
            assert test.tasks[0].values == tuple(names)
            assert found(test) == {pixels: pair[which] for pixels, pair in truth["test"].items()}
            train, val = official.load_both("cifar100", root, image_size=32, labels=labels)
            assert found(train, val) == {pixels: pair[which] for pixels, pair in truth["train"].items()}


def test_cifar100_is_fine_unless_told(cifar100_copy):
    root, truth = cifar100_copy()
    assert found(load("cifar100", root, "test")) == {pixels: pair[0] for pixels, pair in truth["test"].items()}


def test_an_unknown_kind_of_label_is_named(cifar100_copy):
    root, _ = cifar100_copy()
    with pytest.raises(InputError, match=r"fine.*coarse"):
        load("cifar100", root, "test", labels="super")


def test_a_pickle_that_runs_a_command_is_refused(cifar10_copy, official, tmp_path):
    for dumped in ["dump_python2", "dump_plain"]:
        root, _ = cifar10_copy()
        made = tmp_path / "made by a pickle"
        content = {"labels": [1, 2], "data": np.zeros((2, 3072), np.uint8), "more": official.bomb(made)}
        getattr(official, dumped)(content, root / "cifar-10-batches-py/test_batch")
        with pytest.raises(InputError, match="test_batch"):
            load("cifar10", root, "test")
        assert not made.exists()


def test_wrong_content_is_named(cifar10_copy, official):
    for content in [
        {"labels": [1, 2, 3], "data": np.zeros((2, 3072), np.uint8)},
        {"labels": [1, 10], "data": np.zeros((2, 3072), np.uint8)},
        {"labels": [1, -1], "data": np.zeros((2, 3072), np.uint8)},
        {"labels": [1, 2], "data": np.zeros((2, 3071), np.uint8)},
        {"labels": [1, 2], "data": np.zeros((2, 3072), np.float32)},
        {"labels": [1, 2]},
        {"data": np.zeros((2, 3072), np.uint8)},
        [1, 2, 3],
    ]:
        root, _ = cifar10_copy()
        official.dump_python2(content, root / "cifar-10-batches-py/test_batch")
        with pytest.raises(InputError, match="test_batch"):
            load("cifar10", root, "test")


def test_a_damaged_file_is_named_and_leaves_nothing_behind(cifar10_copy, official):
    for name in ["data_batch_3", "batches.meta"]:
        for damage in ["missing", "cut", "page", "empty"]:
            root, truth = cifar10_copy()
            path = root / "cifar-10-batches-py" / name
            raw = path.read_bytes()
            path.unlink()
            if damage != "missing":
                path.write_bytes({"cut": raw[: len(raw) // 2], "page": b"<!DOCTYPE html>\n" * 9, "empty": b""}[damage])
            with pytest.raises(InputError, match=name):
                load("cifar10", root, "train")
            path.write_bytes(raw)
            assert found(*official.load_both("cifar10", root, image_size=32)) == truth["train"]
