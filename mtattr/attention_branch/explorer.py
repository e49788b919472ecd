"""Maps of three trained networks on the same faces, for the book's page that shows them.

Run: python -m mtattr.attention_branch.explorer FILE [--scale reduced] [--seeds 0]
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtattr.attention_branch.gallery import about, finished, stored
from mtattr.attention_branch.localisation import shown
from mtattr.attention_branch.maps import explanation_maps, methods_of
from mtattr.data.image_data import ImageData
from mtattr.evaluation import energy_inside, known_regions, pointing_game
from mtattr.page_data import gallery_command, picture_of, png_of, rounded

SCHEMA, FACES = 1, "celeba-twin"
#: Maps that are shown: id -> variant, name and note.
METHODS = {
    "abn": (
        "abn",
        "Attention branch",
        "The map of the attribute, with which the network weights its own features.",
    ),
    "cam": ("cam", "CAM", "The class activation map of a network that is built for it."),
    "gradcam": (
        "baseline",
        "Grad-CAM",
        "Of the network without attention, on its last feature map.",
    ),
}


def explorer_data(
    *, scale: str = "reduced", seeds: Sequence[int] = (0,), images: int = 16, **options: Any
) -> dict[str, Any]:
    """JSON: the first test images of the face twin with labels, regions, maps and their scores.

    The networks are those of the first seed. options: of `fit_or_load`, which trains what is
    missing. The format is that of `book/_ext/explorer_directive.py`.
    """
    methods, test = [], None
    for identity, (variant, name, note) in METHODS.items():
        run, net, test = finished(FACES, variant, scale, seeds[0], **options)
        test = test.subset(range(min(images, len(test))))
        maps = _maps(explanation_maps(net, test.images, methods_of(net)[0]), test)
        maps["probability"] = rounded(run.predictions()["test_selected"][: len(test)].sigmoid())
        methods.append({"id": identity, "note": note} | about(name, run) | maps)
    return {
        "schema": SCHEMA,
        "dataset": test.name,
        "generated": test.generated,
        "scale": scale,
        "seed": seeds[0],
        "epoch": "selected",
        "size": int(test.images.shape[-1]),
        "tasks": list(test.tasks.names),
        "images": [
            {"key": key, "png": png_of(image)}
            for key, image in zip(test.keys, test.images, strict=True)
        ],
        "labels": [[None if v != v else round(v) for v in row] for row in test.labels.tolist()],
        "regions": _text(np.packbits(known_regions(test, len(test)).flatten().numpy() >= 0.5)),
        "methods": methods,
    }


def look_at(name: str = "attention_explorer", start: str | Path = ".") -> dict[str, Any] | None:
    """Content of `book/evidence/<name>.json` with arrays, found from `start` upwards, or None.

    "pictures" uint8 `(N, size, size, 3)`, "regions" float `(N, T, size, size)` of 0 and 1, and
    "maps", for each method's id float `(N, T, h, w)` in raw range, to 1/255 of it.
    """
    data = stored(name, start)
    if data is None:
        return None
    n, t, size = len(data["images"]), len(data["tasks"]), data["size"]
    bits, maps = np.unpackbits(_bytes(data["regions"]), count=n * t * size * size), {}
    for method in data["methods"]:
        steps = _bytes(method["values"]).reshape(n, t, method["height"], method["width"])
        low, high = (np.array(method[end])[..., None, None] for end in ("low", "high"))
        maps[method["id"]] = low + steps / 255 * (high - low)
    regions = bits.reshape(n, t, size, size).astype(float)
    images = np.stack([picture_of(image["png"]) for image in data["images"]])
    return data | {"pictures": images, "regions": regions, "maps": maps}


def _maps(maps: Tensor, test: ImageData) -> dict[str, Any]:
    known = known_regions(test, len(test)), shown(test, len(test))
    low, high = maps.amin((2, 3)), maps.amax((2, 3))
    span = (high - low).clamp(min=torch.finfo(torch.float32).tiny)
    steps = ((maps - low[..., None, None]) / span[..., None, None] * 255).round().to(torch.uint8)
    return {
        "height": maps.shape[2],
        "width": maps.shape[3],
        "values": _text(steps.flatten().numpy()),
        "low": rounded(low),
        "high": rounded(high),
        "pointing": rounded(pointing_game(maps, *known, per_image=True)),
        "energy": rounded(energy_inside(maps, *known, per_image=True)),
    }


def _text(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()


def _bytes(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8)


def main(arguments: list[str] | None = None) -> int:
    """Write the file; bad input is one line and exit code 2."""
    return gallery_command(explorer_data, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
