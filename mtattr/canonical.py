"""One JSON text per value, so that equal content has equal SHA-256 on every machine."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from mtattr.errors import InputError


def plain(value: Any, where: str = "value") -> Any:
    """Copy of `value` in plain JSON types.

    Tuples become lists, tensors and arrays numbers or lists, NaN and infinities null.

    Raises:
        InputError: JSON cannot hold something; the message begins with its place (`where`).
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        if bad := [key for key in value if not isinstance(key, str)]:
            raise InputError(f"{where}: the key {bad[0]!r} is not a string")
        return {key: plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if hasattr(value, "tolist"):
        return plain(value.tolist(), where)
    raise InputError(f"{where}: JSON cannot hold a {type(value).__name__}")


def canonical_json(value: Any) -> str:
    """One line of JSON: sorted keys, no blanks, UTF-8 as it is, never NaN."""
    return json.dumps(
        plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def sha256_of(value: Any) -> str:
    """SHA-256, in 64 hex digits, of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
