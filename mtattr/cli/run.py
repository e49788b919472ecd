"""`mtattr run`: train without notebooks."""

from __future__ import annotations

import itertools
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path

import click

from mtattr.cli.options import FOLDER, Names, Seeds, Setting, Shard, check_root
from mtattr.errors import InputError


@click.command()
@click.argument("paper")
@click.option(
    "--variant", "variants", type=Names(), help='Variants, separated by commas, or "all".'
)
@click.option("--dataset", "datasets", type=Names(), help="Datasets, separated by commas.")
@click.option(
    "--evidence",
    is_flag=True,
    help="The runs that the paper's claims ask for, instead of --variant and --dataset.",
)
@click.option(
    "--shard", type=Shard(), help="i/n: only every n-th run, from the i-th (counted from 1)."
)
@click.option("--scale", default="smoke", show_default=True, help="smoke, reduced or paper.")
@click.option(
    "--seeds", type=Seeds(), default="0", show_default=True, help="For example 3, 0-4 or 0,2,5-7."
)
@click.option(
    "--set",
    "settings",
    type=Setting(),
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting of the recipe; repeatable.",
)
@click.option("--root", type=FOLDER, help="Folder with your copy of the dataset.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option(
    "--devices",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes to train with (DDP), one per GPU.",
)
@click.option(
    "--nodes",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Machines to train with.",
)
@click.option(
    "--precision", default="auto", show_default=True, help="auto, 32-true, bf16-mixed or 64-true."
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Threads of torch in each process; part of a run's identity  [default: torch's own].",
)
@click.option(
    "--skip-bad",
    is_flag=True,
    help="Count and list unreadable images instead of stopping at the first.",
)
def run(
    paper: str,
    variants: list[str] | None,
    datasets: list[str] | None,
    evidence: bool,
    shard: tuple[int, int] | None,
    scale: str,
    seeds: list[int],
    settings: tuple,
    root: Path | None,
    device: str,
    devices: int,
    nodes: int,
    precision: str,
    threads: int | None,
    skip_bad: bool,
) -> None:
    """Train PAPER's variants on datasets with seeds, and print one line per finished run.

    A finished run is read back; a killed one goes on from its last checkpoint.
    """
    import mtattr

    if paper not in mtattr.PAPERS:
        raise InputError(f"paper {paper!r} is unknown; there are: {', '.join(mtattr.PAPERS)}")
    check_root(root)
    from mtattr.training import fit_or_load, recipe_of

    if evidence:
        if variants or datasets:
            raise InputError("--evidence names the runs itself; leave --variant and --dataset out")
        asked = recipe_of(paper).evidence(scale, seeds)
        specs = [replace(spec, settings={**spec.settings, **dict(settings)}) for spec in asked]
    else:
        specs = _product(paper, variants, datasets, scale, seeds, dict(settings))
    if shard is not None:
        specs = specs[shard[0] - 1 :: shard[1]]
    options = {"skip_bad": True} if skip_bad else {}
    _check(specs, root, options)
    log_progress()
    for spec in specs:
        done = fit_or_load(
            spec,
            root=root,
            device=device,
            devices=devices,
            num_nodes=nodes,
            precision=precision,
            threads=threads,
            **options,
        )
        if int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", 0))) == 0:
            click.echo(_line(spec, done))


def log_progress() -> None:
    """Log a line per epoch unless stderr is a terminal, where a progress bar says the same."""
    if not sys.stderr.isatty():
        logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
        logging.getLogger("mtattr").setLevel(logging.INFO)


def _check(specs: list, root: Path | None, options: dict) -> None:
    """Validate all specs and their data before training the first."""
    from mtattr.training import recipe_of

    cases = {replace(spec, seed=0): spec for spec in specs}
    for spec in cases:
        recipe_of(spec.paper).check(spec)
    first_of_each = {(spec.dataset, spec.scale): spec for spec in reversed(list(cases))}
    if len(first_of_each) > 1:  # with one dataset the first run reads it anyway
        for spec in first_of_each.values():
            recipe_of(spec.paper).data(spec, root=root, **options)


def _product(
    paper: str,
    variants: list[str] | None,
    datasets: list[str] | None,
    scale: str,
    seeds: list[int],
    settings: dict,
) -> list:
    from mtattr.data import DATASETS
    from mtattr.training import RunSpec, recipe_of

    recipe = recipe_of(paper)
    known = list(recipe.VARIANTS)
    # A recipe may join datasets under a name of its own.
    sets = list(dict.fromkeys([*DATASETS, *(name for name, _ in recipe.SIZES)]))
    for kind, names, there in (("variant", variants, ["all", *known]), ("dataset", datasets, sets)):
        if not names:
            raise InputError(f"--{kind} is missing; there are: {', '.join(there)}")
        for name in names:
            if name not in there:
                raise InputError(f"{kind} {name!r} is unknown; there are: {', '.join(there)}")
    variants = known if "all" in variants else variants
    return [
        RunSpec(paper, v, d, scale, s, settings)
        for d, s, v in itertools.product(datasets, seeds, variants)
    ]


def _line(spec, done) -> str:
    numbers = " ".join(
        f"{name} {value:.4f}"
        for name, value in done.metrics["selected"].items()
        if value is not None
    )
    what = f"{spec.paper} {spec.variant} {spec.dataset} {spec.scale} seed {spec.seed}"
    numbers = (
        numbers
        if "the training diverged" not in done.record["notes"]
        else f"the training diverged; {numbers}"
    )
    return f"{what}: {numbers} ({done.record['cost']['seconds']:.0f} s) {done.folder.name}"
