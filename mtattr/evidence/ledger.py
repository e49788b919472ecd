"""The ledger: the committed run records that the book quotes, one JSON line each."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from mtattr.canonical import canonical_json
from mtattr.errors import InputError
from mtattr.evidence.record import check_record, edition_of
from mtattr.files import locked, write_atomically


def read_ledger(path: str | Path) -> list[dict[str, Any]]:
    """Records of a ledger in order; a file that does not exist is an empty ledger.

    A process checks each version of a ledger once and then hands out the same records: copy one
    before changing it.

    Raises:
        InputError: a line is not JSON, breaks the schema or does not match its hash.
    """
    return list(_checked(_text(Path(path)), str(path)))


@lru_cache(maxsize=8)
def _checked(text: str, source: str) -> tuple[dict[str, Any], ...]:
    # Keyed by the text, not by the time of the file's last change: two changes can share one tick.
    return tuple(
        check_record(parse_line(line, where), where) for where, line in _lines(text, source)
    )


def ledger_lines(path: Path, source: str) -> list[tuple[str, str]]:
    """Lines that hold something, each after its place, `source:number`; none without a file."""
    return list(_lines(_text(path), source))


def _lines(text: str, source: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"{source}:{number}", line


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: expected a readable UTF-8 file ({type(error).__name__})"
        ) from error


def parse_line(line: str, source: str) -> dict[str, Any]:
    """One ledger line as a dict; the message of an `InputError` begins with `source`."""
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
    """Number of sealed records added to the ledger: those that it does not hold yet.

    All or nothing: the new file replaces the old by a rename once every record has been checked.

    Args:
        allow_dirty: also take records of uncommitted code, which cannot be traced.

    Raises:
        InputError: an invalid record, one of uncommitted code, or a damaged ledger.
    """
    path = Path(path)
    new: dict[str, dict[str, Any]] = {}
    for i, record in enumerate(records):
        record = check_record(record, f"record {i + 1} of those to add")
        code, spec = record["code"], record["spec"]
        if not allow_dirty and (code["dirty"] or code["commit"] is None):
            raise InputError(
                f"record {record['sha256'][:8]} ({spec['variant']}, {spec['dataset']}, seed "
                f"{spec['seed']}) comes from code that was not committed: commit and run again"
            )
        new[record["sha256"]] = record
    with _changing(path) as lines:
        for _, record in lines:
            new.pop(record["sha256"], None)
        if new:
            _write(path, [*(line for line, _ in lines), *map(canonical_json, new.values())])
    return len(new)


def remove_edition(path: str | Path, paper: str, edition: int) -> int:
    """Number of records of one edition of a paper, all of which leave the ledger.

    Raises:
        InputError: there is none, or a damaged ledger.
    """
    path = Path(path)
    with _changing(path) as lines:
        editions = {edition_of(record) for _, record in lines if record["spec"]["paper"] == paper}
        if edition not in editions:
            there = ", ".join(map(str, sorted(editions))) or "none"
            raise InputError(f"{path}: no record of {paper}, edition {edition}; editions: {there}")
        kept = [
            line
            for line, record in lines
            if (record["spec"]["paper"], edition_of(record)) != (paper, edition)
        ]
        _write(path, kept)
    return len(lines) - len(kept)


def find_record(records: Iterable[Mapping[str, Any]], prefix: str) -> dict[str, Any]:
    """The one record whose hash begins with `prefix`; `InputError` if there is none or several."""
    found = {record["sha256"]: record for record in records if record["sha256"].startswith(prefix)}
    if len(found) == 1:
        return dict(*found.values())
    if not found:
        raise InputError(
            f"no record's hash begins with {prefix!r}; `mtattr ledger show` lists them"
        )
    some = ", ".join(list(found)[:3])
    raise InputError(f"{len(found)} records begin with {prefix!r}: {some}; give more digits")


@contextlib.contextmanager
def _changing(path: Path) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Lines and records of a ledger that no other process changes before the block ends."""
    with locked(path.with_name(f".{path.name}.lock")):
        lines = [line for _, line in ledger_lines(path, str(path))]
        yield list(zip(lines, read_ledger(path), strict=True))


def _write(path: Path, lines: Iterable[str]) -> None:
    # Old lines stay byte by byte as they are.
    write_atomically(path, "".join(f"{line}\n" for line in lines))
