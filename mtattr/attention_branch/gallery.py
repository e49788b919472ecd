"""Maps on digits and cars, and features of cars before and after attention, for the book's pages.

Run: python -m mtattr.attention_branch.gallery FILE [--scale reduced] [--seeds 0 1 2 3 4]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mtattr.attention_branch.localisation import classes_of
from mtattr.attention_branch.maps import explanation_maps, methods_of
from mtattr.attention_branch.sizes import BACKBONE, PAPER
from mtattr.data.batches import take
from mtattr.data.image_data import ImageData
from mtattr.evaluation import known_regions
from mtattr.files import found_upwards
from mtattr.page_data import gallery_command, picture_of, png_of, rounded
from mtattr.training import Run, RunSpec, fit_or_load, plan_for
from mtattr.twins.cars import sample_scenes

SCHEMA = 1
DIGITS, CARS = "cluttered-digits", "compcars-twin"
#: Networks shown of each set: name -> variant.
SHOWN = {
    DIGITS: {"Grad-CAM": "baseline", "CAM": "cam", "attention": "abn"},
    CARS: {"model": "abn", "make": "make-abn"},
}
#: Images of each set, images whose features are compared, and nearest images that are neighbours.
IMAGES, FEATURES, NEIGHBOURS = {DIGITS: 12, CARS: 8}, 800, 10


def finished(
    dataset: str, variant: str, scale: str, seed: int, **options: Any
) -> tuple[Run, nn.Module, ImageData]:
    """The run of a variant, trained if it is missing, its network and its test split."""
    backbone = {"backbone": BACKBONE[dataset.removesuffix("-twin")]}
    spec = RunSpec(PAPER, variant, dataset, scale, seed, backbone)
    run, plan = fit_or_load(spec, progress=False, **options), plan_for(spec)
    return run, run.network(plan), plan.data["test"]


def about(name: str, run: Run) -> dict[str, str]:
    """Name, variant and identity of a run, for a page."""
    identity = run.folder.name.rsplit("-", 1)[1]
    return {"name": name, "variant": run.spec.variant, "run": identity}


def stored(name: str, start: str | Path = ".") -> dict[str, Any] | None:
    """Content of `book/evidence/<name>.json`, found from `start` upwards, or None."""
    path = found_upwards(f"book/evidence/{name}.json", start)
    return None if path is None else json.loads(path.read_text(encoding="utf-8"))


def gallery_data(
    *, scale: str = "reduced", seeds: Sequence[int] = range(5), **options: Any
) -> dict[str, Any]:
    """JSON: of each set of `SHOWN` the first test images with maps, answers and regions.

    They are those of the first seed; beside them features of cars. options: of `fit_or_load`.
    """
    sets = {dataset: _shown(dataset, scale, seeds[0], options) for dataset in SHOWN}
    found = {"schema": SCHEMA, "scale": scale, "seed": seeds[0], "sets": sets}
    return found | {"features": _features(scale, seeds, options)}


def _shown(dataset: str, scale: str, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    n, methods, regions, images = IMAGES[dataset], [], {}, []
    for name, variant in SHOWN[dataset].items():
        run, net, test = finished(dataset, variant, scale, seed, **options)
        test, task = test.subset(range(n)), test.tasks[0]
        maps = explanation_maps(net, test.images, methods_of(net)[0], classes=classes_of(test, n))
        probability, said = run.predictions()["test_selected"][:n].softmax(1).max(1)
        true = test.labels[:, 0].tolist()
        methods.append(
            about(name, run)
            | {
                "task": task.name,
                "maps": [rounded(map_) for map_ in maps[:, 0]],
                "says": [task.values[i] for i in said.tolist()],
                "probability": rounded(probability[None])[0],
                "true": ["unknown" if v != v else task.values[int(v)] for v in true],
            }
        )
        regions[task.name] = (known_regions(test, n)[:, 0] >= 0.5).int().tolist()
        images = [png_of(image) for image in test.images]
    return {"images": images, "regions": regions, "methods": methods}


def gallery_of(start: str | Path = ".") -> dict[str, Any] | None:
    """The stored gallery, found from `start` upwards, or None.

    Each set has "pictures" uint8 `(N, H, W, 3)` beside what the file holds.
    """
    data = stored("attention_gallery", start)
    for shown in data["sets"].values() if data else ():
        shown["pictures"] = [picture_of(image) for image in shown["images"]]
    return data


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
        viewpoints = torch.as_tensor(sample_scenes("test", len(test), 0).viewpoints)[:n]
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
    return gallery_command(gallery_data, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
