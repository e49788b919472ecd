"""Sizes: limits of each dataset, size of the networks and length of training by scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mtattr.adaptive_sharing.domains import join, one_task_per_category
from mtattr.adaptive_sharing.layout import VGG16_WIDTHS
from mtattr.data import load_dataset
from mtattr.data.image_data import ImageData
from mtattr.training import SPLITS, FitSettings, recipe

PAPER = "adaptive_sharing"
#: Faces and clothes together; its root is the folder above both.
JOINT = "celeba+deepfashion"


@dataclass(frozen=True)
class Size:
    """One dataset at one scale.

    Args:
        fit: length, optimiser and augmentation.
        divisor: divides every number of channels of VGG-16 and low-rank.
        thin_divisor: divides the widths of thin networks, and of those that grow from them.
        interval: iterations between two decisions of a search.
        first_epochs: of a search whose rounds are trainings of their own, see `SearchSettings`.
        image_size: side in pixels.
        rates: learning rate by kind of network where it is not that of `fit`.
        train, val, test: most images, None = the whole split.
    """

    fit: FitSettings
    divisor: int
    thin_divisor: int
    interval: int
    first_epochs: int | None = None
    image_size: int = 32
    rates: Mapping[str, float] = field(default_factory=dict)
    train: int | None = None
    val: int | None = None
    test: int | None = None

    @property
    def wide(self) -> tuple[int, ...]:
        """Channels of this scale's VGG-16."""
        return divided(VGG16_WIDTHS, self.divisor)


def divided(widths: Sequence[int], divisor: int) -> tuple[int, ...]:
    """Widths divided by a whole number, at least 1 each."""
    return tuple(max(1, width // divisor) for width in widths)


def _sgd(
    epochs: int, learning_rate: float, milestones: tuple[float, float] = (1 / 3, 2 / 3)
) -> FitSettings:
    """SGD as in the paper; gradients clipped to a norm of 20 as in the released code."""
    return FitSettings(
        epochs=epochs,
        batch_size=32,
        learning_rate=learning_rate,
        optimizer="sgd",
        weight_decay=5e-4,
        schedule="step",
        milestones=milestones,
        clip_norm=20.0,
    )


def _adamw(epochs: int) -> FitSettings:
    """AdamW with one cycle of the rate, for networks that must learn from few images."""
    return FitSettings(
        epochs=epochs,
        batch_size=64,
        learning_rate=0.01,
        optimizer="adamw",
        betas=(0.9, 0.99),
        weight_decay=0.05,
        schedule="one_cycle",
        warm_up=0.25,
        clip_norm=20.0,
    )


#: Rates where they are not those of the settings; the paper has one rate for all networks.
_SMOKE_RATES = {"vgg": 0.003, "low-rank": 0.001, "thin": 0.03}
_RATES = {"vgg": 0.003, "low-rank": 0.003}


def _sizes(
    paper_epochs: int, milestones: tuple[float, float], paper_interval: int
) -> dict[str, Size]:
    """Sizes by scale; `paper_epochs` are the paper's 60 or 100 thousand iterations of 32 images."""
    return {
        "smoke": Size(
            _sgd(3, 0.01),
            divisor=8,
            thin_divisor=8,
            interval=5,
            rates=_SMOKE_RATES,
            train=640,
            val=320,
            test=400,
        ),
        "reduced": Size(
            _adamw(6),
            divisor=4,
            thin_divisor=1,
            interval=312,
            first_epochs=6,
            rates=_RATES,
            train=20_000,
            val=2000,
            test=5000,
        ),
        "paper": Size(
            _sgd(paper_epochs, 1e-3, milestones),
            divisor=1,
            thin_divisor=1,
            interval=paper_interval,
            image_size=224,
        ),
    }


_SETS = {
    "celeba": _sizes(12, (1 / 3, 2 / 3), 1000),
    "deepfashion": _sizes(9, (1 / 3, 2 / 3), 1000),
    JOINT: _sizes(9, (0.4, 0.8), 2000),
}
SIZES: dict[tuple[str, str], Size] = {
    (name + twin, scale): size
    for name, sizes in _SETS.items()
    for twin in ("", "-twin")
    for scale, size in sizes.items()
}


def size_of(dataset: str, scale: str) -> Size:
    """The `Size` of a dataset at a scale; `InputError` lists what there is."""
    return recipe.size_of(SIZES, PAPER, dataset, scale)


def domains_of(dataset: str) -> tuple[str, ...]:
    """The datasets that `dataset` joins, or itself."""
    base, twin = dataset.removesuffix("-twin"), "-twin" * dataset.endswith("-twin")
    return tuple(name + twin for name in base.split("+"))


def load_splits(
    dataset: str,
    scale: str,
    *,
    draw: int | None = None,
    root: str | Path | None = None,
    **options: Any,
) -> dict[str, ImageData]:
    """The three splits at the size of a scale, all tasks binary.

    Args:
        dataset: one domain, or both; then labels that only the other domain has are unknown.
        scale: smoke, reduced or paper.
        draw: of generated domains, drawn anew for every number; real ones have none.
        root: the dataset's folder or the one above it; for both domains the folder above both.
        options: of the loaders.
    """
    size = size_of(dataset, scale)
    loaded, domains = {}, domains_of(dataset)
    if dataset.endswith("-twin"):
        options["draw"] = draw
    for split in SPLITS:
        how = {"root": root, "limit": getattr(size, split), "together": len(domains) > 1, **options}
        parts = [_load(domain, split, size, **how) for domain in domains]
        loaded[split] = join(*parts) if len(parts) > 1 else parts[0]
    return loaded


def _load(dataset: str, split: str, size: Size, *, together: bool, **options: Any) -> ImageData:
    if dataset.endswith("-twin"):  # nothing is read from disk, so nothing can be bad
        options = {
            name: value for name, value in options.items() if name not in ("root", "skip_bad")
        }
    elif dataset == "celeba" and size.divisor == 1:
        options = {"images": "wild"} | options  # the paper uses the photographs before alignment
    if options.get("root") is not None:
        # Both domains, and so the teachers of each, have a folder of their own below the root.
        place = Path(options["root"]) / dataset
        options["root"] = place if together or place.is_dir() else options["root"]
    data = load_dataset(dataset, split, image_size=size.image_size, **options)
    return one_task_per_category(data) if data.tasks.categorical_indices else data
