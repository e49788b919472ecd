"""Maps of three trained networks on the same images, in one file that the book's page for looking at them reads.

Run: python -m mtattr.attention_branch.explorer FILE [--scale reduced] [--seed 0] [--images 16]
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtattr.attention_branch.localisation import shown
from mtattr.attention_branch.maps import explanation_maps, methods_of
from mtattr.attention_branch.sizes import BACKBONE, PAPER
from mtattr.data.image_data import ImageData
from mtattr.evaluation import energy_inside, known_regions, pointing_game
from mtattr.files import found_upwards
from mtattr.page_data import picture_of, png_of, rounded, write_or_explain
from mtattr.training import RunSpec, fit_or_load, plan_for

SCHEMA, FACES = 1, "celeba-twin"
#: Whose maps are shown: id, name, what it is, and the variant that makes it.
METHODS = (
    (
        "abn",
        "Attention branch",
        "The map of the attribute, with which the network weights its own features.",
        "abn",
    ),
    ("cam", "CAM", "The class activation map of a network that is built for it.", "cam"),
    (
        "gradcam",
        "Grad-CAM",
        "Of the network without attention, on its last feature map.",
        "baseline",
    ),
)


def explorer_data(
    *,
    scale: str = "reduced",
    seed: int = 0,
    images: int = 16,
    epoch: str = "selected",
    **options: Any,
) -> dict[str, Any]:
    """What the page shows, as JSON: the first `images` test images of the face twin with labels, regions, maps and their scores.

    Networks are those of the finished runs of this scale and seed, trained first where they are missing. options: of `fit_or_load`.
    Source of the format: `book/_ext/explorer_directive.py`.
    """
    methods, test = [], None
    for identity, name, note, variant in METHODS:
        run = fit_or_load(
            RunSpec(PAPER, variant, FACES, scale, seed, {"backbone": BACKBONE["celeba"]}),
            progress=False,
            **options,
        )
        plan = plan_for(run.spec)
        test = plan.data["test"].subset(range(min(images, len(plan.data["test"]))))
        net = run.network(plan, epoch=epoch)
        how = methods_of(net)[0]
        maps = explanation_maps(net, test.images, how)
        logits = run.predictions()[f"test_{epoch}"][: len(test)]
        about = {
            "id": identity,
            "name": name,
            "note": note,
            "variant": variant,
            "run": run.folder.name.rsplit("-", 1)[1],
        }
        methods.append(about | _maps(maps, test) | {"probability": rounded(logits.sigmoid())})
    regions = known_regions(test, len(test)) >= 0.5
    return {
        "schema": SCHEMA,
        "dataset": test.name,
        "generated": test.generated,
        "scale": scale,
        "seed": seed,
        "epoch": epoch,
        "size": int(test.images.shape[-1]),
        "tasks": list(test.tasks.names),
        "images": [
            {"key": key, "png": png_of(image)}
            for key, image in zip(test.keys, test.images, strict=True)
        ],
        "labels": [
            [None if value != value else round(value) for value in row]
            for row in test.labels.tolist()
        ],
        "regions": _text(np.packbits(regions.flatten().numpy())),
        "methods": methods,
    }


def look_at(name: str = "attention_explorer", start: str | Path = ".") -> dict[str, Any] | None:
    """The content of `book/evidence/<name>.json`, found from `start` upwards, with arrays; None where there is no such file.

    Beside what the file holds: "pictures" uint8 `(N, size, size, 3)`, "regions" float `(N, T, size, size)` of 0 and 1, and "maps", for each
    method's id float `(N, T, h, w)` in raw range, to 1/255 of it.
    """
    path = found_upwards(f"book/evidence/{name}.json", start)
    if path is None:
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    n, t, size = len(data["images"]), len(data["tasks"]), data["size"]
    bits = np.unpackbits(
        np.frombuffer(base64.b64decode(data["regions"]), np.uint8), count=n * t * size * size
    )
    pictures = [picture_of(image["png"]) for image in data["images"]]
    maps = {}
    for method in data["methods"]:
        steps = np.frombuffer(base64.b64decode(method["values"]), np.uint8).reshape(
            n, t, method["height"], method["width"]
        )
        low, high = (np.array(method[end])[..., None, None] for end in ("low", "high"))
        maps[method["id"]] = low + steps / 255 * (high - low)
    return data | {
        "pictures": np.stack(pictures),
        "regions": bits.reshape(n, t, size, size).astype(float),
        "maps": maps,
    }


def _maps(maps: Tensor, test: ImageData) -> dict[str, Any]:
    regions, valid = known_regions(test, len(test)), shown(test, len(test))
    low, high = maps.amin((2, 3)), maps.amax((2, 3))
    span = (high - low).clamp(min=torch.finfo(torch.float32).tiny)
    steps = ((maps - low[..., None, None]) / span[..., None, None] * 255).round().to(torch.uint8)
    return {
        "height": maps.shape[2],
        "width": maps.shape[3],
        "values": _text(steps.flatten().numpy()),
        "low": rounded(low),
        "high": rounded(high),
        "pointing": rounded(pointing_game(maps, regions, valid, per_image=True)),
        "energy": rounded(energy_inside(maps, regions, valid, per_image=True)),
    }


def _text(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()


def main(arguments: list[str] | None = None) -> int:
    """Write the file; bad input is one line and exit code 2."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--scale", default="reduced")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--precision", default="32-true")
    given = parser.parse_args(arguments)
    return write_or_explain(
        given.file,
        lambda: explorer_data(
            scale=given.scale, seed=given.seed, images=given.images, precision=given.precision
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
