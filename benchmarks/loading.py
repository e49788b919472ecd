"""Images per second that reach the network: a file per image, against decoded batches.

Both read the same photographs, shrink them to the same size and yield float32 batches in [0, 1],
in random order. The decoded form pays once for decoding, which is a row of its own. Run as
`python benchmarks/loading.py`.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from mtattr.data.batches import batch_rows, epoch_order, take
from mtattr.data.decode import Files, decoded_images

GOAL = 5.0


def write_photographs(folder: Path, count: int, side: int) -> tuple[str, ...]:
    """JPEG files of a photograph's weight: smooth colour with some noise."""
    random = np.random.RandomState(0)
    names = []
    for i in range(count):
        rough = Image.fromarray(random.randint(0, 256, (12, 12, 3), dtype=np.uint8)).resize(
            (side, side), Image.Resampling.BICUBIC
        )
        pixels = np.asarray(rough).astype(np.int16) + random.randint(
            -12, 13, (side, side, 3), dtype=np.int16
        )
        name = f"{i % 10}/{i:05d}.jpg"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name, quality=85)
        names.append(name)
    return tuple(names)


def one_pass(batches: Iterable[torch.Tensor]) -> tuple[int, float]:
    """Images and seconds of one pass; the sum makes sure that every pixel has arrived."""
    start = time.perf_counter()
    count, total = 0, torch.zeros(())
    for batch in batches:
        count += len(batch)
        total += batch.sum()
    assert torch.isfinite(total)
    return count, time.perf_counter() - start


def best_rate(batches: Callable[[], Iterable[torch.Tensor]], passes: int) -> float:
    return max(count / seconds for count, seconds in (one_pass(batches()) for _ in range(passes)))


def files_with_workers(
    folder: Path, size: int, batch_size: int, workers: int
) -> Callable[[], Iterable[torch.Tensor]]:
    transform = v2.Compose(
        [
            v2.Resize((size, size), antialias=True),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    loader = DataLoader(
        ImageFolder(folder, transform),
        batch_size=batch_size,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    return lambda: (images for images, _ in loader)


def main(
    count: int = 2000, side: int = 224, size: int = 64, batch_size: int = 64, passes: int = 2
) -> list[dict]:
    """Rows of the printed table; ratios are against the better of the two DataLoaders."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "photographs"
        home = os.environ.get("MTATTR_HOME")
        os.environ["MTATTR_HOME"] = str(Path(temporary) / "home")
        try:
            names = write_photographs(folder, count, side)
            rates = {
                f"torchvision ImageFolder, DataLoader with {workers} workers": best_rate(
                    files_with_workers(folder, size, batch_size, workers), passes
                )
                for workers in (0, 2)
            }
            baseline = max(rates.values())
            start = time.perf_counter()
            images, *_ = decoded_images("benchmark", Files(folder, names), size, split="train")
            rates["decoding once into the cache"] = count / (time.perf_counter() - start)
            epochs = iter(range(10**6))
            rates["decoded batches from the cache"] = best_rate(
                lambda: (
                    take(images, rows)
                    for rows in batch_rows(
                        epoch_order(count, seed=0, epoch=next(epochs)), batch_size=batch_size
                    )
                ),
                passes,
            )
        finally:
            if home is None:
                del os.environ["MTATTR_HOME"]
            else:
                os.environ["MTATTR_HOME"] = home
    rows = [
        {"name": name, "images_per_second": rate, "ratio": rate / baseline}
        for name, rate in rates.items()
    ]
    table = Table(
        title=f"Loading {count} JPEG files of {side} x {side} as {size} x {size},"
        f" batches of {batch_size}"
    )
    table.add_column("way")
    table.add_column("images/s", justify="right")
    table.add_column("ratio", justify="right")
    for row in rows:
        table.add_row(row["name"], f"{row['images_per_second']:,.0f}", f"{row['ratio']:.1f}x")
    console = Console()
    console.print(table)
    console.print(
        f"goal for decoded batches: at least {GOAL:g}x;"
        f" {'met' if rows[-1]['ratio'] >= GOAL else 'MISSED'}"
    )
    return rows


if __name__ == "__main__":
    main()
