"""Files that are either whole or absent, and digests of what a result depends on."""

from __future__ import annotations

import ast
import functools
import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from mtattr.errors import InputError


def write_atomically(path: Path, text: str) -> None:
    """Write `text` to `path` so that a reader sees the old file or the new one, whenever the writer is killed.

    Raises `InputError` if the disk is full or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner reads; a committed notebook is for everybody.
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def file_digest(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.lru_cache(maxsize=4096)
def code_form(source: str) -> str:
    """The parts of Python `source` that can change a result: its syntax tree without docstrings, comments and layout.

    Source that Python cannot parse (an IPython magic, another language) is returned as it is.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node) is not None:
            node.body = body[1:]
    return ast.dump(tree)


def digest_of(parts: Iterable[str]) -> str:
    """SHA-256 of the texts in order; where one ends and the next begins matters."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(f"{len(encoded)}:".encode())
        digest.update(encoded)
    return digest.hexdigest()


def library_digest(package: Path, *, leave_out: Iterable[str] = ("reproduce", "cli", "cli.py")) -> str:
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
