"""`mtattr data`: check a copy of a dataset, decode it once, write a twin in the real set's layout."""

from __future__ import annotations

import importlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import click

from mtattr.cli.options import FOLDER, check_root
from mtattr.errors import InputError


@click.group(no_args_is_help=False)
def data() -> None:
    """Datasets and their generated twins."""


def _splits(name: str, root: Path | None, image_size: int, skip_bad: bool):
    from mtattr.data import DATASETS, load_dataset

    if name not in DATASETS:
        raise InputError(f"dataset {name!r} is unknown; there are: {', '.join(DATASETS)}")
    check_root(root)
    options = {"skip_bad": True} if skip_bad else {}
    for split in ("train", "val", "test"):
        yield load_dataset(name, split, root=root, image_size=image_size, **options)


@data.command()
@click.argument("name")
@click.option("--root", type=FOLDER, help="Folder with your copy of the dataset.")
@click.option("--image-size", type=int, default=64, show_default=True, help="Side in pixels.")
@click.option("--skip-bad", is_flag=True, help="Count and list unreadable images instead of stopping at the first.")
def check(name: str, root: Path | None, image_size: int, skip_bad: bool) -> None:
    """Read dataset NAME as training would, and say what was found."""
    for part in _splits(name, root, image_size, skip_bad):
        kind = "generated" if part.generated else "real"
        click.echo(f"{name} {part.split}: {len(part)} images ({kind}), {len(part.tasks)} tasks, fingerprint {part.fingerprint[:12]}")
        known = ~part.labels.isnan()
        click.echo(f"  labels known: {known.float().mean().item():.1%}; first tasks: {', '.join(part.tasks.names[:6])}")
        for key, value in sorted(part.facts.items()):
            text = str(value)
            click.echo(f"  {key}: {text if len(text) <= 200 else text[:197] + '...'}")


@data.command()
@click.argument("name")
@click.option("--root", type=FOLDER, help="Folder with your copy of the dataset.")
@click.option("--image-size", type=int, default=64, show_default=True, help="Side in pixels.")
@click.option("--skip-bad", is_flag=True, help="Count and list unreadable images instead of stopping at the first.")
def cache(name: str, root: Path | None, image_size: int, skip_bad: bool) -> None:
    """Decode dataset NAME once, so that later runs start at once."""
    from mtattr.data.home import home

    count = sum(len(part) for part in _splits(name, root, image_size, skip_bad))
    click.echo(f"{name}: {count} images of {image_size} x {image_size} pixels in {home() / 'data'}")


@data.command()
@click.argument("twin")
@click.argument("folder", type=FOLDER)
@click.option("--image-size", type=int, default=None, help="Side in pixels  [default: the twin's own].")
@click.option("--seed", type=click.IntRange(min=0), default=None, help="Seed of the drawing  [default: the twin's own].")
@click.option("--limit", type=click.IntRange(min=1), default=None, help="Images per split  [default: the twin's own sizes].")
def write(twin: str, folder: Path, image_size: int | None, seed: int | None, limit: int | None) -> None:
    """Write generated set TWIN to FOLDER in the layout of the real one."""
    from mtattr.data import DATASETS

    twins = [name for name in DATASETS if name.endswith("-twin")]
    if twin not in twins:
        raise InputError(f"twin {twin!r} is unknown; there are: {', '.join(twins)}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: exists and is not an empty folder; expected a new one")
    options = {key: value for key, value in (("image_size", image_size), ("seed", seed), ("limit", limit)) if value is not None}
    writer = importlib.import_module(f"mtattr.data.{twin.replace('-', '_')}").write_to
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as temporary:
            # The tables move last, and no loader takes a folder without them for a whole copy.
            for part in sorted(writer(Path(temporary) / "whole", **options).iterdir(), reverse=True):
                os.replace(part, folder / part.name)
    except BaseException as error:
        if made:
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise InputError(f"{folder}: could not be written ({error.strerror or error})") from error
        raise
    click.echo(f"{twin}: written to {folder}")
