"""Maps of one digit or car each, and features of cars before and after attention, in one file that the book's pages draw from.

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
from mtattr.attention_branch.scales import BACKBONE, PAPER
from mtattr.data.batches import take
from mtattr.evaluation import known_regions
from mtattr.files import found_upwards
from mtattr.page_data import gallery_command, picture_of, png_of, rounded
from mtattr.training import RunSpec, fit_or_load, plan_for
from mtattr.twins.cars import sample_scenes

SCHEMA = 1
DIGITS, CARS = "cluttered-digits", "compcars-twin"
#: What is shown of each set: name and variant.
SHOWN = {
    DIGITS: {"Grad-CAM": "baseline", "CAM": "cam", "attention": "abn"},
    CARS: {"model": "abn", "make": "make-abn"},
}
#: Images of each set, images whose features are compared, and how many nearest ones are neighbours.
IMAGES, FEATURES, NEIGHBOURS = {DIGITS: 12, CARS: 8}, 800, 10


def gallery_data(
    *, scale: str = "reduced", seeds: Sequence[int] = range(5), **options: Any
) -> dict[str, Any]:
    """JSON: for each set of `SHOWN` its first test images with maps, answers and regions of the first seed, and features of cars.

    options: of `fit_or_load`, which trains what is missing.
    """
    sets = {dataset: _shown(dataset, scale, seeds[0], options) for dataset in SHOWN}
    return {
        "schema": SCHEMA,
        "scale": scale,
        "seed": seeds[0],
        "sets": sets,
        "features": _features(scale, seeds, options),
    }


def _load(dataset: str, variant: str, scale: str, seed: int, options: dict[str, Any]):
    spec = RunSpec(
        PAPER, variant, dataset, scale, seed, {"backbone": BACKBONE[dataset.removesuffix("-twin")]}
    )
    run = fit_or_load(spec, progress=False, **options)
    plan = plan_for(spec)
    return run, plan, run.network(plan)


def _shown(dataset: str, scale: str, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    n, methods, regions, images = IMAGES[dataset], [], {}, []
    for name, variant in SHOWN[dataset].items():
        run, plan, net = _load(dataset, variant, scale, seed, options)
        test = plan.data["test"].subset(range(IMAGES[dataset]))
        task = test.tasks[0]
        maps = explanation_maps(net, test.images, methods_of(net)[0], classes=classes_of(test, n))[
            :, 0
        ]
        probability, said = run.predictions()["test_selected"][:n].softmax(1).max(1)
        about = {
            "name": name,
            "variant": variant,
            "run": run.folder.name.rsplit("-", 1)[1],
            "task": task.name,
        }
        about["maps"] = [rounded(map_) for map_ in maps]
        about["says"], about["probability"] = (
            [task.values[i] for i in said.tolist()],
            rounded(probability[None])[0],
        )
        about["true"] = [
            "unknown" if v != v else task.values[int(v)] for v in test.labels[:, 0].tolist()
        ]
        methods.append(about)
        regions[task.name] = (known_regions(test, n)[:, 0] >= 0.5).int().tolist()
        images = [png_of(image) for image in test.images]
    return {"images": images, "regions": regions, "methods": methods}


def gallery_of(start: str | Path = ".") -> dict[str, Any] | None:
    """The content of `book/evidence/attention_gallery.json`, found from `start` upwards, with "pictures" uint8 `(N, H, W, 3)` for each set.

    None where there is no such file.
    """
    path = found_upwards("book/evidence/attention_gallery.json", start)
    if path is None:
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    for shown in data["sets"].values():
        shown["pictures"] = [picture_of(text) for text in shown["images"]]
    return data


def features_of(net: nn.Module, images: Tensor, *, attend: bool, batch_size: int = 200) -> Tensor:
    """The last stage's map averaged over positions, `(N, D)`; without `attend` it reads the features as they are before attention."""
    made = []
    with torch.no_grad():
        for rows in torch.arange(len(images)).split(batch_size):
            extra = net(take(images, rows)).extra
            last = (
                extra["features"]
                if attend or "extracted" not in extra
                else net.perception(extra["extracted"])
            )
            made.append(last.mean((2, 3)))
    return torch.cat(made)


def neighbour_agreement(features: Tensor, kinds: Tensor, *, neighbours: int = NEIGHBOURS) -> float:
    """Share of the nearest neighbours of an image, in features `(N, D)`, that are of its kind `(N,)`; mean over images."""
    distance = torch.cdist(features.double(), features.double()).fill_diagonal_(torch.inf)
    nearest = distance.topk(neighbours, largest=False).indices
    return (kinds[nearest] == kinds[:, None]).double().mean().item()


def _features(scale: str, seeds: Sequence[int], options: dict[str, Any]) -> dict[str, Any]:
    from sklearn.manifold import TSNE

    places, agreement, kinds = {}, {}, {}
    for seed in seeds:
        nets = {
            "baseline": _load(CARS, "baseline", scale, seed, options),
            "abn": _load(CARS, "abn", scale, seed, options),
        }
        test = nets["abn"][1].data["test"]
        n = min(FEATURES, len(test))
        viewpoints = torch.as_tensor(sample_scenes("test", len(test), 0).viewpoints)[:n]
        kinds = {"viewpoint": viewpoints, "model": test.labels[:n, 0]}
        for name, variant, attend in (
            ("no attention", "baseline", True),
            ("before", "abn", False),
            ("after", "abn", True),
        ):
            features = features_of(nets[variant][2], test.images[:n], attend=attend)
            for kind, of in kinds.items():
                agreement.setdefault(f"{name}, {kind}", []).append(
                    neighbour_agreement(features, of)
                )
            if seed == seeds[0]:
                flat = TSNE(random_state=0, init="pca", perplexity=30).fit_transform(
                    features.numpy()
                )
                places[name] = rounded(torch.from_numpy(flat))
    return {
        "seeds": list(seeds),
        "places": places,
        "agreement": agreement,
        "kinds": {k: v.int().tolist() for k, v in kinds.items()},
    }


def main(arguments: list[str] | None = None) -> int:
    """Write the file; bad input is one line and exit code 2."""
    return gallery_command(gallery_data, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
