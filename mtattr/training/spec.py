"""`RunSpec`: the specification of one run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from mtattr.errors import InputError

SCALES = ("smoke", "reduced", "paper")


@dataclass(frozen=True)
class RunSpec:
    """One training: a paper's variant on a dataset at a scale with a seed.

    Args:
        paper, variant, dataset: names that can be part of a folder's name.
        scale: one of `SCALES`.
        seed: of weights and order, at least 0.
        settings: JSON values that the paper's recipe understands (for example a backbone).
    """

    paper: str
    variant: str
    dataset: str
    scale: str
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for field_name in ("paper", "variant", "dataset"):
            value = getattr(self, field_name)
            # They become parts of a folder's name.
            if (
                not isinstance(value, str)
                or not value
                or value.startswith(".")
                or set(value) & set("/\\\0")
            ):
                raise InputError(f"{field_name} {value!r} must be a name without slashes")
        if self.scale not in SCALES:
            raise InputError(f"scale {self.scale!r} is unknown; there are {', '.join(SCALES)}")
        if (
            isinstance(self.seed, bool)
            or not isinstance(self.seed, int)
            or not 0 <= self.seed < 2**63
        ):
            raise InputError(
                f"seed {self.seed!r} must be an integer of at least 0 that fits 63 bits"
            )
        try:
            settings = json.loads(json.dumps(dict(self.settings), sort_keys=True, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise InputError(f"settings of {self.paper}: {error}") from None
        object.__setattr__(self, "settings", MappingProxyType(settings))

    def __hash__(self) -> int:
        return hash(json.dumps(self.to_dict(), sort_keys=True))

    def to_dict(self) -> dict[str, Any]:
        """JSON form, settings sorted by name."""
        return {
            "paper": self.paper,
            "variant": self.variant,
            "dataset": self.dataset,
            "scale": self.scale,
            "seed": self.seed,
            "settings": dict(self.settings),
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> RunSpec:
        """The inverse of `to_dict`."""
        return cls(**row)

    def folder_name(self, identity: Mapping[str, Any]) -> str:
        """A readable prefix and ten hex digits of a hash over the run's identity."""
        text = json.dumps(identity, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        return f"{self.paper}-{self.variant}-{self.dataset}-{self.scale}-seed{self.seed}-{digest}"
