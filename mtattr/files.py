"""Atomic file writes, locks between processes, and the search for a file upwards."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from mtattr.errors import InputError


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write `content` by temp file and rename; a kill leaves the old or the new one.

    Makes the folder if it is missing. A killed write leaves a hidden file ending in `.part`.

    Raises:
        InputError: the disk is full or the folder cannot be written; the old file is kept.
    """
    content = content.encode("utf-8") if isinstance(content, str) else content
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}-", suffix=".part"
        )
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner reads
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(
            f"{path}: could not be written, {len(content)} bytes needed ({error.strerror or error})"
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """A lock that one process at a time holds; it goes with the process, however that ends.

    Args:
        path: the lock's own file; its folder is made if it is missing.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire()
    except OSError as error:
        raise InputError(f"{path.parent}: cannot be written ({error.strerror})") from None
    try:
        yield
    finally:
        lock.release()


def found_upwards(name: str, start: str | Path = ".") -> Path | None:
    """The file `name` below the folder `start` or the nearest one above it that has it, or None."""
    start = Path(start).resolve()
    return next(
        (folder / name for folder in (start, *start.parents) if (folder / name).is_file()), None
    )
