"""Digests of what a result depends on."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from pathlib import Path

from mtattr import PAPERS
from mtattr.code import closure, code_form, imported_files
from mtattr.errors import InputError


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


def reached_files(source: Path, values: Iterable[object] = ()) -> set[Path]:
    """Files of the library that a notebook can reach, with the data files (YAML, JSON) beside them.

    Args:
        source: its `.py`; a string in it that names a paper or a dataset reaches recipe or loader.
        values: its parameters, which may name them, too.

    Raises:
        InputError: `source` is not Python.
    """
    from mtattr.data import loaders_of

    text = source.read_text(encoding="utf-8")
    try:
        nodes = ast.walk(ast.parse(text))
    except SyntaxError as error:
        raise InputError(f"{source}: is not Python ({error})") from None
    names = [*values, *(node.value for node in nodes if isinstance(node, ast.Constant))]
    names = {name for name in names if isinstance(name, str)}
    names |= set(PAPERS) if "PAPERS" in text else set()
    modules = [f"mtattr.{paper}.recipe" for paper in PAPERS if paper in names]
    modules += [module for name in names for module in loaders_of(name)]
    code = imported_files(text) | closure(modules)
    beside = (path for folder in {path.parent for path in code} for path in folder.iterdir())
    return code | {path for path in beside if path.suffix in {".yaml", ".json", ".mplstyle"}}


def library_digest(files: Iterable[Path]) -> str:
    """SHA-256 of the code form of Python files and of the bytes of others, by sorted path."""
    parts = []
    for path in sorted(files):
        is_code = path.suffix == ".py"
        form = code_form(path.read_text(encoding="utf-8")) if is_code else file_digest(path)
        parts += [f"{path.parent.name}/{path.name}", form]
    return digest_of(parts)
