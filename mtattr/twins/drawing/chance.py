"""Random numbers of scenes: integer draws of seeded CPU generators, so identical on every machine.

Scenes are drawn in blocks, one generator a block, so the first n scenes do not depend on how many
are asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import torch
from torch import Tensor

Uniform = Callable[[int], Tensor]


def uniform_numbers(name: str, split: str, block: int, *, seed: int, rows: int) -> Uniform:
    """A function from a number of columns to float64 `(rows, columns)`, multiples of 2**-24.

    Each call goes on in the stream that name, seed, split and block choose.
    """
    key = hashlib.sha256(f"{name} {seed} {split} {block}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(key[:7], "big"))

    def uniform(columns: int) -> Tensor:
        return torch.randint(0, 2**24, (rows, columns), generator=generator).double() / 2**24

    return uniform


def normal_numbers(uniform: Uniform, columns: int) -> Tensor:
    """Float64 `(rows, columns)`, nearly standard normal: sums of twelve uniform numbers, less six.

    All sums are exact, so that no rounding can tell machines apart. Values lie in (-6, 6).
    """
    return sum(uniform(columns) for _ in range(12)) - 6


def joined_digest(*parts: Tensor) -> str:
    """SHA-256 over the bytes of CPU tensors: scene parameters and what is drawn from them."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.contiguous().numpy().tobytes())
    return digest.hexdigest()
