"""The ledger file that a command reads or changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mtattr.cli.options import FILE
from mtattr.errors import InputError

ledger_option = click.option(
    "--ledger",
    "path",
    type=FILE,
    help="The ledger file  [default: book/evidence/ledger.jsonl of the project].",
)


def place_of(path: Path | None) -> tuple[Path, Path]:
    """The ledger file and the repository that it belongs to."""
    from mtattr.reproduce import find_project

    project = find_project(path.resolve().parent if path else None)
    return path or project.root / "book" / "evidence" / "ledger.jsonl", project.root


def check_given(path: Path | None) -> None:
    """Raise `InputError` if a ledger was named and is not there; the project's may be missing."""
    if path is not None and not path.is_file():
        raise InputError(f"{path}: no such file; --ledger names the ledger")


def records_of(path: Path | None) -> list[dict[str, Any]]:
    """The records of the ledger named, or of the project's."""
    from mtattr.evidence import read_ledger

    check_given(path)
    return read_ledger(path or place_of(path)[0])
