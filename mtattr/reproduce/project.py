"""The folder that holds the notebooks and the book, and the names found in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mtattr.errors import InputError
from mtattr.files import found_upwards

#: The order in which a chapter is read and run; other steps follow in alphabetical order.
STEPS = ("build", "train", "multitask", "evaluate")


@dataclass(frozen=True)
class Project:
    """A checkout of the course: `root` holds `notebooks/<paper>/<step>.py`."""

    root: Path

    @property
    def notebooks(self) -> Path:
        """The folder of all notebook sources."""
        return self.root / "notebooks"

    def sources(self) -> list[Path]:
        """Every notebook source, by paper in alphabetical order, then in reading order."""
        found = [p for p in self.notebooks.glob("*/*.py") if not p.name.startswith((".", "_"))]
        return sorted(found, key=lambda path: (path.parent.name, _reading_order(path.stem)))

    def source(self, name: str) -> Path:
        """The source of the notebook called `paper/step`; `InputError` if there is none."""
        names = {notebook_name(path): path for path in self.sources()}
        if name not in names:
            raise InputError(f"notebook {name!r} is unknown; there are: {self._known(names)}")
        return names[name]

    def select(self, papers: list[str] | None = None, steps: list[str] | None = None) -> list[Path]:
        """Sources of the given papers and steps (None: all); `InputError` if one is unknown."""
        sources = self.sources()
        for kind, wanted, known in (
            ("paper", papers, {path.parent.name: None for path in sources}),
            ("step", steps, {path.stem: None for path in sources}),
        ):
            for name in wanted or ():
                if name not in known:
                    there = self._known(known)
                    raise InputError(f"{kind} {name!r} has no notebook; there are: {there}")
        chosen = [
            p
            for p in sources
            if (not papers or p.parent.name in papers) and (not steps or p.stem in steps)
        ]
        if not chosen:
            raise InputError(f"{self.notebooks}: no <paper>/<step>.py matches what was asked for")
        return chosen

    def _known(self, names: dict) -> str:
        return ", ".join(names) or f"none in {self.notebooks}"


def _reading_order(step: str) -> tuple[int, str]:
    return (STEPS.index(step) if step in STEPS else len(STEPS), step)


def notebook_name(source: Path) -> str:
    """`paper/step`, the name of a notebook in tables and on the command line."""
    return f"{source.parent.name}/{source.stem}"


def find_project(start: Path | None = None) -> Project:
    """The project at or above `start` (default: the current folder), else the library's checkout.

    A project is a folder with `notebooks/` beside `pyproject.toml` or `_toc.yml`; `InputError` if
    there is none.
    """
    start = start or Path.cwd()
    for place in (start, Path(__file__).parent):
        for name in ("_toc.yml", "pyproject.toml"):
            found = found_upwards(name, place)
            if found is not None and (found.parent / "notebooks").is_dir():
                return Project(found.parent)
    raise InputError(
        f"{start}: not in a checkout (notebooks/ beside _toc.yml or pyproject.toml); use --project"
    )
