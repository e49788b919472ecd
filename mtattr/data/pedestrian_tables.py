"""`market_attribute.mat` and `duke_attribute.mat`: structs of one value per identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtattr.data.matlab import read_matlab
from mtattr.data.pedestrian_attributes import Attribute, Schema
from mtattr.errors import InputError


@dataclass(frozen=True)
class People:
    """The labels of one half, "train" or "test", of a set.

    Args:
        identities: the numbers in the images' names, in the order of the file.
        labels: float32 `(P, T)`, NaN = unknown.
        rates: {name or "name = value": share of people for whom the file gives the value}.
    """

    identities: tuple[int, ...]
    labels: np.ndarray
    rates: dict[str, float]


def read_people(
    path: Path, schema: Schema, half: str, in_folder: Sequence[int], about: str = ""
) -> People:
    """One half of an attribute file, checked.

    A binary value v becomes v - 1 and a colour the position of the one flag. No flag, several, and
    a 0 in sets whose files have it become NaN.

    Args:
        half: "train" or "test".
        in_folder: identities of the image folder; in ascending order they stand for the
            `image_index` that the file of 2017 lacks.
        about: where to obtain the file.

    Raises:
        InputError: the file is missing or damaged, or lacks a field, or a field has another length
            or a value that does not exist.
    """
    fields = _read_half(path, schema.variable, half, about)
    needed = [field for attribute in schema.attributes for field in attribute.fields]
    columns = {field: _vector(path, half, field, fields) for field in needed}
    count = len(columns[needed[0]])
    for field, column in columns.items():
        if len(column) != count:
            raise InputError(
                f"{path}: {half}.{field} has {len(column)} values, {half}.{needed[0]} has {count}; "
                "expected one per identity"
            )
    identities = _identities(path, half, fields, count, in_folder)
    rates: dict[str, float] = {}
    labels = np.empty((count, len(schema.attributes)), dtype=np.float32)
    for t, attribute in enumerate(schema.attributes):
        labels[:, t], shares = _labels(
            path, half, attribute, columns, identities, schema.zero_is_unknown
        )
        rates |= shares
    return People(identities, labels, rates)


def _read_half(path: Path, variable: str, half: str, about: str) -> dict[str, object]:
    """{name: value} of the fields of one half, whose order differs between train and test."""
    outer = read_matlab(path, about).get(variable)
    if not isinstance(outer, dict):
        raise InputError(f"{path}: expected the struct {variable!r}, the file has none{about}")
    if half not in outer:
        got = ", ".join(outer)
        raise InputError(f"{path}: expected the fields train and test in {variable!r}, got {got}")
    if not isinstance(outer[half], dict):
        raise InputError(f"{path}: expected a struct in {variable}.{half}, it is something else")
    return outer[half]


def _vector(path: Path, half: str, field: str, fields: dict[str, object]) -> np.ndarray:
    if field not in fields:
        raise InputError(f"{path}: field {half}.{field} missing; there are {', '.join(fields)}")
    found = fields[field]
    if not isinstance(found, np.ndarray) or found.size == 0:
        raise InputError(f"{path}: expected numbers in {half}.{field}, one per identity")
    return found.ravel()


def _identities(
    path: Path, half: str, fields: dict[str, object], count: int, in_folder: Sequence[int]
) -> tuple[int, ...]:
    if "image_index" not in fields:
        identities = tuple(sorted(set(in_folder)))
        if len(identities) != count:
            raise InputError(
                f"{path}: {half} labels {count} identities without naming them (no image_index), "
                f"and the image folder shows {len(identities)}; expected as many"
            )
        return identities
    entries = fields["image_index"]
    # A cell of a single entry and rows of plain text are as good as a cell of texts.
    entries = [entries] if isinstance(entries, str) else entries
    if not isinstance(entries, list) or len(entries) != count:
        many = len(entries) if isinstance(entries, list) else "no"
        raise InputError(f"{path}: {half}.image_index has {many} entries for {count} values")
    identities = []
    for entry in entries:
        text = str(entry).strip()
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            expected = "expected an identity number such as 0002"
            raise InputError(f"{path}: {half}.image_index holds {text[:40]!r}, {expected}")
        identities.append(int(text))
    twice = len(identities) - len(set(identities))
    if twice:
        first = next(identity for identity in identities if identities.count(identity) > 1)
        raise InputError(f"{path}: {half}.image_index names identity {first:04d} twice")
    return tuple(identities)


def _labels(
    path: Path,
    half: str,
    attribute: Attribute,
    columns: dict[str, np.ndarray],
    identities: tuple[int, ...],
    zero_is_unknown: bool,
) -> tuple[np.ndarray, dict[str, float]]:
    """Labels float32 `(P,)` of one attribute, and the share of people with each value."""
    if attribute.fields != (attribute.name,):
        for field in attribute.fields:
            _check(path, half, field, columns[field], (1, 2), identities)
        flags = np.stack([columns[field] == 2 for field in attribute.fields], axis=1)
        labels = np.where(flags.sum(1) == 1, flags.argmax(1), np.nan)
        shares = flags.mean(0)
    else:
        column = columns[attribute.name]
        values = range(1, len(attribute.values or (1, 2)) + 1)
        allowed = (0, *values) if zero_is_unknown and not attribute.values else tuple(values)
        _check(path, half, attribute.name, column, allowed, identities)
        labels = np.where(column == 0, np.nan, column - 1.0)
        shares = np.array([(column == value).mean() for value in values])
    names = attribute.rate_names
    return labels.astype(np.float32), dict(zip(names, shares[-len(names) :].tolist(), strict=True))


def _check(
    path: Path,
    half: str,
    field: str,
    column: np.ndarray,
    allowed: tuple[int, ...],
    identities: tuple[int, ...],
) -> None:
    bad = np.flatnonzero(~np.isin(column, allowed))
    if len(bad):
        who = f"identity {identities[bad[0]]:04d}, entry {bad[0] + 1}"
        value, known = f"{column[bad[0]]:g}", ", ".join(map(str, allowed))
        raise InputError(f"{path}: {half}.{field} of {who} is {value}, not one of {known}")
