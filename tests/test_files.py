import errno
import os
import stat

import pytest
from filelock import FileLock, Timeout
from mtattr.code import code_form
from mtattr.errors import InputError
from mtattr.files import found_upwards, locked, write_atomically


def test_text_and_bytes_are_written_for_everybody_to_read(tmp_path):
    write_atomically(tmp_path / "new" / "a.txt", "a\né")
    write_atomically(tmp_path / "b.bin", b"\x00\xff")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "a\né".encode()
    assert (tmp_path / "b.bin").read_bytes() == b"\x00\xff"
    assert stat.S_IMODE((tmp_path / "b.bin").stat().st_mode) == 0o644


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    write_atomically(path, b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"result\.json: could not be written, 3 bytes needed \(No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["result.json"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/a\.json: could not be written"):
        write_atomically(tmp_path / "file" / "a.json", "x")


PLAIN = "def f(x):\n    return x + 1\n"


@pytest.mark.parametrize(
    "same",
    [
        "# why\ndef f(x):\n    return x + 1  # because\n",
        'def f(x):\n    """Add one."""\n\n    return (x\n            + 1)\n',
        '"""A module."""\ndef f(x): return x + 1',
    ],
)
def test_comments_docstrings_and_layout_do_not_count(same):
    assert code_form(same) == code_form(PLAIN)


@pytest.mark.parametrize(
    "other", ["def f(x):\n    return x + 2\n", "def f(y):\n    return y + 1\n", PLAIN + "f(1)\n", '"a"; "b"\n' + PLAIN]
)
def test_what_can_change_a_result_counts(other):
    assert code_form(other) != code_form(PLAIN)


def test_magic_is_taken_literally():
    assert code_form("%time f(1)") != code_form("%time f(2)")


def test_a_file_is_found_in_the_nearest_folder_upwards(tmp_path):
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "a"):
        (folder / "x.txt").write_text("here")
    assert found_upwards("x.txt", below) == tmp_path / "a" / "x.txt"
    assert found_upwards("x.txt", tmp_path) == tmp_path / "x.txt"
    assert found_upwards("no such file of mtattr", below) is None


def test_a_lock_keeps_others_out_and_goes_with_its_block(tmp_path):
    path = tmp_path / "new" / ".lock"
    with locked(path), pytest.raises(Timeout):
        FileLock(path, timeout=0.01).acquire()
    FileLock(path, timeout=0.01).acquire()


def test_a_lock_in_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"), locked(tmp_path / "file" / ".lock"):
        pass
