import errno
import multiprocessing
import os
import time
import warnings
from collections import namedtuple

import numpy as np
import pytest
import torch
from mtattr.data.cache import cached_images, cached_images_and_notes
from mtattr.errors import InputError

SHAPE = (50, 3, 40, 40)


class Fill:
    """Writes pixels that tell rows apart, and counts how often it is asked to."""

    def __init__(self):
        self.calls = 0

    def __call__(self, out):
        self.calls += 1
        assert not out.any()
        for start in range(0, len(out), 16):
            stop = min(start + 16, len(out))
            out[start:stop] = np.arange(start, stop, dtype=np.uint8)[:, None, None, None]


def rows_are_right(images, n=SHAPE[0]):
    return torch.equal(images, torch.arange(n, dtype=torch.uint8)[:, None, None, None].expand(n, *SHAPE[1:]))


def entry(home):
    (data,) = (home / "data").glob("*.uint8")
    (sidecar,) = (home / "data").glob("*.json")
    return data, sidecar


def files_of(home):
    """Everything in the cache but its locks, which stay."""
    return {name for name in os.listdir(home / "data") if not name.endswith(".lock")}


def test_filled_once_then_mapped(fresh_home):
    fill = Fill()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = (cached_images("set/train", {"source": "x", "size": 40}, SHAPE, fill) for _ in range(2))
    assert fill.calls == 1
    assert first.dtype == torch.uint8
    assert rows_are_right(first)
    assert rows_are_right(second)
    data, sidecar = entry(fresh_home)
    assert files_of(fresh_home) == {data.name, sidecar.name}


def test_writing_to_the_tensor_leaves_the_file_alone(fresh_home):
    images = cached_images("set", {}, SHAPE, Fill())
    images.zero_()
    assert rows_are_right(cached_images("set", {}, SHAPE, Fill()))


def test_another_name_key_or_shape_is_another_entry(fresh_home):
    same = {"source": "x"}
    cached_images("set", same, SHAPE, Fill())
    for other in (("set", {"source": "y"}, SHAPE), ("tes", same, SHAPE), ("set", same, (50, 3, 30, 40)), ("set", {}, SHAPE)):
        fill = Fill()
        assert cached_images(*other, fill).shape == other[2]
        assert fill.calls == 1, other


def test_notes_survive(fresh_home):
    for fill in (lambda out: {"skipped": [3, 4]}, lambda out: pytest.fail("filled again")):
        assert cached_images_and_notes("set", {}, SHAPE, fill)[1] == {"skipped": [3, 4]}


def test_no_images_at_all(fresh_home):
    for _ in range(2):
        assert cached_images("set", {}, (0, 3, 8, 8), Fill()).shape == (0, 3, 8, 8)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path):
    path.write_bytes(path.read_bytes() + b"\0")


def empty(path):
    path.write_bytes(b"")


def test_damaged_data_is_filled_again(fresh_home):
    fill = Fill()
    cached_images("set", {}, SHAPE, fill)
    for calls, damage in enumerate((cut, lengthen, empty, os.unlink), 2):
        damage(entry(fresh_home)[0])
        for _ in range(2):
            assert rows_are_right(cached_images("set", {}, SHAPE, fill)), damage
            assert fill.calls == calls


CHANGES = [
    lambda text: text[: len(text) // 2],
    lambda text: "",
    lambda text: "[]",
    lambda text: text.replace('"format": 1', '"format": 0'),
    lambda text: text.replace('"source": "x"', '"source": "y"'),
    lambda text: text.replace("[50, 3, 40, 40]", "[50, 3, 20, 80]"),
    lambda text: text.replace('"notes"', '"note"'),
]


def test_disagreeing_sidecar_is_not_believed(fresh_home):
    fill = Fill()
    cached_images("set", {"source": "x"}, SHAPE, fill)
    sidecar = entry(fresh_home)[1]
    before = sidecar.read_text()
    for i, change in enumerate(CHANGES):
        sidecar.write_text(change(before))
        assert sidecar.read_text() != before
        assert rows_are_right(cached_images("set", {"source": "x"}, SHAPE, fill)), i
        assert fill.calls == i + 2
        assert sidecar.read_text() == before


def test_sidecar_alone_comes_last(fresh_home, monkeypatch):
    order = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append(b.suffix), replace(a, b)))
    cached_images("set", {}, SHAPE, Fill())
    assert order == [".uint8", ".json"]


@pytest.mark.parametrize("error", [InputError("bad.jpg: damaged"), KeyboardInterrupt(), OSError(errno.EIO, "broken")])
def test_a_fill_that_fails_leaves_nothing(fresh_home, error):
    def fill(out):
        out[:3] = 1
        raise error

    with pytest.raises(type(error)):
        cached_images("set", {}, SHAPE, fill)
    assert not files_of(fresh_home)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_disk_full_while_claiming_space(fresh_home, monkeypatch, code):
    def refuse(descriptor, start, count):
        os.write(descriptor, b"some")
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    with pytest.raises(InputError, match=r"home/data: .* 240,000 bytes and the disk is full"):
        cached_images("set", {}, SHAPE, Fill())
    assert not files_of(fresh_home)


def test_disk_known_to_be_too_full(fresh_home, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10**6, 10**6 - 239_999, 239_999))
    fill = Fill()
    with pytest.raises(InputError, match="240,000 bytes"):
        cached_images("set", {}, SHAPE, fill)
    assert fill.calls == 0
    assert not files_of(fresh_home)


def test_home_that_is_a_file(tmp_path, monkeypatch):
    (tmp_path / "home").write_text("not a folder")
    monkeypatch.setenv("MTATTR_HOME", str(tmp_path / "home"))
    with pytest.raises(InputError, match="home/data: cannot be written"):
        cached_images("set", {}, SHAPE, Fill())


def fill_slowly(pipe, pause):
    """One process of several: say so when filling, then what came out."""

    def fill(out):
        pipe.send("filling")
        for row in range(len(out)):
            out[row] = row
            time.sleep(pause)

    # The numpy sum needs no thread pool, which a forked process would inherit broken.
    pipe.send(int(cached_images("set", {}, SHAPE, fill).numpy().sum()))


def start(pause):
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=fill_slowly, args=(there, pause))
    process.start()
    there.close()
    return process, here


def said(pipe):
    messages = []
    while True:
        try:
            messages.append(pipe.recv())
        except EOFError:
            return messages


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_processes_at_once_fill_once(fresh_home):
    started = [start(0.01) for _ in range(4)]
    messages = [said(pipe) for _, pipe in started]
    for process, _ in started:
        process.join()
    assert [message[-1] for message in messages] == [sum(range(50)) * 3 * 40 * 40] * 4
    assert sum(message.count("filling") for message in messages) == 1
    assert {path.name for path in entry(fresh_home)} == files_of(fresh_home)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_killed_while_filling(fresh_home):
    process, pipe = start(0.5)
    assert pipe.recv() == "filling"
    process.kill()
    process.join()
    assert list(fresh_home.rglob("*.tmp"))
    assert not list(fresh_home.rglob("*.json"))
    fill = Fill()
    assert rows_are_right(cached_images("set", {}, SHAPE, fill))
    assert fill.calls == 1
    assert {path.name for path in entry(fresh_home)} == files_of(fresh_home)


def test_file_system_that_cannot_claim_space(fresh_home, monkeypatch):
    for code in [errno.EOPNOTSUPP, errno.EINVAL]:

        def refuse(descriptor, start, count, code=code):
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
        shape = (3, 3, 400, 400)
        assert rows_are_right(cached_images("set", {"code": code}, shape, Fill())[:, :, :40, :40], 3)
