"""Files that a reader sees old or new, never half; and what of a source file can change a result."""

from __future__ import annotations

import ast
import functools
import os
import tempfile
from pathlib import Path

from mtattr.errors import InputError


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write `content` (text as UTF-8) by temp file and rename, so that a kill at any moment leaves the old file or the new.

    Makes the folder if it is missing. A killed write leaves a hidden file ending in `.part` behind.
    Raises `InputError` if the disk is full or the folder cannot be written; the old file then stands.
    """
    content = content.encode("utf-8") if isinstance(content, str) else content
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}-", suffix=".part"
        )
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner reads
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(
            f"{path}: could not be written, {len(content)} bytes needed ({error.strerror or error})"
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def found_upwards(name: str, start: str | Path = ".") -> Path | None:
    """The file `name` below the folder `start` or the nearest one above it that has it, or None."""
    start = Path(start).resolve()
    return next(
        (folder / name for folder in (start, *start.parents) if (folder / name).is_file()), None
    )


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
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = body[1:]
    return ast.dump(tree)
