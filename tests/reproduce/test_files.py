import hashlib

from hypothesis import given
from hypothesis import strategies as st
from mtattr.reproduce.files import digest_of, file_digest, library_digest


def test_file_digest_is_sha256(tmp_path):
    (tmp_path / "x").write_bytes(b"\x00\xff" * 1000)
    assert file_digest(tmp_path / "x") == hashlib.sha256(b"\x00\xff" * 1000).hexdigest()


PLAIN = "def f(x):\n    return x + 1\n"


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
