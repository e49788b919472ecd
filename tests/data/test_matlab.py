"""MATLAB files against scipy as an independent writer and reader, and damage that scipy does not survive."""

import numpy as np
import pytest
from mtattr.data.matlab import read_matlab
from mtattr.errors import InputError
from scipy.io import loadmat, savemat


def words(*entries):
    cell = np.empty((1, len(entries)), dtype=object)
    cell[0, :] = entries
    return cell


CONTENT = {
    "numbers": np.arange(6, dtype=np.int16).reshape(2, 3),
    "halves": {"train": {"age": np.array([[1, 2, 3]], np.uint8), "names": words("0002", "0007", "é")}, "test": {"age": np.ones((1, 1))}},
    "cells": words("a", np.array([[1.5, 2.5]]), words("inner")),
    "text": "one row",
    "rows": np.array(["abc", "def"]),
    "empty": np.empty((0, 3)),
    "block": np.arange(24, dtype=np.uint32).reshape(2, 3, 4),
}


def test_reads_what_scipy_writes(tmp_path):
    for compressed in [True, False]:
        path = tmp_path / "some.mat"
        savemat(path, CONTENT, do_compression=compressed)
        found = read_matlab(path)
        assert set(found) == set(CONTENT)
        for name in ("numbers", "empty", "block"):
            np.testing.assert_array_equal(found[name], CONTENT[name])
            assert found[name].dtype == loadmat(path)[name].dtype
        np.testing.assert_array_equal(found["halves"]["train"]["age"], [[1, 2, 3]])
        assert found["halves"]["train"]["names"] == ["0002", "0007", "é"]
        assert list(found["halves"]) == ["train", "test"]
        assert found["cells"][0] == "a"
        np.testing.assert_array_equal(found["cells"][1], [[1.5, 2.5]])
        assert found["cells"][2] == ["inner"]
        assert found["text"] == "one row"
        assert found["rows"] == ["abc", "def"]


def test_every_type_of_number_survives(tmp_path):
    for dtype in ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]:
        values = np.random.RandomState(0).randint(0, 100, (3, 5)).astype(dtype)
        savemat(tmp_path / "numbers.mat", {"x": values})
        found = read_matlab(tmp_path / "numbers.mat")["x"]
        np.testing.assert_array_equal(found, values)
        assert found.dtype == values.dtype


def test_a_file_cut_short_is_refused(tmp_path):
    for compressed in [True, False]:
        path = tmp_path / "cut.mat"
        savemat(path, {"halves": CONTENT["halves"]}, do_compression=compressed)
        whole = path.read_bytes()
        for size in {*range(0, len(whole) - 1, 9), 127, 129, len(whole) - 2} - {128}:
            path.write_bytes(whole[:size])
            with pytest.raises(InputError, match=r"cut\.mat: expected a whole MATLAB file") as caught:
                read_matlab(path, "; from nowhere")
            assert str(caught.value).endswith("; from nowhere")


def test_damage_is_read_or_refused_and_never_anything_else(tmp_path):
    path = tmp_path / "damaged.mat"
    savemat(path, {"halves": CONTENT["halves"], "cells": CONTENT["cells"]})
    whole, chance, refused = path.read_bytes(), np.random.RandomState(0), 0
    for _ in range(300):
        damaged = bytearray(whole)
        for place in chance.randint(0, len(whole), chance.randint(1, 6)):
            damaged[place] = chance.randint(256)
        path.write_bytes(bytes(damaged))
        try:
            read_matlab(path)
        except InputError:
            refused += 1
    assert refused > 50


def test_what_is_not_read_says_so_or_reads_equal(tmp_path):
    for value in [np.array([[1 + 2j]]), np.array([[True]]).astype(object)]:
        path = tmp_path / "other.mat"
        savemat(path, {"x": value})
        if value.dtype == object:
            assert read_matlab(path)["x"] == [np.array([[1]])]
        else:
            with pytest.raises(InputError, match="complex"):
                read_matlab(path)


def test_a_file_that_unpacks_without_end(tmp_path):
    path = tmp_path / "bomb.mat"
    savemat(path, {"x": np.zeros((1, 1 << 17), np.uint8)}, do_compression=True)
    assert path.stat().st_size < 2000
    with pytest.raises(InputError, match="cut short or too large"):
        read_matlab(path, largest=1 << 16)
    assert read_matlab(path, largest=1 << 18)["x"].shape == (1, 1 << 17)


def test_one_variable_of_several(tmp_path):
    for compressed in [False, True]:
        path = tmp_path / "two.mat"
        savemat(path, {"large": np.ones((300, 300)), "small": np.arange(4)}, do_compression=compressed)
        assert list(read_matlab(path, only="small")) == ["small"]
        assert read_matlab(path, only="other") == {}
        # What is not wanted is not unpacked, however large.
        assert list(read_matlab(path, only="small", largest=1 << 10)) == ["small"]


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"none\.mat: file missing; ask"):
        read_matlab(tmp_path / "none.mat", "; ask")
    with pytest.raises(InputError, match="cannot be read"):
        read_matlab(tmp_path)
