"""The ledger: the committed run records that the book quotes, one JSON line each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mtattr.errors import InputError
from mtattr.evidence.canonical import canonical_json
from mtattr.evidence.record import check_record
from mtattr.files import write_atomically

try:
    import fcntl
except ImportError:  # Windows: no lock, the rename still keeps the file whole
    fcntl = None


def read_ledger(path: str | Path) -> list[dict[str, Any]]:
    """The records of a ledger in order; a file that does not exist is an empty ledger.

    Raises `InputError` naming file and line for a line that is no JSON, breaks the schema or does not match its hash.
    """
    path = Path(path)
    return [check_record(record, f"{path}:{number}") for number, record in parse_lines(path)]


def parse_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number (from 1) and JSON object of every line; `InputError` for one that is none."""
    for number, line in ledger_lines(path):
        yield number, parse_line(line, f"{path}:{number}")


def ledger_lines(path: Path) -> list[tuple[int, str]]:
    """Numbered lines that hold something; none if the file does not exist."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: expected a readable UTF-8 file ({type(error).__name__})"
        ) from error
    return [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]


def parse_line(line: str, source: str) -> dict[str, Any]:
    """One ledger line as a dict; `InputError` begins with `source`."""
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{source}: expected one JSON object, got text that breaks at column {error.colno}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{source}: expected one JSON object, got text too deep or a number too long ({error})"
        ) from error
    if not isinstance(record, dict):
        raise InputError(f"{source}: expected one JSON object, got a {type(record).__name__}")
    return record


def append(
    path: str | Path, records: Iterable[Mapping[str, Any]], *, allow_dirty: bool = False
) -> int:
    """Add sealed records that the ledger does not hold yet and return how many were added.

    All or nothing: the ledger is replaced by a rename once every record has been checked. A record whose code was not
    committed cannot be traced, so it is refused unless `allow_dirty`. Raises `InputError` for such a record, for an
    invalid one, or when the ledger itself is damaged.
    """
    path = Path(path)
    new = []
    for i, record in enumerate(records):
        record = check_record(record, f"record {i + 1} of those to add")
        code = record["code"]
        if not allow_dirty and (code["dirty"] or code["commit"] is None):
            spec = record["spec"]
            raise InputError(
                f"record {record['sha256'][:8]} ({spec['variant']}, {spec['dataset']}, seed {spec['seed']}) comes from code that was "
                "not committed: expected a clean checkout; commit and run again"
            )
        new.append(record)
    try:
        return _append(path, new)
    except OSError as error:
        raise InputError(
            f"{path}: the ledger cannot be written ({error.strerror or error}); it is as it was"
        ) from error


def _append(path: Path, new: list[dict[str, Any]]) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.parent):
        kept = read_ledger(path)
        known = {record["sha256"] for record in kept}
        added = []
        for record in new:
            if record["sha256"] not in known:
                known.add(record["sha256"])
                added.append(record)
        if added:
            write_atomically(
                path, "".join(canonical_json(record) + "\n" for record in [*kept, *added])
            )
    return len(added)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time change the ledger in `folder`."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
