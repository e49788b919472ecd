"""The folder where everything that can be made again is kept."""

import os
from pathlib import Path


def home() -> Path:
    """The state folder: the environment variable `MTATTR_HOME`, or `~/.cache/mtattr`.

    Decoded images lie in `home() / "data"`, runs in `home() / "runs"`. The folder need not exist yet.
    """
    named = os.environ.get("MTATTR_HOME", "").strip()
    return Path(named).expanduser().absolute() if named else Path.home() / ".cache" / "mtattr"
