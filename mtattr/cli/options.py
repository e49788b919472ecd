"""Option types that several commands share."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import click

from mtattr.errors import InputError

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)


def check_root(root: Path | None) -> None:
    """Raise `InputError` for a `--root` that is not there, also if the dataset needs none."""
    from mtattr.data.folders import is_folder, user_path

    # The shell leaves the ~ of --root=~/data to us.
    if root is not None and not is_folder(user_path(root)):
        raise InputError(f"{root}: no such folder; --root is where the dataset's files lie")


class Seeds(click.ParamType):
    """`3`, `0-4` or `0,2,5-7`: seeds in order, each once."""

    name = "seeds"

    def convert(self, value: Any, param: Any, ctx: Any) -> list[int]:
        """The list of seeds; click's usage error for anything else."""
        if isinstance(value, list):
            return value
        seeds: dict[int, None] = {}
        for part in str(value).split(","):
            first, dash, last = part.strip().partition("-")
            last = last if dash else first
            if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
                self.fail(f"invalid seeds {value!r}; for example: 3, 0-4 or 0,2,5-7", param, ctx)
            seeds |= dict.fromkeys(range(int(first), int(last) + 1))
        return list(seeds)


class Names(click.ParamType):
    """Names separated by commas."""

    name = "names"

    def convert(self, value: Any, param: Any, ctx: Any) -> list[str]:
        """The list of names, each once; click's usage error if there is none."""
        if isinstance(value, list):
            return value
        names = list(dict.fromkeys(part.strip() for part in str(value).split(",") if part.strip()))
        return names or self.fail("expected one name or more, separated by commas", param, ctx)


class Setting(click.ParamType):
    """`name=value`, a YAML scalar or list: `alpha=0.3`, `backbone=xception`, `weights=null`."""

    name = "name=value"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, Any]:
        """Name and typed value; click's usage error for anything else."""
        import yaml

        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        if not equals or not name.strip().isidentifier():
            self.fail(f"{value!r}: expected name=value", param, ctx)
        try:
            found = yaml.safe_load(text)
        except yaml.YAMLError:
            self.fail(f"{value!r}: the value is not YAML", param, ctx)
        if isinstance(found, str) and re.fullmatch(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", found):
            found = float(found)  # YAML 1.1 takes 1e-3 for text
        if isinstance(found, float) and not math.isfinite(found):
            self.fail(f"{value!r}: expected a finite number", param, ctx)
        return name.strip(), found


class ImageShape(click.ParamType):
    """`64`, the side of a square in pixels, or `128x64`, height and width."""

    name = "pixels"

    def convert(self, value: Any, param: Any, ctx: Any) -> int | tuple[int, int]:
        """One number or a pair; click's usage error for anything else."""
        if isinstance(value, int | tuple):
            return value
        sides = str(value).split("x")
        if len(sides) > 2 or not all(side.isdecimal() for side in sides):
            hint = "for example: 64, or 128x64 for height and width"
            self.fail(f"invalid image size {value!r}; {hint}", param, ctx)
        return int(sides[0]) if len(sides) == 1 else (int(sides[0]), int(sides[1]))


class Shard(click.ParamType):
    """`i/n`: the i-th of n shares, counted from 1."""

    name = "i/n"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        """The two numbers; click's usage error unless 1 <= i <= n."""
        if isinstance(value, tuple):
            return value
        i, slash, n = str(value).partition("/")
        if not (slash and i.isdecimal() and n.isdecimal() and 1 <= int(i) <= int(n)):
            hint = "expected i/n with 1 <= i <= n, for example 2/8"
            self.fail(f"invalid shard {value!r}; {hint}", param, ctx)
        return int(i), int(n)
