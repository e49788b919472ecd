"""The book from executed notebooks, built in a staging folder unless nothing changed."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import mtattr
from mtattr.errors import InputError
from mtattr.files import write_atomically
from mtattr.reproduce.files import digest_of, file_digest
from mtattr.reproduce.notebooks import read_notebook, write_notebook
from mtattr.reproduce.project import Project

_NOISE = shutil.ignore_patterns(".*", "__pycache__", "*.pyc", "_build")


def stage_book(executed: Mapping[str, Path], destination: Path, *, project: Project) -> Path:
    """Copy the book's sources to `destination`, fresh notebooks in place of the committed ones.

    Args:
        executed: executed notebook by `paper/step`; prose comes from the current source.
        destination: the folder, replaced if it exists.
        project: the checkout; what its table of contents names elsewhere is copied too.

    Raises:
        InputError: `_config.yml`, `_toc.yml` or a page that it names is missing, or a run's code is
            not the source's.
    """
    shutil.rmtree(destination, ignore_errors=True)
    destination.mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml"):
        if not (project.root / name).is_file():
            raise InputError(f"{project.root / name}: missing; a book needs it")
        shutil.copy2(project.root / name, destination / name)
    for name in ("book", "notebooks"):
        if (project.root / name).is_dir():
            shutil.copytree(project.root / name, destination / name, ignore=_NOISE)
    for name, notebook in executed.items():
        page = destination / "notebooks" / f"{name}.ipynb"
        write_notebook(project.source(name), read_notebook(notebook), page)
    for name in _pages(project.root / "_toc.yml"):
        if _page(destination, name) is not None:
            continue
        found = _page(project.root, name)
        if found is None:
            toc = project.root / "_toc.yml"
            raise InputError(f"{toc}: names {name!r}, but there is no such page")
        target = destination / found.relative_to(project.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(found, target)
    return destination


def _page(folder: Path, name: str) -> Path | None:
    paths = (folder / f"{name}{suffix}" for suffix in ("", ".md", ".ipynb", ".rst"))
    return next((path for path in paths if path.is_file()), None)


def _pages(toc: Path) -> list[str]:
    import yaml

    def walk(node) -> list[str]:
        if isinstance(node, dict):
            own = [str(node[key]) for key in ("file", "root") if key in node]
            return own + [page for value in node.values() for page in walk(value)]
        return [page for value in node for page in walk(value)] if isinstance(node, list) else []

    return walk(yaml.safe_load(toc.read_text(encoding="utf-8")))


def build_book(
    executed: Mapping[str, Path],
    *,
    project: Project,
    destination: Path | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """First page of the book as HTML, built unless all inputs are those of the last success.

    Every warning is an error, and every build starts clean, since a second incremental build
    forgets the first one's warnings. The old pages stay until new ones are whole.

    Args:
        executed: executed notebook by `paper/step`.
        project: the checkout.
        destination: folder of the pages; default `_build/html` of the project.
        say: takes one line of progress.

    Raises:
        InputError: the book does not build; `say` got its problems.
    """
    destination = destination or project.root / "_build" / "html"
    first = destination / "index.html"
    stamp = destination.with_name(f"{destination.name}.stamp.json")
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".book-", dir=destination.parent) as temporary:
        stage = stage_book(executed, Path(temporary) / "source", project=project)
        digest = _input_digest(stage)
        if first.is_file() and _last_digest(stamp) == digest:
            say(f"book: nothing changed; open {first}")
            return first
        say("book: building")
        stamp.unlink(missing_ok=True)
        work = Path(temporary) / "work"
        start = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
        command = [sys.executable, "-c", start, "build", str(stage), "--path-output", str(work)]
        command += ["-W", "--keep-going", "--all"]
        environment = os.environ | {"NO_COLOR": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
        )
        log = destination.with_name(f"{destination.name}.log.txt")
        write_atomically(log, done.stdout.replace(str(stage), "."))
        html = work / "_build" / "html"
        if done.returncode or not (html / "index.html").is_file():
            lines = done.stdout.splitlines()
            problems = [x for x in lines if any(w in x for w in ("WARNING", "ERROR", "Error"))]
            for line in problems[:20] or lines[-20:]:
                say(line.replace(f"{stage}{os.sep}", ""))
            raise InputError(f"{log}: the book did not build; the whole log is there")
        old = Path(temporary) / "old"
        if destination.exists():
            os.replace(destination, old)
        os.replace(html, destination)
    write_atomically(stamp, json.dumps({"digest": digest}) + "\n")
    say(f"book: open {first}")
    return first


def _input_digest(stage: Path) -> str:
    """Digest of every staged file, of the library, which API pages show, and of versions."""
    package = Path(mtattr.__file__).parent
    parts = [importlib.metadata.version(name) for name in ("jupyter-book", "sphinx", "myst-nb")]
    for folder in (stage, package):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                parts += [path.relative_to(folder).as_posix(), file_digest(path)]
    return digest_of(parts)


def _last_digest(stamp: Path) -> str | None:
    try:
        return json.loads(stamp.read_text(encoding="utf-8"))["digest"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
