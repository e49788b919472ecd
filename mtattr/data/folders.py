"""Checks of the paths that a user gives a loader."""

from __future__ import annotations

import os
from pathlib import Path

from mtattr.data.options import GENERATED_MARK
from mtattr.errors import InputError


def root_folder(name: str, root, expected: str, about: str) -> Path:
    """`root` as an existing folder; `InputError` if it is None, empty, no path or no folder.

    Args:
        name: the dataset.
        expected: what the folder should hold, for the error.
        about: where to obtain the data, for the error.
    """
    expected = f"expected the folder that holds {expected}{about}"
    if root is None or root == "":
        raise InputError(f"{name}: root is missing; {expected}")
    if not isinstance(root, str | os.PathLike):
        raise InputError(f"{name}: root must be a path, got {root!r}")
    root = user_path(root)
    if not is_folder(root):
        raise InputError(f"{name}: {root}: root folder missing; {expected}")
    return root


def user_path(path: str | os.PathLike) -> Path:
    """`path` with a leading `~` replaced by the user's home; `InputError` for an unknown user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise InputError(f"{path}: this machine has no such user") from None


def is_folder(path: Path) -> bool:
    """True if a folder lies there; False also for names that no file system takes."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_generated(*folders: Path) -> bool:
    """True if any of the folders contains the marker file of generated data."""
    return any((folder / GENERATED_MARK).exists() for folder in folders)


def read_bytes(path: Path, about: str = "") -> bytes:
    """The content of a file; `InputError`, completed by `about`, if it is missing or unreadable."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: file missing{about}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}){about}") from None
