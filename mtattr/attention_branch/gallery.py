"""Maps of trained networks on the first digits of the test split, for the book's pages.

Run: python -m mtattr.attention_branch.gallery FILE [--scale reduced] [--seeds 0]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from mtattr.attention_branch.localisation import classes_of
from mtattr.attention_branch.maps import explanation_maps, methods_of
from mtattr.attention_branch.sizes import BACKBONE, PAPER
from mtattr.canonical import plain, sha256_of
from mtattr.data.image_data import ImageData
from mtattr.evaluation import known_regions
from mtattr.files import found_upwards
from mtattr.page_data import gallery_command, picture_of, png_of, rounded
from mtattr.training import Run, RunSpec, fit_or_load, plan_for

SCHEMA, DIGITS = 2, "cluttered-digits"
#: Networks that are shown: name -> variant.
SHOWN = {"Grad-CAM": "baseline", "CAM": "cam", "attention": "abn"}
IMAGES = 12


def finished(
    dataset: str, variant: str, scale: str, seed: int, **options: Any
) -> tuple[Run, nn.Module, ImageData]:
    """The run of a variant, trained if it is missing, its network and its test split."""
    backbone = {"backbone": BACKBONE[dataset.removesuffix("-twin")]}
    spec = RunSpec(PAPER, variant, dataset, scale, seed, backbone)
    run, plan = fit_or_load(spec, progress=False, **options), plan_for(spec)
    return run, run.network(plan), plan.data["test"]


def about(name: str, run: Run) -> dict[str, str]:
    """Name and variant of a run for a page, and a hash by which to find its record."""
    return {"name": name, "variant": run.spec.variant, "run": _measured(run.record)}


def recorded(methods: Iterable[Mapping[str, Any]], records: Iterable[Mapping[str, Any]]) -> bool:
    """Whether all networks that a page shows, each with what `about` says, are in the ledger."""
    return {method["run"] for method in methods} <= {_measured(record) for record in records}


def _measured(record: Mapping[str, Any]) -> str:
    # A record in the ledger has a few entries more than a run's own.
    return sha256_of(plain({key: record[key] for key in ("spec", "metrics")}, "run record"))


def stored(name: str, start: str | Path = ".") -> dict[str, Any] | None:
    """Content of `book/evidence/<name>.json`, found from `start` upwards, or None."""
    path = found_upwards(f"book/evidence/{name}.json", start)
    return None if path is None else json.loads(path.read_text(encoding="utf-8"))


def gallery_data(
    *, scale: str = "reduced", seeds: Sequence[int] = (0,), **options: Any
) -> dict[str, Any]:
    """JSON: the first digits of the test split with maps, answers and regions.

    The networks are those of the first seed. options: of `fit_or_load`.
    """
    sets = {DIGITS: shown_of(DIGITS, SHOWN, IMAGES, scale, seeds[0], **options)}
    return {"schema": SCHEMA, "scale": scale, "seed": seeds[0], "sets": sets}


def shown_of(
    dataset: str, shown: Mapping[str, str], n: int, scale: str, seed: int, **options: Any
) -> dict[str, Any]:
    """The first n test images of one draw, and of each network its maps and answers.

    Args:
        shown: name -> variant.
    """
    methods, regions, images = [], {}, []
    for name, variant in shown.items():
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


def gallery_of(name: str = "attention_gallery", start: str | Path = ".") -> dict[str, Any] | None:
    """A stored gallery, found from `start` upwards, or None.

    Each set has "pictures" uint8 `(N, H, W, 3)` beside what the file holds.
    """
    data = stored(name, start)
    for shown in data["sets"].values() if data else ():
        shown["pictures"] = [picture_of(image) for image in shown["images"]]
    return data


def main(arguments: list[str] | None = None) -> int:
    """Write the file; bad input is one line and exit code 2."""
    return gallery_command(gallery_data, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
