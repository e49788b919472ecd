import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtattr.errors import InputError
from mtattr.reproduce.files import code_form, digest_of, file_digest, library_digest, write_atomically


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_atomically(path, "old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(InputError, match=r"a\.json: cannot be written \(disk full\)"):
        write_atomically(path, "new, and much longer")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_file_digest_is_sha256(tmp_path):
    (tmp_path / "x").write_bytes(b"\x00\xff" * 1000)
    assert file_digest(tmp_path / "x") == hashlib.sha256(b"\x00\xff" * 1000).hexdigest()


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


@given(st.lists(st.text(max_size=5), max_size=5), st.lists(st.text(max_size=5), max_size=5))
def test_digest_tells_lists_apart(a, b):
    assert (digest_of(a) == digest_of(b)) == (a == b)


def test_library_digest_follows_code_and_data_but_not_prose_or_the_runner(tmp_path):
    (tmp_path / "reproduce").mkdir()
    code, data, runner = tmp_path / "a.py", tmp_path / "paper.yaml", tmp_path / "reproduce" / "b.py"
    code.write_text(PLAIN), data.write_text("a: 1"), runner.write_text("x = 1")
    first = library_digest(tmp_path)
    runner.write_text("x = 2"), code.write_text("# prose\n" + PLAIN)
    assert library_digest(tmp_path) == first
    data.write_text("a: 2")
    second = library_digest(tmp_path)
    code.write_text(PLAIN.replace("1", "2"))
    assert len({first, second, library_digest(tmp_path)}) == 3
