"""The folder that a user points a loader at."""

from __future__ import annotations

import os
from pathlib import Path

from mtattr.data.options import GENERATED_MARK
from mtattr.errors import InputError


def root_folder(name: str, root, expected: str, about: str) -> Path:
    """`root` as an existing folder.

    expected: what it should hold, and about: where to obtain it, complete the error. Raises `InputError` if `root` is
    None or empty, no path, or no folder.
    """
    if root is None or root == "":
        raise InputError(
            f"{name}: root is missing; expected the folder that holds {expected}{about}"
        )
    if not isinstance(root, str | os.PathLike):
        raise InputError(f"{name}: root must be a path, got {root!r}")
    root = user_path(root)
    if not is_folder(root):
        raise InputError(
            f"{root}: root folder missing; expected the folder that holds {expected}{about}"
        )
    return root


def user_path(path: str | os.PathLike) -> Path:
    """`path` with a leading `~` replaced by the user's home; `InputError` for a `~name` that is no user here."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise InputError(
            f"{path}: this machine has no such user, whose home ~ would mean"
        ) from None


def is_folder(path: Path) -> bool:
    """Whether a folder lies there; False also for names that no file system takes."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_generated(*folders: Path) -> bool:
    """Whether one of the folders says that its images were drawn."""
    return any((folder / GENERATED_MARK).exists() for folder in folders)


def read_bytes(path: Path, about: str = "") -> bytes:
    """The content of a file; `InputError`, completed by `about`, if it is missing or unreadable."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: file missing{about}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}){about}") from None
