"""Claims: statements of a paper, or ours, in a form that code can judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mtattr.canonical import sha256_of
from mtattr.errors import InputError
from mtattr.evidence.record import edition_of, floor_of, measure
from mtattr.training.spec import SCALES

#: Fields beyond the common ones that each kind of claim needs.
NEEDS = {
    "greater": ("b",),
    "greater_than_value": (),
    "differs": ("b",),
    "equivalent": ("b", "margin"),
    "ratio": ("b", "margin"),
    "value": ("published", "tolerance"),
    "welch": ("b", "level"),
}
#: Kinds that, from edition 2 on, must say which effect would still matter.
_NEEDS_SMALLEST_EFFECT = ("greater", "greater_than_value", "differs")


@dataclass(frozen=True)
class Claim:
    """One comparison: the variants, the data, and what counts as agreement.

    With m the metric of a run on its test split, the kinds are:

    - greater: m(a) - m(b) > margin
    - greater_than_value: m(a) - threshold > margin; the threshold is `value`, or the floor of the
      metric `floor` in the record
    - differs: |m(a) - m(b)| > margin
    - equivalent: |m(a) - m(b)| < margin
    - ratio: |m(a) / m(b) - 1| < margin
    - value: |m(a) - published["a"]| < tolerance
    - welch: Welch's t-test gives p < `level`, and m(a) is the higher on average

    Args:
        metric: name of a test metric, or "cost.x" for a cost of the run.
        published: the paper's numbers under "a", "b" or "p".
        tolerance: largest distance of our means from published "a" and "b".
        epoch: "selected" or "last".
        smallest_effect: smallest effect of interest, in units of the metric; an effect within it of
            the claim's bound is no difference. Of an equivalence it is the margin.
        primary: whether the claim belongs to the paper's family, in which all p-values are
            corrected together; by default claims of the paper, not ours and not exploratory ones.
        gate: whether the compared networks must have learned to be judged.
        learned_tasks: number of attributes that each network must have learned.
        block: name of a block; claims of one name pool the residual of just their variants. By
            default the block is of all variants with the same dataset, scale and settings.
        block_variants: variants of the claims of that name.
        paper: the package whose runs may judge the claim.
        edition: edition of the runs that may judge it.
    """

    id: str
    statement: str
    where: str
    metric: str
    kind: str
    a: str
    datasets: tuple[str, ...]
    minimum_scale: str = "reduced"
    b: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    published: Mapping[str, float] | None = None
    tolerance: float | None = None
    margin: float | None = None
    value: float | None = None
    floor: str | None = None
    level: float | None = None
    epoch: str = "selected"
    exploratory: bool = False
    smallest_effect: float | None = None
    primary: bool | None = None
    gate: bool = True
    learned_tasks: int | None = None
    block: str | None = None
    block_variants: tuple[str, ...] = ()
    paper: str | None = None
    edition: int = 1
    sha256: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "datasets", tuple(self.datasets))
        if self.kind not in NEEDS:
            raise InputError(
                f"claim {self.id}: kind {self.kind!r} is not one of {', '.join(NEEDS)}"
            )
        if missing := [name for name in NEEDS[self.kind] if getattr(self, name) is None]:
            raise InputError(
                f"claim {self.id}: a claim of kind {self.kind} needs {' and '.join(missing)}"
            )
        if self.kind == "greater_than_value" and (self.value is None) == (self.floor is None):
            raise InputError(
                f"claim {self.id}: kind greater_than_value needs either value or floor"
            )
        if self.kind in ("equivalent", "ratio") and not self.margin:
            raise InputError(f"claim {self.id}: a claim of kind {self.kind} needs a margin above 0")
        if self.b == self.a:
            raise InputError(f"claim {self.id}: a and b are both {self.a!r}, expected two variants")
        if self.kind == "value" and "a" not in self.published:
            raise InputError(f"claim {self.id}: kind value needs published.a")
        if self.kind == "greater" and self.published and self.tolerance is None:
            raise InputError(f"claim {self.id}: published numbers need a tolerance")
        self._check_smallest_effect()
        if self.primary is None:
            object.__setattr__(self, "primary", not (self.ours or self.exploratory))
        if self.primary and self.exploratory:
            raise InputError(f"claim {self.id}: an exploratory claim cannot be primary")

    def _check_smallest_effect(self) -> None:
        if self.kind == "equivalent":
            if self.smallest_effect not in (None, self.margin):
                raise InputError(
                    f"claim {self.id}: the smallest_effect of an equivalence is its margin, "
                    f"{self.margin:g}; leave it out"
                )
            object.__setattr__(self, "smallest_effect", self.margin)
        if (
            self.edition >= 2
            and self.smallest_effect is None
            and self.kind in _NEEDS_SMALLEST_EFFECT
        ):
            raise InputError(
                f"claim {self.id}: a claim of kind {self.kind} needs a smallest_effect from "
                "edition 2 on"
            )

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], **about: Any) -> Claim:
        """The claim in one item of `paper.yaml`, with the hash of that item as written.

        Args:
            about: what the item does not say: `paper`, `edition`, `block_variants`.
        """
        return cls(**document, **about, sha256=sha256_of(document))

    @property
    def ours(self) -> bool:
        """Whether the claim goes beyond the paper."""
        return self.where == "ours"

    @property
    def variants(self) -> tuple[str, ...]:
        """Variants that must have been trained to judge the claim."""
        return (self.a,) if self.kind in ("greater_than_value", "value") else (self.a, self.b)

    def concerns(self, record: Mapping[str, Any]) -> bool:
        """Whether the claim is about the record's edition, paper, variant, dataset and settings."""
        return edition_of(record) == self.edition and self.concerns_in_any_edition(record)

    def concerns_in_any_edition(self, record: Mapping[str, Any]) -> bool:
        """Like `concerns`, in whichever edition."""
        spec = record["spec"]
        return (
            self.paper in (None, spec["paper"])
            and spec["variant"] in self.variants
            and spec["dataset"] in self.datasets
            and self.settings.items() <= spec["settings"].items()
        )

    def judged_at(self, scale: str) -> bool:
        """Whether `scale` is large enough for a verdict; never at smoke."""
        return scale != "smoke" and SCALES.index(scale) >= SCALES.index(self.minimum_scale)

    def measure(self, record: Mapping[str, Any]) -> float:
        """Measurement of the claim's metric in one record, NaN where the record has none."""
        return measure(record, self.metric, self.epoch)

    def threshold(self, record: Mapping[str, Any]) -> float:
        """Number that `greater_than_value` compares with; NaN where the record lacks the floor."""
        return float(self.value) if self.floor is None else floor_of(record, self.floor)


def claims_sha256(claims: list[dict[str, Any]]) -> str:
    """Hash of a paper's `claims` list as written, which every run record carries."""
    return sha256_of(claims)
