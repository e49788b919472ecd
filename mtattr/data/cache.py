"""Decoded images on disk: a memory-mapped file of uint8, and a JSON file that says it is whole."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from mtattr.data.home import home
from mtattr.errors import InputError
from mtattr.files import locked, write_atomically

FORMAT = 1

Fill = Callable[[np.ndarray], dict | None]


def cached_images(name: str, key: dict, shape: Sequence[int], fill: Fill) -> Tensor:
    """A uint8 tensor that is filled once and memory-mapped from then on.

    The file appears whole or not at all, and one that is cut short or contradicts its sidecar is
    filled again. The tensor is mapped copy-on-write: changing it changes no file.

    Args:
        name: the start of the file's name.
        key: everything that the pixels follow from (source hash, crop, size), as JSON.
        fill: `fill(out)` writes into a zeroed array; a dict that it returns is kept as notes.

    Raises:
        InputError: the disk is too full. This and whatever `fill` raises leave no file behind.
    """
    return cached_images_and_notes(name, key, shape, fill)[0]


def cached_images_and_notes(
    name: str, key: dict, shape: Sequence[int], fill: Fill
) -> tuple[Tensor, dict]:
    """The tensor of `cached_images`, and the notes that `fill` returned when it ran."""
    shape = [int(length) for length in shape]
    if 0 in shape:  # an empty file cannot be mapped
        return torch.empty(shape, dtype=torch.uint8), fill(np.empty(shape, np.uint8)) or {}
    key = json.loads(json.dumps(key))
    about = {"format": FORMAT, "key": key, "shape": shape, "bytes": math.prod(shape)}
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:20]
    path = home() / "data" / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}-{digest}.uint8"
    found = _open(path, about)
    if found is None:
        with locked(path.with_suffix(".lock")):
            found = _open(path, about)
            if found is None:
                _write(path, about, fill)
                found = _open(path, about)
    if found is None:
        raise InputError(f"{path}: does not read back as just written; is the disk sound?")
    return found


def _open(path: Path, about: dict) -> tuple[Tensor, dict] | None:
    try:
        sidecar = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if not about.items() <= sidecar.items() or path.stat().st_size != about["bytes"]:
            return None
        array = np.memmap(path, dtype=np.uint8, mode="c", shape=tuple(about["shape"]))
        return torch.from_numpy(array), sidecar["notes"]
    except (OSError, ValueError, AttributeError, KeyError):
        return None


def _write(path: Path, about: dict, fill: Fill) -> None:
    sidecar, temporary = path.with_suffix(".json"), path.with_suffix(".tmp")
    sidecar.unlink(missing_ok=True)
    try:
        with temporary.open("wb+") as file:
            _claim(file, path.parent, about["bytes"])
            array = np.memmap(file, dtype=np.uint8, mode="r+", shape=tuple(about["shape"]))
            notes = fill(array) or {}
            array.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        write_atomically(sidecar, json.dumps(about | {"notes": notes}, sort_keys=True) + "\n")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InputError(
            f"{path.parent}: decoded images need {about['bytes']:,} bytes and the disk is full; "
            "free some, or set MTATTR_HOME to another disk"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _claim(file: BinaryIO, folder: Path, count: int) -> None:
    # Writing through a map into a sparse file kills the process when the disk is full; claiming
    # the blocks first raises an error instead.
    if shutil.disk_usage(folder).free < count:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    try:
        os.posix_fallocate(file.fileno(), 0, count)
        return
    except AttributeError:
        pass
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
    # Not every system and file system can claim blocks, but all can write zeros.
    block = bytes(1 << 20)
    for start in range(0, count, len(block)):
        file.write(block[: count - start])
    file.flush()
