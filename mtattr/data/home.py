"""The cache folder (`MTATTR_HOME`)."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from mtattr.errors import InputError


def home() -> Path:
    """The folder of the environment variable `MTATTR_HOME`, or `~/.cache/mtattr`.

    Decoded images lie in `home() / "data"`, runs in `home() / "runs"`. It need not exist yet.
    """
    named = os.environ.get("MTATTR_HOME", "").strip()
    try:
        return Path(named).expanduser().absolute() if named else Path.home() / ".cache" / "mtattr"
    except RuntimeError:
        raise InputError(
            f"MTATTR_HOME {named!r}: unknown user or home folder; expected the path of a folder"
        ) from None


@contextlib.contextmanager
def home_at(folder: Path) -> Iterator[None]:
    """A block in which `home()` is `folder`, also for processes that it starts."""
    before = os.environ.get("MTATTR_HOME")
    os.environ["MTATTR_HOME"] = str(folder.absolute())
    try:
        yield
    finally:
        if before is None:
            del os.environ["MTATTR_HOME"]
        else:
            os.environ["MTATTR_HOME"] = before
