"""Digests of what a result depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from mtattr.code import code_form


def file_digest(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(parts: Iterable[str]) -> str:
    """SHA-256 of the texts in order; where one ends and the next begins matters."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(f"{len(encoded)}:".encode())
        digest.update(encoded)
    return digest.hexdigest()


def library_digest(
    package: Path, *, leave_out: Iterable[str] = ("reproduce", "cli", "cli.py")
) -> str:
    """SHA-256 of the package's code form and of its data files (YAML, JSON, styles), by sorted relative path.

    `leave_out` names top-level entries that cannot change what a notebook computes.
    """
    skipped = set(leave_out)
    parts = []
    for path in sorted(package.rglob("*")):
        relative = path.relative_to(package)
        if relative.parts[0] in skipped or not path.is_file():
            continue
        if path.suffix == ".py":
            parts += [relative.as_posix(), code_form(path.read_text(encoding="utf-8"))]
        elif path.suffix in {".yaml", ".json", ".mplstyle"}:
            parts += [relative.as_posix(), file_digest(path)]
    return digest_of(parts)
