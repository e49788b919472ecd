"""What identifies a run: its specification, the code that computes it and the data it reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mtattr.errors import InputError
from mtattr.code import code_form

SCALES = ("smoke", "reduced", "paper")


@dataclass(frozen=True)
class RunSpec:
    """One training: a paper's variant on a dataset at a scale with a seed.

    settings: JSON values that the paper's recipe understands (for example a backbone), in any order.
    Raises `InputError` for a name that no folder can have, an unknown scale, a negative seed or settings that JSON
    cannot hold.
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

    def folder_name(self, *, code_digest: str, data_fingerprint: str) -> str:
        """A readable prefix and ten hex digits of a hash over spec, code and data."""
        text = json.dumps([self.to_dict(), code_digest, data_fingerprint], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        return f"{self.paper}-{self.variant}-{self.dataset}-{self.scale}-seed{self.seed}-{digest}"


def code_digest(paper: str) -> str:
    """SHA-256 over the library code that a run of `paper` depends on.

    Comments and docstrings do not count: a better explanation does not make a result stale.
    """
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for part in (
        "errors.py",
        "files.py",
        "tasks.py",
        "data",
        "nets",
        "training",
        "evaluation",
        paper,
    ):
        for path in sorted(
            [package / part] if part.endswith(".py") else (package / part).rglob("*.py")
        ):
            digest.update(path.relative_to(package).as_posix().encode())
            digest.update(code_form(path.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()
