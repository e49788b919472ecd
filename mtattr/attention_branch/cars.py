"""Maps on drawn cars, and features of cars before and after attention, for the book's pages.

No claim is about these networks, so the evidence does not train them; this file does.

Run: python -m mtattr.attention_branch.cars FILE [--scale reduced] [--seeds 0 1 2 3 4]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mtattr.attention_branch.gallery import SCHEMA, finished, shown_of
from mtattr.data.batches import take
from mtattr.page_data import gallery_command, rounded
from mtattr.twins.cars import sample_scenes

CARS = "compcars-twin"
#: Networks whose maps are shown: name -> variant.
SHOWN = {"model": "abn", "make": "make-abn"}
#: Cars shown, cars whose features are compared, and nearest cars that are neighbours.
IMAGES, FEATURES, NEIGHBOURS = 8, 800, 10


def cars_data(
    *, scale: str = "reduced", seeds: Sequence[int] = range(5), **options: Any
) -> dict[str, Any]:
    """JSON: the first cars of the test split with maps for model and make, and their features.

    Maps are those of the first seed. options: of `fit_or_load`, which trains what is missing.
    """
    sets = {CARS: shown_of(CARS, SHOWN, IMAGES, scale, seeds[0], **options)}
    found = {"schema": SCHEMA, "scale": scale, "seed": seeds[0], "sets": sets}
    return found | {"features": _features(scale, seeds, options)}


def features_of(net: nn.Module, images: Tensor, *, attend: bool, batch_size: int = 200) -> Tensor:
    """Last stage's map averaged over positions `(N, D)`, with or without attention (Fig. 6)."""
    made = []
    with torch.no_grad():
        for rows in torch.arange(len(images)).split(batch_size):
            extra = net(take(images, rows)).extra
            last = extra["features"]
            if not attend and "extracted" in extra:
                last = net.perception(extra["extracted"])
            made.append(last.mean((2, 3)))
    return torch.cat(made)


def neighbour_agreement(features: Tensor, kinds: Tensor, *, neighbours: int = NEIGHBOURS) -> float:
    """Share of an image's nearest neighbours that have its kind, averaged over images.

    Args:
        features: `(N, D)`.
        kinds: `(N,)`.
    """
    distance = torch.cdist(features.double(), features.double()).fill_diagonal_(torch.inf)
    nearest = distance.topk(neighbours, largest=False).indices
    return (kinds[nearest] == kinds[:, None]).double().mean().item()


def _features(scale: str, seeds: Sequence[int], options: dict[str, Any]) -> dict[str, Any]:
    from sklearn.manifold import TSNE

    places, agreement, kinds = {}, {}, {}
    for seed in seeds:
        baseline, abn = (
            finished(CARS, variant, scale, seed, **options)[1:] for variant in ("baseline", "abn")
        )
        test = abn[1]
        n = min(FEATURES, len(test))
        viewpoints = torch.as_tensor(sample_scenes("test", len(test), seed).viewpoints)[:n]
        kinds = {"viewpoint": viewpoints, "model": test.labels[:n, 0]}
        looks = (("no attention", baseline, True), ("before", abn, False), ("after", abn, True))
        for name, (net, _), attend in looks:
            features = features_of(net, test.images[:n], attend=attend)
            for kind, of in kinds.items():
                value = neighbour_agreement(features, of)
                agreement.setdefault(f"{name}, {kind}", []).append(value)
            if seed == seeds[0]:
                tsne = TSNE(random_state=0, init="pca", perplexity=30)
                places[name] = rounded(torch.from_numpy(tsne.fit_transform(features.numpy())))
    kinds = {name: of.int().tolist() for name, of in kinds.items()}
    return {"seeds": list(seeds), "places": places, "agreement": agreement, "kinds": kinds}


def main(arguments: list[str] | None = None) -> int:
    """Write the file; bad input is one line and exit code 2."""
    return gallery_command(cars_data, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
