"""How fast faces are drawn, and which step takes the time.

python benchmarks/faces.py [scenes]

Prints images/s on one thread at 32, 64, 128 and 224 pixels, by processor time, and each drawing
step's share at 64.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict

import torch

from mtattr.twins.faces import faces
from mtattr.twins.faces.scene import sample_scenes

STEPS = [
    name
    for name in vars(faces)
    if name.startswith("draw_") or name in ("Canvas", "plan_hair", "photograph")
]


def timed(step, name: str, spent: dict[str, float]):
    """`step`, with the processor time that it takes added to `spent[name]`."""

    def wrapped(*arguments):
        start = time.process_time()
        result = step(*arguments)
        spent[name] += time.process_time() - start
        return result

    return wrapped


def main() -> None:
    torch.set_num_threads(1)
    scenes = sample_scenes("train", int(sys.argv[1]) if len(sys.argv) > 1 else 512)
    for size in (32, 64, 128, 224):
        some = scenes.rows(slice(0, max(16, len(scenes) * 32 * 32 // size**2)))
        faces.render(some, size)
        start = time.process_time()
        faces.render(some, size)
        seconds = time.process_time() - start
        print(
            f"{size:4d} px {len(some) / seconds:8.0f} images/s"
            f" {1000 * seconds / len(some):7.3f} ms an image"
        )
    spent: dict[str, float] = defaultdict(float)
    for name in STEPS:
        setattr(faces, name, timed(getattr(faces, name), name, spent))
    start = time.process_time()
    faces.render(scenes, 64)
    total = time.process_time() - start
    spent["rest"] = total - sum(spent.values())
    for name, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        print(
            f"{name:18s} {1e6 * seconds / len(scenes):7.1f} us an image"
            f" {100 * seconds / total:5.1f} %"
        )


if __name__ == "__main__":
    main()
