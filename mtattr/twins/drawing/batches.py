"""Drawing many scenes: in batches, in as many threads as torch may use."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

from mtattr.twins.drawing.scenes import SceneTable

Result = TypeVar("Result")


def map_batches(
    work: Callable[[slice], Result],
    n: int,
    image_shape: tuple[int, int],
    device: torch.device | str = "cpu",
) -> list[Result]:
    """Results of `work` on slices that cover n scenes, in as many threads as torch may use."""
    on_cpu = torch.device(device).type == "cpu"
    threads = torch.get_num_threads() if on_cpu else 1
    # Two megabytes a plane on CPU: larger batches leave its cache, smaller ones pay more for each
    # operation's start.
    batch = min(max(2 ** (19 if on_cpu else 23) // (image_shape[0] * image_shape[1]), 8), 2048)
    batch = max(1, min(batch, -(-n // threads)))

    def quietly(start: int) -> Result:
        with torch.no_grad():
            return work(slice(start, min(start + batch, n)))

    starts = range(0, n, batch)
    if threads == 1:
        return [quietly(start) for start in starts]
    # Drawing is thousands of small operations: one batch a thread pays, several threads on one
    # operation do not.
    try:
        with ThreadPoolExecutor(
            min(threads, max(len(starts), 1)), initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            return list(pool.map(quietly, starts))
    finally:
        torch.set_num_threads(threads)


def drawn(
    draw: Callable,
    scenes: SceneTable,
    image_shape: tuple[int, int],
    device: torch.device | str = "cpu",
    of: Callable = lambda canvas: canvas.picture,
) -> Tensor:
    """A tensor of every scene, on the CPU: by default the pictures in [0, 1], (N, 3, H, W).

    Args:
        draw: gives the finished canvas of (scenes, image_shape, device).
        of: gives the tensor (n, ...) of a finished canvas.
    """

    def work(part: slice) -> Tensor:
        return of(draw(scenes.rows(part), image_shape, device)).cpu()

    return torch.cat(map_batches(work, len(scenes), image_shape, device))


def rendered(
    draw: Callable,
    scenes: SceneTable,
    image_shape: tuple[int, int],
    device: torch.device | str = "cpu",
) -> Tensor:
    """Pictures of all scenes as uint8 (N, 3, H, W) on the CPU; `draw` as for `drawn`."""
    images = torch.empty(len(scenes), 3, *image_shape, dtype=torch.uint8)

    def work(part: slice) -> None:
        images[part] = grey_levels(draw(scenes.rows(part), image_shape, device).picture)

    map_batches(work, len(scenes), image_shape, device)
    return images


def grey_levels(pictures: Tensor) -> Tensor:
    """Pictures in [0, 1] as uint8 on the CPU."""
    return (pictures * 255).round().to(torch.uint8).cpu()
