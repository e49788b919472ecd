"""What the tests of official layouts share: pictures that say which one they are, exact text files, and reading a set back."""

import os
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from mtattr.data import load_dataset
from PIL import Image

LEVELS = (24, 76, 128, 180, 232)


def colour(code):
    """One of 125 colours, far enough apart to survive JPEG."""
    return LEVELS[code % 5], LEVELS[code // 5 % 5], LEVELS[code // 25]


def code_of(image):
    """The code of a picture `(3, H, W)` from its mean colour."""
    mean = image.float().mean((1, 2)).tolist()
    return sum(5**place * int(np.argmin([abs(level - value) for level in LEVELS])) for place, value in enumerate(mean))


def save_picture(path, code, size, inside=None, inside_code=None):
    """A plain JPEG of `size` (width, height); `inside` (left, top, right, bottom) is filled with another colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", size, colour(code))
    if inside is not None:
        picture.paste(colour(inside_code), inside)
    picture.save(path, format="JPEG", quality=95, subsampling=0)


def write_text(path, lines, newline="\r\n", end=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((newline.join([*lines, ""]) + end).encode())


def assert_joined(data, truth):
    """Every picture shows what its key names, and carries that picture's labels: truth is {file name: (code, labels)}."""
    assert {Path(key).name for key in data.keys} == set(truth)
    assert len(data.keys) == len(truth)
    for key, image, labels in zip(data.keys, data.images, data.labels.numpy(), strict=True):
        code, expected = truth[Path(key).name]
        assert code_of(image) == code, key
        np.testing.assert_array_equal(labels, np.asarray(expected, np.float32), err_msg=key)


def assert_same_people(data, person_of):
    """The identities group the pictures as `person_of` (file name -> person) does."""
    pairs = {(person_of(Path(key).name), int(i)) for key, i in zip(data.keys, data.identities, strict=True)}
    assert len(pairs) == len({person for person, _ in pairs}) == len({i for _, i in pairs})


class Python2Pickler(pickle._Pickler):
    """Protocol 2 as Python 2 wrote it: byte strings by their own opcodes, and numpy under its names of that time."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def __init__(self, file):
        super().__init__(file, protocol=2)

    def memoize(self, thing):
        # Python 2 counted what it remembers from one.
        place = len(self.memo) + 1
        self.write(self.put(place))
        self.memo[id(thing)] = place, thing

    def save_string(self, text):
        raw = text.encode("latin1") if isinstance(text, str) else bytes(text)
        self.write(b"U" + bytes([len(raw)]) + raw if len(raw) < 256 else b"T" + len(raw).to_bytes(4, "little") + raw)
        self.memoize(text)

    dispatch[str] = save_string
    dispatch[bytes] = save_string

    def save_bool(self, value):
        self.write(b"K\x01" if value else b"K\x00")

    dispatch[bool] = save_bool

    def save_global(self, thing, name=None):
        module = thing.__module__.replace("numpy._core", "numpy.core")
        self.write(f"c{module}\n{name or thing.__qualname__}\n".encode())
        self.memoize(thing)

    dispatch[type] = save_global
    dispatch[type(save_global)] = save_global
    dispatch[type(len)] = save_global


def dump_python2(thing, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        Python2Pickler(file).dump(thing)


def dump_plain(thing, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        pickle.dump(thing, file, protocol=2)


class RunsACommand:
    """Unpickling this makes a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.fixture
def official(fresh_home):
    """The helpers above, and `load_both(name, root)`: the train and val parts together with how they were cut."""

    def load_both(name, root, **options):
        train, val = (load_dataset(name, split, root=root, **options) for split in ("train", "val"))
        assert len(train) > 0
        assert len(val) > 0
        assert not set(train.keys) & set(val.keys)
        assert train.tasks == val.tasks
        return train, val

    return SimpleNamespace(
        colour=colour,
        code_of=code_of,
        save_picture=save_picture,
        write_text=write_text,
        assert_joined=assert_joined,
        assert_same_people=assert_same_people,
        dump_python2=dump_python2,
        dump_plain=dump_plain,
        bomb=RunsACommand,
        load_both=load_both,
    )
