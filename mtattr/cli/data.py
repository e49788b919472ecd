"""`mtattr data`: check a copy of a dataset, decode it, write a twin in the real set's layout."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import click

from mtattr.cli.options import FOLDER, ImageShape, Setting, check_root
from mtattr.errors import InputError

#: How the folder begins in which a set is written before it is moved to its place.
PART = ".part-"


@click.group(no_args_is_help=False)
def data() -> None:
    """Datasets and their generated twins."""


def _splits(name: str, root: Path | None, image_size, settings: tuple, *, skip_bad: bool):
    from mtattr.data import DATASETS, load_dataset, options_of

    if name not in DATASETS:
        raise InputError(f"dataset {name!r} is unknown; there are: {', '.join(DATASETS)}")
    check_root(root)
    options = dict(settings)
    for option in ("root", "image_size", "skip_bad"):
        if option in options:
            own = option.replace("_", "-")
            raise InputError(f"--set {option}: has an option of its own, use --{own}")
    for option in options:
        if option not in options_of(name):
            raise InputError(
                f"{name}: option {option!r} is unknown; there are {', '.join(options_of(name))}"
            )
    if skip_bad and "skip_bad" in options_of(name):
        options["skip_bad"] = True
    for split in ("train", "val", "test"):
        yield load_dataset(name, split, root=root, image_size=image_size, **options)


_OPTIONS = (
    click.argument("name"),
    click.option("--root", type=FOLDER, help="Folder with your copy of the dataset."),
    click.option(
        "--image-size",
        type=ImageShape(),
        default="64",
        show_default=True,
        help="Side in pixels, or HEIGHTxWIDTH.",
    ),
    click.option(
        "--set",
        "settings",
        type=Setting(),
        multiple=True,
        metavar="NAME=VALUE",
        help="An option of the dataset; repeatable.",
    ),
    click.option("--skip-bad", is_flag=True, help="Go on without unreadable images."),
)


def _with_options(command):
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@data.command()
@_with_options
@click.option(
    "--all", "everything", is_flag=True, help="List the rate of every attribute and class."
)
def check(
    name: str, root: Path | None, image_size, settings: tuple, skip_bad: bool, everything: bool
) -> None:
    """Read dataset NAME as training would, and compare it with what was published.

    Ends with exit code 2 if an image cannot be read, unless --skip-bad says that this is known.
    """
    from mtattr.data.report import report, unreadable_files

    parts = list(_splits(name, root, image_size, settings, skip_bad=True))
    for line in report(parts, longest=10**9 if everything else 60):
        click.echo(line)
    if (unreadable := unreadable_files(parts)) and not skip_bad:
        raise InputError(
            f"{name}: {unreadable} image{'s' * (unreadable > 1)} cannot be read, named above;"
            f" --skip-bad goes on without"
        )


@data.command()
@_with_options
def cache(name: str, root: Path | None, image_size, settings: tuple, skip_bad: bool) -> None:
    """Decode dataset NAME once, so that later runs start at once."""
    from mtattr.data.home import home

    parts = list(_splits(name, root, image_size, settings, skip_bad=skip_bad))
    height, width = parts[0].images.shape[2:]
    click.echo(
        f"{name}: {sum(map(len, parts))} images of {height} x {width} pixels in {home() / 'data'}"
    )


def _check_new(folder: Path) -> None:
    try:
        found = sorted(folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise InputError(f"{folder}: could not be written ({error.strerror})") from error
    if any(path.name.startswith(PART) for path in found):
        raise InputError(
            f"{folder}: holds the beginning of a write that runs or was cut off ({PART}*);"
            f" if none runs, delete the folder"
        )
    if found:
        raise InputError(f"{folder}: exists and is not an empty folder; expected a new one")


@data.command()
@click.argument("twin")
@click.argument("folder", type=FOLDER)
@click.option(
    "--image-size",
    type=ImageShape(),
    default=None,
    help="Side in pixels, or HEIGHTxWIDTH  [default: the twin's own].",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=None,
    help="Seed of the drawing  [default: the twin's own].",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=None,
    help="Images per split  [default: the twin's own sizes].",
)
def write(twin: str, folder: Path, image_size, seed: int | None, limit: int | None) -> None:
    """Write generated set TWIN to FOLDER in the layout of the real one."""
    from mtattr.data import TWIN_WRITERS, twin_writer

    if twin not in TWIN_WRITERS:
        raise InputError(f"twin {twin!r} is unknown; there are: {', '.join(TWIN_WRITERS)}")
    _check_new(folder)
    options = {"image_size": image_size, "seed": seed, "limit": limit}
    options = {name: value for name, value in options.items() if value is not None}
    writer = twin_writer(twin)
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=PART, dir=folder) as temporary:
            # The tables move last, and no loader takes a folder without them for a whole copy.
            for part in sorted(
                writer(Path(temporary) / "whole", **options).iterdir(), reverse=True
            ):
                os.replace(part, folder / part.name)
    except BaseException as error:
        if made:
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise InputError(
                f"{folder}: could not be written ({error.strerror or error})"
            ) from error
        raise
    click.echo(f"{twin}: written to {folder}")
