"""Published checksums of official files: a copy that differs is worth a warning, not an error."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from pathlib import Path


def warn_of_other_copies(published: Mapping[Path, str]) -> dict[str, str]:
    """Warn of each file whose MD5 differs from the published one.

    Copies with other line ends or a few rows more are common and usable.

    Args:
        published: {path: MD5 in hexadecimal}; files that do not exist are left out.

    Returns:
        {file name: "as published" or "differs from the published file"}.
    """
    found = {}
    for path, md5 in published.items():
        if not path.is_file():
            continue
        same = _md5(path) == md5
        found[path.name] = "as published" if same else "differs from the published file"
        if not same:
            warnings.warn(
                f"{path}: its MD5 is not the published {md5}; it may be an edited copy",
                stacklevel=3,
            )
    return found


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
