"""File of mean masks, and of masks and evidence on a few faces, for the book's pages.

Run: python -m mtattr.channel_attention.gallery FILE [--scale reduced] [--seeds 0 1 2 3 4]
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mtattr.channel_attention.importance import channel_contributions, mask_means, top_channels
from mtattr.channel_attention.maps import TOP, evidence_maps, masks_of_channels
from mtattr.channel_attention.measurements import ANALYSED, truth_of
from mtattr.channel_attention.sizes import PAPER
from mtattr.data.batches import take
from mtattr.errors import InputError
from mtattr.evaluation import known_regions
from mtattr.files import found_upwards
from mtattr.page_data import gallery_command, picture_of, png_of, rounded
from mtattr.training import RunSpec, fit_or_load, plan_for

SCHEMA, FACES = 2, "celeba-twin"
#: Networks whose mean masks are kept for every seed.
VARIANTS = ("mcan", "no-sparsity", "frozen-masks")
#: Attributes whose masks are shown on faces: two pairs of Fig. 1, and two of small parts.
ATTRIBUTES = (
    *("Smiling", "Mouth_Slightly_Open", "Black_Hair", "Blond_Hair"),
    *("Eyeglasses", "Wearing_Hat"),
)
IMAGES = 6


def gallery_data(
    *, scale: str = "reduced", seeds: Sequence[int] = range(5), **options: Any
) -> dict[str, Any]:
    """JSON of mean masks per variant and seed, weights, spreads of contributions, and faces.

    Masks are averaged over validation images; the faces are those of the first seed.

    Args:
        options: of `fit_or_load`, which trains what is missing.
    """
    means: dict[str, list] = {name: [] for name in (*VARIANTS, "untrained")}
    weights, spreads, faces, tasks = [], [], {}, ()
    for seed in seeds:
        for variant in VARIANTS:
            spec = RunSpec(PAPER, variant, FACES, scale, seed)
            run, plan = fit_or_load(spec, progress=False, **options), plan_for(spec)
            net, tasks = run.network(plan), plan.tasks.names
            images = plan.data["val"].images[:ANALYSED]
            means[variant].append(rounded(mask_means(net, images).mean(0)))
            if variant != "mcan":
                continue
            weights.append(rounded(net.classifiers.weight.detach()))
            spreads.append(rounded(channel_contributions(net, images).std(0)))
            torch.manual_seed(seed)
            means["untrained"].append(rounded(mask_means(plan.build(), images).mean(0)))
            if seed == seeds[0]:
                faces = _faces(run, plan, net, mask_means(net, images).mean(0))
    found = {"schema": SCHEMA, "dataset": FACES, "scale": scale, "seeds": list(seeds)}
    found |= {"tasks": list(tasks), "means": means, "weights": weights, "spreads": spreads}
    return found | {"faces": faces}


@torch.no_grad()
def _faces(run, plan, net, importance: torch.Tensor) -> dict[str, Any]:
    # The first test images that show at least one of `ATTRIBUTES`.
    test = plan.data["test"]
    wanted = [test.tasks.index(name) for name in ATTRIBUTES]
    drawn = truth_of(test)[:, wanted]
    rows = (drawn == 1).any(1).nonzero().flatten()[:IMAGES]
    channels = top_channels(importance, min(TOP, importance.shape[1]))[wanted]
    net.eval()
    features = net.extractor(take(test.images, rows))
    masks = masks_of_channels(net.masks(features)[:, wanted], channels)
    evidence = evidence_maps(net, features)[:, wanted]
    last = int(rows.max()) + 1
    regions = known_regions(test, last)[rows][:, wanted] >= 0.5
    return {
        "attributes": list(ATTRIBUTES),
        "channels": channels.tolist(),
        "images": [png_of(test.images[row]) for row in rows],
        "drawn": drawn[rows].int().tolist(),
        "probability": rounded(run.predictions()["test_selected"][rows][:, wanted].sigmoid()),
        "size": list(masks.shape[3:]),
        "masks": rounded(masks.flatten(0, 2).flatten(1)),
        "evidence": rounded(evidence.flatten(0, 1).flatten(1)),
        "regions": base64.b64encode(np.packbits(regions.flatten().numpy()).tobytes()).decode(),
    }


def gallery_of(start: str | Path = ".") -> dict[str, Any] | None:
    """Content of `book/evidence/channel_masks.json`, found from `start` upwards, or None.

    With arrays: "means" per network, "weights" and "spreads" `(seeds, K, C)`; in "faces", for the A
    attributes that are shown, "pictures" uint8 `(N, H, W, 3)`, "masks" `(N, A, 3, h, w)`,
    "evidence" `(N, A, h, w)` and "regions" bool `(N, A, H, W)`.
    """
    path = found_upwards("book/evidence/channel_masks.json", start)
    if path is None:
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    if data.get("schema") != SCHEMA:
        raise InputError(f"{path}: expected schema {SCHEMA}, found {data.get('schema')!r}")
    data["means"] = {name: np.array(values) for name, values in data["means"].items()}
    data |= {name: np.array(data[name]) for name in ("weights", "spreads")}
    faces = data["faces"]
    n, a, (h, w) = len(faces["images"]), len(faces["attributes"]), faces["size"]
    faces["pictures"] = np.stack([picture_of(text) for text in faces["images"]])
    faces["masks"] = np.array(faces["masks"]).reshape(n, a, -1, h, w)
    faces["evidence"] = np.array(faces["evidence"]).reshape(n, a, h, w)
    shape = (n, a, *faces["pictures"].shape[1:3])
    packed = np.frombuffer(base64.b64decode(faces["regions"]), np.uint8)
    bits = np.unpackbits(packed, count=int(np.prod(shape)))
    faces["regions"] = bits.reshape(shape).astype(bool)
    return data


def main(arguments: list[str] | None = None) -> int:
    """Write the file; bad input is one line and exit code 2."""
    return gallery_command(gallery_data, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
