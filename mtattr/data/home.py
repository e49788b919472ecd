"""The folder where everything that can be made again is kept."""

import os
from pathlib import Path

from mtattr.errors import InputError


def home() -> Path:
    """The state folder: the environment variable `MTATTR_HOME`, or `~/.cache/mtattr`.

    Decoded images lie in `home() / "data"`, runs in `home() / "runs"`. The folder need not exist yet.
    """
    named = os.environ.get("MTATTR_HOME", "").strip()
    try:
        return Path(named).expanduser().absolute() if named else Path.home() / ".cache" / "mtattr"
    except RuntimeError:
        raise InputError(
            f"MTATTR_HOME {named!r}: no such user, or no home of yours; expected the path of a folder"
        ) from None
