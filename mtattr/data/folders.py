"""The folder that a user points a loader at."""

from __future__ import annotations

import os
from pathlib import Path

from mtattr.data.options import GENERATED_MARK
from mtattr.errors import InputError


def root_folder(name: str, root, expected: str, about: str) -> Path:
    """`root` as an existing folder.

    expected: what it should hold, and about: where to obtain it, complete the error. Raises `InputError` if `root` is
    None, no path, or no folder.
    """
    if root is None:
        raise InputError(f"{name}: root is missing; expected the folder that holds {expected}{about}")
    if not isinstance(root, str | os.PathLike):
        raise InputError(f"{name}: root must be a path, got {root!r}")
    root = Path(root).expanduser()
    if not root.is_dir():
        raise InputError(f"{root}: root folder missing; expected the folder that holds {expected}{about}")
    return root


def is_generated(*folders: Path) -> bool:
    """Whether one of the folders says that its images were drawn."""
    return any((folder / GENERATED_MARK).exists() for folder in folders)
