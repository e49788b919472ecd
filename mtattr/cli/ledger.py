"""`mtattr ledger`: the committed run records, shown, repeated, added, removed and verified."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from mtattr.cli.ledger_file import check_given, ledger_option, place_of
from mtattr.cli.ledger_rerun import rerun
from mtattr.cli.ledger_show import show
from mtattr.cli.options import FOLDER
from mtattr.errors import InputError


@click.group(no_args_is_help=False)
def ledger() -> None:
    """The run records that the book quotes."""


ledger.add_command(show)
ledger.add_command(rerun)


@ledger.command()
@ledger_option
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--allow-dirty",
    is_flag=True,
    help="Take records of code that was not committed (verify will complain).",
)
def add(path: Path | None, results: tuple[Path, ...], allow_dirty: bool) -> None:
    """Add the records of finished runs: RESULTS are run folders or their result.json files.

    All or none are added. Several commands may add at the same time, and runs may train beside
    them. Exit code: 0 done; 2 for an unfinished run or bad input, and then nothing is added.
    """
    from mtattr.evidence import append

    file, repository = place_of(path)
    added = append(
        file, [_sealed(result, repository) for result in results], allow_dirty=allow_dirty
    )
    click.echo(f"{added} added, {len(results) - added} already there: {file}")


@ledger.command()
@ledger_option
@click.option("--paper", required=True, help="The paper.")
@click.option("--edition", required=True, type=click.IntRange(min=1), help="Its edition to remove.")
def remove(path: Path | None, paper: str, edition: int) -> None:
    """Remove all records of one edition of a paper's recipes, when a newer one replaces it.

    Single records cannot be removed: that would choose among results. Exit code: 0 done; 2 if
    there is no such record, or bad input.
    """
    from mtattr.evidence import remove_edition

    file, _ = place_of(path)
    check_given(file)
    click.echo(f"{remove_edition(file, paper, edition)} removed: {file}")


@ledger.command()
@ledger_option
@click.option(
    "--repository", type=FOLDER, help="The git repository that the records' commits belong to."
)
def verify(path: Path | None, repository: Path | None) -> None:
    """Check schema and hashes, and that each claim was committed before the runs that judge it.

    Exit code: 0 the ledger stands; 2 it does not, or bad input.
    """
    from mtattr.evidence import ledger_lines
    from mtattr.evidence import verify as check

    file, root = place_of(path)
    check_given(path)
    if repository is not None and not repository.is_dir():
        raise InputError(
            f"{repository}: no such folder; --repository is the git repository of the commits"
        )
    problems = check(file, repository or root)
    errors = [problem for problem in problems if problem.level == "error"]
    for problem in problems:
        if problem.level != "error" or len(errors) > 1:
            click.echo(f"{problem.level}: {problem}", err=problem.level == "error")
    if len(errors) == 1:
        raise InputError(f"{errors[0]}; expected a ledger that stands")
    if errors:
        raise InputError(
            f"{file}: {len(errors)} problems listed above; expected a ledger that stands"
        )
    click.echo(f"{file}: {len(ledger_lines(file, str(file)))} records stand")


def _sealed(result: Path, repository: Path) -> dict:
    """The record in `result`, sealed with the hash of the claims as they stood in its commit."""
    from mtattr.evidence import check_record, claims_at, claims_sha256, seal

    file = result / "result.json" if result.is_dir() else result
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        code, paper = record["code"], record["spec"]["paper"]
        if "sha256" in record:
            return check_record(record, str(file))
        if "claims_sha256" not in code:
            committed = re.fullmatch("[0-9a-f]{40,64}", code["commit"] or "")
            claims = claims_at(repository, code["commit"], paper) if committed else None
            code["claims_sha256"] = None if claims is None else claims_sha256(claims)
        return seal(record)
    except OSError as error:
        raise InputError(
            f"{file}: cannot be read ({error.strerror}); expected the result.json of a finished run"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{file}: is not a run record ({error!r})") from error
    except InputError as error:
        raise InputError(f"{file}: {str(error).removeprefix(f'{file}: ')}") from error
