"""Digests of code: the files that a module can reach by imports, without comments."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def code_digest(modules: Iterable[str]) -> str:
    """SHA-256 over the code that `modules` can reach, comments and docstrings aside.

    Args:
        modules: dotted names below `mtattr`.
    """
    digest = hashlib.sha256()
    for path in sorted(closure(modules)):
        digest.update(path.relative_to(_PACKAGE).as_posix().encode())
        digest.update(code_form(path.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()


def closure(modules: Iterable[str]) -> set[Path]:
    """Files of the library that the modules reach by imports, themselves included.

    A name imported from a package counts as the file that defines it, not as the whole package.

    Args:
        modules: dotted names below `mtattr`.
    """
    reached: set[Path] = set()
    waiting = [_file(module) for module in modules]
    while waiting:
        path = waiting.pop()
        if path is not None and path not in reached:
            reached.add(path)
            waiting += _imports(path)
    return reached


def imported_files(source: str) -> set[Path]:
    """Files of the library that Python `source` (a notebook, a script) can reach by its imports."""
    names = [_module(path) for path in _imported(ast.parse(source)) if path is not None]
    return closure(names)


@functools.lru_cache(maxsize=4096)
def code_form(source: str) -> str:
    """Syntax tree of Python `source` without docstrings, comments and layout.

    Source that Python cannot parse (an IPython magic, another language) is returned as it is.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(tree):
        if isinstance(node, kinds) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


@functools.cache
def _imports(path: Path) -> list[Path]:
    return list(_imported(ast.parse(path.read_text(encoding="utf-8"))))


def _imported(tree: ast.Module) -> Iterator[Path]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = (_file(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found = (_origin(node.module, alias.name) for alias in node.names)
        else:
            continue
        yield from (path for path in found if path is not None)


def _origin(module: str, name: str) -> Path | None:
    """The file that defines `name` of `from module import name`; None outside the library."""
    path = _file(f"{module}.{name}") or _file(module)
    if path is None or path.name != "__init__.py" or path == _file(f"{module}.{name}"):
        return path
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module not in (None, module):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    return _origin(node.module, alias.name)
    return path


def _file(module: str) -> Path | None:
    first, *rest = module.split(".")
    if first != "mtattr":
        return None
    place = _PACKAGE.joinpath(*rest)
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return file if file.is_file() else None


def _module(path: Path) -> str:
    parts = path.relative_to(_PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
