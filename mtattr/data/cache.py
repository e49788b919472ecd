"""Decoded images on disk: a plain uint8 file, memory-mapped, beside a JSON sidecar that says it is complete."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mtattr.data.home import home
from mtattr.errors import InputError

FORMAT = 1
SAMPLES, SAMPLE_BYTES = 16, 1 << 16

Fill = Callable[[np.ndarray], dict | None]


def cached_images(name: str, key: dict, shape: Sequence[int], fill: Fill) -> Tensor:
    """A uint8 tensor of `shape`, filled once and memory-mapped from then on.

    `key` holds whatever the pixels follow from (source hash, crop, size) and must be JSON. On the first call with this
    name, key and shape `fill(out)` writes into a zeroed array of that shape; what it returns, None or a JSON dict, is
    kept as notes. The file appears whole or not at all; a truncated or disagreeing one is filled again. The tensor is
    mapped copy-on-write: changing it changes no file.
    Raises `InputError` when the disk is too full, and whatever `fill` raises; neither leaves anything behind.
    """
    return cached_images_and_notes(name, key, shape, fill)[0]


def cached_images_and_notes(
    name: str, key: dict, shape: Sequence[int], fill: Fill
) -> tuple[Tensor, dict]:
    """As `cached_images`, with the notes that `fill` returned when it ran."""
    shape = [int(length) for length in shape]
    key = json.loads(json.dumps(key))
    about = {"format": FORMAT, "key": key, "shape": shape, "bytes": math.prod(shape)}
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:20]
    path = home() / "data" / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}-{digest}.uint8"
    found = _open(path, about)
    if found is None:
        with _only_filler(path):
            found = _open(path, about)
            if found is None:
                _write(path, about, fill)
                found = _open(path, about)
    if found is None:
        raise InputError(
            f"{path}: the file just written does not read back as written; is the disk sound?"
        )
    return found


def _open(path: Path, about: dict) -> tuple[Tensor, dict] | None:
    try:
        sidecar = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        whole = path.stat().st_size == about["bytes"]
    except (OSError, ValueError):
        return None
    if (
        not whole
        or not isinstance(sidecar, dict)
        or any(sidecar.get(k) != v for k, v in about.items())
    ):
        return None
    if about["bytes"] == 0:
        return torch.empty(about["shape"], dtype=torch.uint8), sidecar.get("notes", {})
    try:
        array = np.memmap(path, dtype=np.uint8, mode="c", shape=tuple(about["shape"]))
    except (OSError, ValueError):
        return None
    if sidecar.get("sample_sha256") != _sample_digest(array):
        return None
    return torch.from_numpy(array), sidecar.get("notes", {})


def _write(path: Path, about: dict, fill: Fill) -> None:
    # Temporary files of this entry can only be left over from a killed process: the lock is ours.
    for left_over in path.parent.glob(f"{path.stem}.*.tmp"):
        left_over.unlink(missing_ok=True)
    _check_free(path.parent, about["bytes"])
    path.with_suffix(".json").unlink(missing_ok=True)
    made: list[Path] = []
    try:
        with _temporary(path, made) as file:
            _allocate(file.fileno(), about["bytes"])
            array = np.zeros(about["shape"], dtype=np.uint8)
            if about["bytes"]:
                array = np.memmap(file, dtype=np.uint8, mode="r+", shape=tuple(about["shape"]))
            notes = fill(array) or {}
            sample = _sample_digest(array)
            if isinstance(array, np.memmap):
                array.flush()
            os.fsync(file.fileno())
        with _temporary(path, made) as file:
            file.write(
                (
                    json.dumps(about | {"notes": notes, "sample_sha256": sample}, sort_keys=True)
                    + "\n"
                ).encode()
            )
            file.flush()
            os.fsync(file.fileno())
        os.replace(made[0], path)
        os.replace(made[1], path.with_suffix(".json"))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(path.parent, about["bytes"]) from error
        raise
    finally:
        for file_path in made:
            file_path.unlink(missing_ok=True)


@contextmanager
def _temporary(path: Path, made: list[Path]) -> Iterator:
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f"{path.stem}.", suffix=".tmp", delete=False
    ) as file:
        made.append(Path(file.name))
        yield file


def _allocate(descriptor: int, count: int) -> None:
    # Writing through a map into a sparse file kills the process when the disk is full; claiming the blocks first raises.
    if count == 0:
        return
    try:
        os.posix_fallocate(descriptor, 0, count)
        return
    except AttributeError:
        pass
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
    # Not every system and file system can claim blocks, but all can write zeros.
    block = bytes(1 << 20)
    for start in range(0, count, len(block)):
        os.write(descriptor, block[: count - start])


def _check_free(folder: Path, count: int) -> None:
    if shutil.disk_usage(folder).free < count:
        raise _disk_full(folder, count)


def _disk_full(folder: Path, count: int) -> InputError:
    return InputError(
        f"{folder}: decoded images need {count:,} bytes and the disk is full; free some, or set MTATTR_HOME to another disk"
    )


def _sample_digest(array: np.ndarray) -> str:
    """SHA-256 over up to 16 blocks spread over the file: cheap at any size, and lost or zeroed stretches show."""
    flat = array.reshape(-1)
    last = max(len(flat) - SAMPLE_BYTES, 0)
    digest = hashlib.sha256()
    for start in sorted({last * i // (SAMPLES - 1) for i in range(SAMPLES)}):
        digest.update(flat[start : start + SAMPLE_BYTES].tobytes())
    return digest.hexdigest()


@contextmanager
def _only_filler(path: Path) -> Iterator[None]:
    """Hold the entry's lock, which ends with the process; leave neither the lock nor an empty folder behind."""
    lock = path.with_suffix(".lock")
    try:
        file = _locked(lock)
    except OSError as error:
        raise InputError(
            f"{path.parent}: the cache folder cannot be written ({error.strerror}); MTATTR_HOME names another"
        ) from error
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        file.close()
        with suppress(OSError):
            path.parent.rmdir()


def _locked(lock: Path):
    while True:
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            file = lock.open("a")
        except FileNotFoundError:
            continue
        fcntl.flock(file, fcntl.LOCK_EX)
        # The one before us may have removed the name while we waited; then others would not see our lock.
        with suppress(FileNotFoundError):
            if os.fstat(file.fileno()).st_ino == lock.stat().st_ino:
                return file
        file.close()
