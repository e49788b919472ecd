"""The restricted unpickler: plain data come back equal, everything else is refused and nothing is run."""

import hashlib
import itertools
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


def test_arrays_of_every_protocol(tmp_path):
    for protocol, order in itertools.product(range(6), "CF"):
        pixels = np.random.RandomState(0).randint(0, 256, (4, 3072)).astype(np.uint8, order=order)
        pixels[0, :5] = [0, 10, 13, 128, 255]
        plain = {b"labels": [3, 255, 256, 70000, -1], "names": ("a\n'b", "c\\d"), "none": None, "sure": True}
        found = read_plain_pickle(write(tmp_path, pickle.dumps(plain | {"data": pixels, "twice": pixels}, protocol=protocol)))
        assert found["twice"] is found["data"]
        data = found.pop("data").pixels
        np.testing.assert_array_equal(data, pixels, err_msg=f"protocol {protocol}, order {order}")
        assert data.dtype == np.uint8
        del found["twice"]
        assert found == plain


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


def test_nothing_is_run(tmp_path):
    mark = tmp_path / "run"
    calls = ((os.mkdir, str(mark)), (eval, "1"), (os.system, f"touch {mark}"))
    for protocol in range(6):
        for call in calls:
            path = write(tmp_path, pickle.dumps({"data": Evil(*call)}, protocol=protocol))
            with pytest.raises(InputError, match="nothing of it was run") as caught:
                read_plain_pickle(path)
            assert str(path) in str(caught.value)
            assert not mark.exists(), (protocol, call)


def test_nothing_is_imported(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "never_imported_module.py").write_text("raise SystemError")
    path = write(tmp_path, b"cnever_imported_module\nf\n(tR.")
    with pytest.raises(InputError, match="never_imported_module"):
        read_plain_pickle(path)
    assert "never_imported_module" not in sys.modules


REFUSED = {
    "other global of numpy": b"\x80\x02cnumpy\nload\n.",
    "name with dots": b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.dumps\x93.",
    "name below an allowed module": b"\x80\x04\x8c\x16numpy._core.multiarray\x8c\x16_reconstruct.__self__\x93.",
    "type of objects": b"\x80\x02cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R.",
    "instance": b"\x80\x02(K\x01i__main__\nEvil\n.",
    "other codec": b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x06\x00\x00\x00base64\x86R.",
    "persistent id": b"\x80\x02K\x01Q.",
    "extension": b"\x80\x02\x82\x01.",
    "array of objects": pickle.dumps(np.zeros(3, dtype=object)),
    "array of int64": pickle.dumps(np.zeros(3, dtype=np.int64)),
    "memo of gigabytes": b"\x80\x02K\x01r\xff\xff\xff\xff",
    "empty": b"",
}


def test_other_values_are_refused(tmp_path):
    for name, content in REFUSED.items():
        with pytest.raises(InputError, match="plain data") as caught:
            read_plain_pickle(write(tmp_path, content))
        assert "\n" not in str(caught.value), name


def test_every_cut_is_an_error(tmp_path):
    for protocol in (2, 4, 5):
        whole = pickle.dumps({"data": np.arange(20, dtype=np.uint8), "labels": [1, 2, 3]}, protocol=protocol)
        for length in range(len(whole)):
            with pytest.raises(InputError):
                read_plain_pickle(write(tmp_path, whole[:length]))


@given(st.binary(max_size=60), st.integers(0, 157))
def test_any_bytes_are_read_or_refused(tmp_path_factory, noise, start):
    for content in (noise, official_meta()[:start] + noise + official_meta()[start + len(noise) :]):
        # Whatever else is raised fails this test.
        with suppress(InputError):
            read_plain_pickle(write(tmp_path_factory.mktemp("p"), content))


def test_an_array_with_too_few_bytes(tmp_path):
    content = pickle.dumps(np.arange(20, dtype=np.uint8).reshape(4, 5), protocol=3)
    assert content.count(b"K\x04K\x05\x86") == 1
    with pytest.raises(InputError, match="cannot reshape"):
        read_plain_pickle(write(tmp_path, content.replace(b"K\x04K\x05\x86", b"K\x04K\x06\x86")))


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="file missing; from there"):
        read_plain_pickle(tmp_path / "no", about="; from there")
    with pytest.raises(InputError, match="cannot be read"):
        read_plain_pickle(tmp_path)
