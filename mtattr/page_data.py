"""Pictures and numbers of trained networks as JSON, from which pages draw without a run."""

from __future__ import annotations

import argparse
import base64
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from mtattr.errors import InputError
from mtattr.files import write_atomically


def rounded(values: Tensor) -> list[list[float | None]]:
    """Rows of numbers to four digits as JSON has them, null for NaN."""
    return [
        [None if value != value else float(f"{value:.4g}") for value in row]
        for row in values.tolist()
    ]


def png_of(image: Tensor) -> str:
    """An image uint8 `(3, H, W)` as a PNG in base64."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def picture_of(text: str) -> np.ndarray:
    """The inverse of `png_of`, uint8 `(H, W, 3)`."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def write_or_explain(file: Path, make: Callable[[], dict[str, Any]]) -> int:
    """Exit code 0 after writing what `make` gives as JSON; 2 for bad input, one line on stderr."""
    try:
        write_atomically(file, json.dumps(make(), separators=(",", ":")) + "\n")
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def gallery_command(
    make: Callable[..., dict[str, Any]], about: str, arguments: Sequence[str] | None = None
) -> int:
    """Exit code of a gallery's command line, which writes what `make` gives to the file named.

    Args:
        make: called with scale, seeds, precision and threads, by default those of the evidence.
        about: the module's docstring, whose first line is the help.
        arguments: those of the process if None.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--scale", default="reduced")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--precision", default="bf16-mixed")
    parser.add_argument("--threads", type=int, default=1)
    how = vars(parser.parse_args(arguments))
    return write_or_explain(how.pop("file"), lambda: make(**how))
