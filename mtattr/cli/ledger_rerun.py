"""`mtattr ledger rerun`: a record's training repeated and compared."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mtattr.cli.ledger_file import ledger_option, records_of
from mtattr.cli.options import FOLDER, check_root
from mtattr.cli.run import log_progress

if TYPE_CHECKING:
    from mtattr.evidence import Repeated


@click.command()
@click.argument("hash_", metavar="HASH")
@ledger_option
@click.option("--check", is_flag=True, help="Exit with 1 if a value differs in its last bit.")
@click.option(
    "--to",
    type=FOLDER,
    help="A new or empty folder, which is kept  [default: a temporary one, deleted at the end].",
)
@click.option("--root", type=FOLDER, help="Folder with your copy of the dataset.")
def rerun(hash_: str, path: Path | None, check: bool, to: Path | None, root: Path | None) -> int:
    """Train a record's run anew and print old values, new values and differences.

    HASH is the beginning of the record's hash, as tables and `mtattr ledger show` print it. Its
    precision and number of threads are taken over; runs that it starts from are trained too.
    Compared are the test metrics, the last row of the history and the data's fingerprint. Where
    code, torch, processor or device are not those of the record, other last digits are expected.
    Measured times differ always and do not count.

    Exit code: 0 done, with --check only if all values agree; 1 with --check, a value differs;
    2 bad input: an unknown or ambiguous HASH, or a run that cannot be repeated here.
    """
    from mtattr.evidence import causes, compare, find_record, short_id
    from mtattr.evidence import rerun as repeat

    check_root(root)
    old = find_record(records_of(path), hash_.lower())
    log_progress()
    with contextlib.ExitStack() as kept:
        folder = to or Path(
            kept.enter_context(
                tempfile.TemporaryDirectory(prefix="mtattr-rerun-", ignore_cleanup_errors=True)
            )
        )
        run = repeat(old, folder, root=root)
    spec, how, commit = run.spec, old["environment"], (old["code"]["commit"] or "unknown")[:8]
    click.echo(
        f"record {short_id(old)} of commit {commit}: {spec.paper} {spec.variant} {spec.dataset} "
        f"{spec.scale} seed {spec.seed}, {how['precision']}, threads {how['threads']}"
    )
    click.echo(f"kept in {run.folder}" if to else "trained in a temporary folder, deleted")
    rows = compare(old, run.record)
    for line in _table(rows):
        click.echo(line)
    differing = sum(not row.agrees for row in rows)
    click.echo(f"{differing} of {len(rows)} values differ" if differing else "all values agree")
    reasons = causes(old, run.record)
    for reason in reasons:
        click.echo(reason)
    if differing and reasons:
        click.echo("so a difference is expected")
    elif differing:
        click.echo("code, torch, processor and device are the record's: expected no difference")
    return 1 if check and differing else 0


def _table(rows: Sequence[Repeated]) -> list[str]:
    """Lines of a table with one row a value, columns aligned."""
    cells = [("value", "old", "new", "difference")]
    for row in rows:
        old, new = (_text(value) for value in (row.old, row.new))
        cells.append((row.name, old, new, _difference(row)))
    wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        f"{name:<{wide[0]}}  {old:>{wide[1]}}  {new:>{wide[2]}}  {difference:>{wide[3]}}"
        for name, old, new, difference in cells
    ]


def _text(value: object) -> str:
    from mtattr.evidence import ABSENT

    if value is ABSENT:
        return "absent"
    if isinstance(value, float):
        return f"{value:.8g}"
    return "null" if value is None else str(value)[:12]


def _difference(row: Repeated) -> str:
    if row.difference is not None:
        return f"{row.difference:+.2g}" if row.difference else "0"
    return "" if row.agrees else "differs"
