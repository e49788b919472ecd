"""`mtattr reproduce`, `mtattr notebooks` and `mtattr book`."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path
from typing import Any

import click

from mtattr.cli.options import FOLDER, Names, Seeds, Setting, Shard
from mtattr.errors import InputError

_PROJECT = click.option(
    "--project",
    "project_root",
    type=FOLDER,
    help="Folder with notebooks/ and book/  [default: here or above].",
)


def _project(root: Path | None):
    from mtattr.reproduce import Project, find_project

    if root is None:
        return find_project()
    if not (root / "notebooks").is_dir():
        raise InputError(f"{root}: holds no folder notebooks")
    return Project(root.resolve())


def _output(output: Path | None) -> Path:
    from mtattr.data.home import home

    return (output or home() / "notebooks").resolve()


@click.command()
@click.option("--papers", type=Names(), help="Chapters, separated by commas  [default: all].")
@click.option(
    "--steps", type=Names(), help="Notebooks of a chapter: build,train,evaluate  [default: all]."
)
@click.option(
    "--datasets",
    type=Names(),
    help="Datasets, separated by commas  [default: each notebook's own].",
)
@click.option("--root", type=FOLDER, help="Folder with your copy of the dataset.")
@click.option("--scale", default="smoke", show_default=True, help="smoke, reduced or paper.")
@click.option(
    "--seeds", type=Seeds(), help="For example 3, 0-4 or 0,2,5-7  [default: each notebook's own]."
)
@click.option(
    "--set",
    "settings",
    type=Setting(),
    multiple=True,
    metavar="NAME=VALUE",
    help="Another notebook parameter; may be repeated.",
)
@click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Skip runs that have a valid result.",
)
@click.option("--dry-run", is_flag=True, help="Show what would run and exit.")
@click.option("--shard", type=Shard(), help="Take the i-th of n parts of the matrix: i/n.")
@click.option(
    "--jobs", type=int, help="Runs at once  [default: one per GPU, else one per two CPU cores]."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=3600.0,
    show_default=True,
    help="Seconds for one notebook; 0 for no limit.",
)
@click.option(
    "--output", type=FOLDER, help="Where executed notebooks go  [default: the state folder]."
)
@click.option("--book/--no-book", default=False, help="Build the book from these runs afterwards.")
@_PROJECT
def reproduce(
    papers: list[str] | None,
    steps: list[str] | None,
    datasets: list[str] | None,
    root: Path | None,
    scale: str,
    seeds: list[int] | None,
    settings: tuple,
    resume: bool,
    dry_run: bool,
    shard: tuple[int, int] | None,
    jobs: int | None,
    timeout: float,
    output: Path | None,
    book: bool,
    project_root: Path | None,
) -> int:
    """Run the notebooks, skip what is done, and end with a table."""
    from mtattr import reproduce as library
    from mtattr.reproduce.runner import print_table

    own = {"dataset": "datasets", "root": "root", "scale": "scale", "seed": "seeds"}
    for name in own.keys() & dict(settings).keys():
        # The option checks the value, and would silently win over this one.
        raise InputError(f"--set {name}: has an option of its own, use --{own[name]}")
    project = _project(project_root)
    runs = library.expand(
        project,
        papers=papers,
        steps=steps,
        datasets=datasets,
        root=root,
        scale=scale,
        seeds=seeds,
        parameters=dict(settings),
    )
    runs = library.shard(runs, *shard) if shard else runs
    outcomes = library.reproduce(
        runs,
        output=_output(output),
        resume=resume,
        dry_run=dry_run,
        jobs=jobs,
        timeout=timeout or None,
        say=click.echo,
    )
    try:
        if book and not dry_run and all(outcome.ok for outcome in outcomes):
            library.build_book(_first_of_each(outcomes), project=project, say=click.echo)
    finally:
        print_table(outcomes)
    return _report(outcomes)


def _first_of_each(outcomes: list) -> dict[str, Path]:
    executed: dict[str, Path] = {}
    for outcome in outcomes:
        executed.setdefault(outcome.run.name, outcome.notebook)
    return executed


def _report(outcomes: list) -> int:
    """Exit code 1 if a run failed; names it and where to look."""
    failed = [outcome for outcome in outcomes if not outcome.ok]
    for outcome in failed:
        click.echo(f"{outcome.run.label}: {outcome.error} (see {outcome.folder})", err=True)
    return 1 if failed else 0


@click.group(no_args_is_help=False)
def notebooks() -> None:
    """The committed pairs of source and executed notebook."""


@notebooks.command("execute")
@click.argument("names", nargs=-1, metavar="[PAPER/STEP]...")
@click.option(
    "--scale",
    default="smoke",
    show_default=True,
    help="The scale that the sources' parameters cells must name.",
)
@click.option(
    "--jobs", type=int, help="Runs at once  [default: one per GPU, else one per two CPU cores]."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=3600.0,
    show_default=True,
    help="Seconds for one notebook; 0 for no limit.",
)
@_PROJECT
def execute(
    names: tuple[str, ...], scale: str, jobs: int | None, timeout: float, project_root: Path | None
) -> int:
    """Execute sources (.py) into the notebooks (.ipynb) beside them.

    A failure leaves the old notebook; one that was edited is not overwritten.
    """
    from mtattr.reproduce import changed_sides, expand, write_notebook
    from mtattr.reproduce import reproduce as run_all
    from mtattr.reproduce.notebooks import read_notebook

    project = _project(project_root)
    wanted = {project.source(name) for name in names}
    runs: list[Any] = [
        run for run in expand(project, scale=scale) if not wanted or run.source in wanted
    ]
    for run in runs:
        if run.changed:
            raise InputError(
                f"{run.name}: --scale {scale}, but its parameters cell has another scale;"
                f" stored outputs must be those of its own cell"
            )
        notebook = run.source.with_suffix(".ipynb")
        if notebook.exists() and notebook in changed_sides(run.source, notebook):
            raise InputError(f"{_advice(run.source)}; nothing was written")
    with tempfile.TemporaryDirectory(prefix="mtattr-") as temporary:
        outcomes = run_all(
            runs,
            output=Path(temporary),
            resume=False,
            jobs=jobs,
            timeout=timeout or None,
            say=click.echo,
        )
        for outcome in outcomes:
            if outcome.ok:
                written = write_notebook(outcome.run.source, read_notebook(outcome.notebook))
                click.echo(f"wrote {written.relative_to(project.root)}")
            else:
                click.echo(f"{outcome.run.name}: {outcome.error}", err=True)
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def _advice(source: Path) -> str:
    """The side of a pair that changed, and the commands that make the two agree again."""
    from mtattr.reproduce import changed_sides
    from mtattr.reproduce.project import notebook_name

    name, notebook = notebook_name(source), source.with_suffix(".ipynb")
    execute = f"mtattr notebooks execute {name}"
    changed = changed_sides(source, notebook) if notebook.exists() else []
    if notebook not in changed:
        return f"{name}: {source.name} changed; run: {execute}"
    if source in changed:
        return (
            f"{name}: {source.name} and {notebook.name} were both edited;"
            f" save one under another name, then run: mtattr notebooks check"
        )
    return (
        f"{name}: {notebook.name} was edited; to keep the edits run: jupytext --to py:percent"
        f" {shlex.quote(str(notebook))} && {execute}; to drop them delete it and run: {execute}"
    )


@notebooks.command("check")
@_PROJECT
def check(project_root: Path | None) -> None:
    """Check that every source and the notebook beside it agree."""
    from mtattr.reproduce import pair_problems

    sources = _project(project_root).select()
    count = 0
    for source in sources:
        if problems := pair_problems(source, source.with_suffix(".ipynb")):
            lines = [*(f"{source.parent.name}/{line}" for line in problems), _advice(source)]
            click.echo("\n".join(lines), err=True)
            count += len(problems)
    if count:
        raise InputError(f"{count} differences, listed above with what to run")
    click.echo(f"{len(sources)} pairs agree")


@click.command()
@click.option(
    "--fresh",
    is_flag=True,
    help="Use the notebooks of the last `mtattr reproduce` instead of the committed ones.",
)
@click.option(
    "--scale", default="smoke", show_default=True, help="With --fresh: scale of the runs."
)
@click.option(
    "--output", type=FOLDER, help="Where executed notebooks lie  [default: the state folder]."
)
@click.option(
    "--to",
    "destination",
    type=FOLDER,
    help="Folder of the pages  [default: _build/html of the project].",
)
@_PROJECT
def book(
    fresh: bool,
    scale: str,
    output: Path | None,
    destination: Path | None,
    project_root: Path | None,
) -> None:
    """Build the book as HTML; nothing is done if nothing changed since the last success."""
    from mtattr.reproduce import build_book, expand
    from mtattr.reproduce import reproduce as run_all

    project = _project(project_root)
    executed: dict[str, Path] = {}
    if fresh:
        outcomes = run_all(expand(project, scale=scale), output=_output(output), dry_run=True)
        for outcome in outcomes:
            if not outcome.notebook.is_file() or outcome.seconds is None:
                label = outcome.run.label
                raise InputError(f"{label}: not run yet with this code; run: mtattr reproduce")
        executed = _first_of_each(outcomes)
    build_book(
        executed, project=project, destination=destination and destination.resolve(), say=click.echo
    )
