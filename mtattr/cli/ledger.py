"""`mtattr ledger`: the committed run records, shown, added and verified."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from mtattr.cli.options import FILE, FOLDER
from mtattr.errors import InputError


@click.group(no_args_is_help=False)
@click.option(
    "--ledger",
    "path",
    type=FILE,
    help="The ledger file  [default: book/evidence/ledger.jsonl of the project].",
)
@click.pass_context
def ledger(context: click.Context, path: Path | None) -> None:
    """The run records that the book quotes."""
    context.obj = path


def _place(path: Path | None) -> tuple[Path, Path]:
    """The ledger file and the repository that it belongs to."""
    from mtattr.reproduce import find_project

    project = find_project(path.resolve().parent if path else None)
    return path or project.root / "book" / "evidence" / "ledger.jsonl", project.root


def _check_given(path: Path | None) -> None:
    # The project's own ledger may not exist yet; one that was named must.
    if path is not None and not path.is_file():
        raise InputError(f"{path}: no such file; --ledger is the ledger to read")


@ledger.command()
@click.option(
    "--json", "as_json", is_flag=True, help="Print the records as they are, one per line."
)
@click.pass_obj
def show(path: Path | None, as_json: bool) -> None:
    """List the records."""
    from mtattr.evidence import read_ledger

    file, _ = _place(path)
    _check_given(path)
    records = read_ledger(file)
    for record in records:
        if as_json:
            click.echo(json.dumps(record, sort_keys=True))
            continue
        spec, data = record["spec"], record["data"]
        settings = " ".join(f"{key}={value}" for key, value in spec["settings"].items())
        numbers = " ".join(
            f"{name}={value:.4f}"
            for name, value in record["metrics"]["selected"].items()
            if value is not None
        )
        kind = "generated" if data["generated"] else "real"
        words = [
            record["sha256"][:8],
            spec["paper"],
            spec["variant"],
            spec["dataset"],
            f"({kind})",
            spec["scale"],
            f"seed {spec['seed']}",
        ]
        click.echo(" ".join([*words, *filter(None, [settings, numbers])]))
    click.echo(f"{len(records)} records", err=True)


@ledger.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--allow-dirty",
    is_flag=True,
    help="Take records of code that was not committed (verify will complain).",
)
@click.pass_obj
def add(path: Path | None, results: tuple[Path, ...], allow_dirty: bool) -> None:
    """Add the records of finished runs: RESULTS are run folders or their result.json files."""
    from mtattr.evidence import append

    file, repository = _place(path)
    added = append(
        file, [_sealed(result, repository) for result in results], allow_dirty=allow_dirty
    )
    click.echo(f"{added} added, {len(results) - added} already there: {file}")


@ledger.command()
@click.option(
    "--repository", type=FOLDER, help="The git repository that the records' commits belong to."
)
@click.pass_obj
def verify(path: Path | None, repository: Path | None) -> None:
    """Check schema and hashes, and that each claim was committed before the runs that judge it."""
    from mtattr.evidence import ledger_lines
    from mtattr.evidence import verify as check

    file, root = _place(path)
    _check_given(path)
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
