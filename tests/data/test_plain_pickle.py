"""The reader of pickles that runs nothing: equal to what was written, and a refusal for all that is not plain data."""

import hashlib
import os
import pickle
import sys
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mtattr.data.plain_pickle import read_plain_pickle
from mtattr.errors import InputError

NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def short_string(text, number):
    return b"U" + bytes([len(text)]) + text.encode() + b"q" + bytes([number])


def official_meta():
    """CIFAR-10's `batches.meta` as Python 2 wrote it, byte for byte."""
    out = b"\x80\x02}q\x01(" + short_string("num_cases_per_batch", 2) + b"M\x10'" + short_string("label_names", 3) + b"]q\x04("
    out += b"".join(short_string(name, 5 + i) for i, name in enumerate(NAMES)) + b"e"
    return out + short_string("num_vis", 15) + b"M\x00\x0cu."


def write(folder, content):
    path = folder / "file"
    path.write_bytes(content)
    return path


def test_the_official_meta_file(tmp_path):
    content = official_meta()
    assert hashlib.md5(content).hexdigest() == "5ff9c542aee3614f3951f8cda6e48888"
    assert read_plain_pickle(write(tmp_path, content)) == {"num_cases_per_batch": 10000, "label_names": NAMES, "num_vis": 3072}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("order", "CF")
def test_arrays_of_every_protocol(tmp_path, protocol, order):
    pixels = np.random.RandomState(0).randint(0, 256, (4, 3072)).astype(np.uint8, order=order)
    pixels[0, :5] = [0, 10, 13, 128, 255]
    again = {"data": pixels, b"labels": [3, 255, 256, 70000, -1], "names": ("a\n'b", "c\\d"), "none": None, "sure": True, "twice": pixels}
    found = read_plain_pickle(write(tmp_path, pickle.dumps(again, protocol=protocol)))
    np.testing.assert_array_equal(found["data"], pixels)
    assert found["data"].dtype == np.uint8
    assert found["twice"] is found["data"]
    assert {k: v for k, v in found.items() if k not in ("data", "twice")} == {
        "labels": [3, 255, 256, 70000, -1],
        "names": ("a\n'b", "c\\d"),
        "none": None,
        "sure": True,
    }


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=20) | st.binary(min_size=1, max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=12,
)


@given(value=PLAIN, protocol=st.integers(2, 5))
def test_plain_values_come_back_equal(tmp_path_factory, value, protocol):
    path = write(tmp_path_factory.mktemp("p"), pickle.dumps(value, protocol=protocol))
    assert read_plain_pickle(path) == value


class Evil:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_is_run(tmp_path, protocol):
    mark = tmp_path / "run"
    for call in ((os.mkdir, str(mark)), (eval, "1"), (os.system, f"touch {mark}")):
        path = write(tmp_path, pickle.dumps({"data": Evil(*call)}, protocol=protocol))
        with pytest.raises(InputError, match="nothing of it was run") as caught:
            read_plain_pickle(path)
        assert str(path) in str(caught.value)
        assert not mark.exists()


def test_nothing_is_imported(tmp_path):
    (tmp_path / "never_imported_module.py").write_text("raise SystemError")
    path = write(tmp_path, b"cnever_imported_module\nf\n(tR.")
    with pytest.raises(InputError, match="never_imported_module"):
        read_plain_pickle(path)
    assert "never_imported_module" not in sys.modules


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02cnumpy\nndarray\n.",
        b"\x80\x02cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R.",
        b"\x80\x02X\x0b\x00\x00\x00reconstructU\x01a\x85R.",
        b"\x80\x02(K\x01i__main__\nEvil\n.",
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x06\x00\x00\x00base64\x86R.",
        b"\x80\x02K\x01Q.",
        pickle.dumps(np.zeros(3, dtype=object)),
        pickle.dumps(np.zeros(3, dtype=np.int64)),
        pickle.dumps({1, 2}),
        pickle.dumps(1.5),
    ],
    ids=["bare name", "bare type", "text as name", "instance", "other codec", "persistent id", "objects", "int64", "set", "float"],
)
def test_other_values_are_refused(tmp_path, content):
    with pytest.raises(InputError, match="plain data") as caught:
        read_plain_pickle(write(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_every_cut_is_an_error(tmp_path):
    whole = pickle.dumps({"data": np.arange(20, dtype=np.uint8), "labels": [1, 2, 3]}, protocol=2)
    for length in range(len(whole)):
        with pytest.raises(InputError):
            read_plain_pickle(write(tmp_path, whole[:length]))


@given(st.binary(max_size=60), st.integers(0, 157))
def test_any_bytes_are_read_or_refused(tmp_path_factory, noise, start):
    for content in (noise, official_meta()[:start] + noise + official_meta()[start + len(noise) :]):
        # Whatever else is raised fails this test.
        with suppress(InputError):
            read_plain_pickle(write(tmp_path_factory.mktemp("p"), content))


def test_values_that_hold_each_other(tmp_path):
    loop = [1]
    loop.append(loop)
    found = read_plain_pickle(write(tmp_path, pickle.dumps(loop)))
    assert found[1] is found
    pair = (1,)
    for _ in range(60):
        pair = (pair, pair)
    # Walking through all 2^60 leaves would never end.
    found = read_plain_pickle(write(tmp_path, pickle.dumps(pair)))
    assert found[0] is found[1]


def test_an_array_with_too_few_bytes(tmp_path):
    content = pickle.dumps(np.arange(20, dtype=np.uint8).reshape(4, 5), protocol=3)
    assert content.count(b"K\x04K\x05\x86") == 1
    with pytest.raises(InputError, match="damaged"):
        read_plain_pickle(write(tmp_path, content.replace(b"K\x04K\x05\x86", b"K\x04K\x06\x86")))


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="file missing; from there"):
        read_plain_pickle(tmp_path / "no", about="; from there")
