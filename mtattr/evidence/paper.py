"""Papers as data: printed numbers, claims, deviations, errata and artefacts."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from mtattr import PAPERS
from mtattr.errors import InputError
from mtattr.evidence.claim import Claim, claims_sha256
from mtattr.evidence.schema import check_schema


@dataclass(frozen=True)
class Citation:
    """Citation of the paper; fields that the text at hand does not give are None."""

    key: str
    title: str
    authors: tuple[str, ...]
    venue: str
    year: int | None
    doi: str | None
    url: str | None


@dataclass(frozen=True)
class PublishedTable:
    """Printed numbers: `rows` maps names to one number per column, None where none is printed."""

    id: str
    title: str
    where: str
    columns: tuple[str, ...]
    rows: Mapping[str, Sequence[float | None]]
    note: str = ""

    def value(self, row: str, column: str) -> float | None:
        """The printed number; `InputError` if the table has no such row or column."""
        if row not in self.rows:
            raise InputError(
                f"table {self.id} has no row {row!r}; there are {', '.join(self.rows)}"
            )
        if column not in self.columns:
            raise InputError(
                f"table {self.id} has no column {column!r}; there are {', '.join(self.columns)}"
            )
        return self.rows[row][self.columns.index(column)]


@dataclass(frozen=True)
class Pooling:
    """Claims whose differences a - b are pooled: one question asked of several data or networks.

    Args:
        claims: ids; on all their datasets.
        smallest_effect: smallest effect of interest of the pooled difference.
    """

    id: str
    statement: str
    claims: tuple[str, ...]
    smallest_effect: float | None = None


@dataclass(frozen=True)
class Deviation:
    """One place where we depart from the paper, or had to choose because it does not say."""

    item: str
    paper_says: str
    we_do: str
    why: str
    expected_effect: str
    tested: bool


@dataclass(frozen=True)
class Erratum:
    """An error, ambiguity or silence of the paper, with the evidence."""

    item: str
    where: str
    kind: str
    finding: str
    evidence: str


@dataclass(frozen=True)
class Artefact:
    """A table or figure of the paper and the notebook cell that remakes it."""

    item: str
    notebook: str
    anchor: str


@dataclass(frozen=True)
class Paper:
    """Content of one `paper.yaml`; only runs of its `edition` judge its claims."""

    name: str
    citation: Citation
    protocol: Mapping[str, Mapping[str, Any]]
    tables: tuple[PublishedTable, ...]
    claims: tuple[Claim, ...]
    deviations: tuple[Deviation, ...]
    errata: tuple[Erratum, ...]
    artefacts: tuple[Artefact, ...]
    claims_sha256: str
    edition: int = 1
    pooled: tuple[Pooling, ...] = ()

    def table(self, name: str) -> PublishedTable:
        """The printed table with this id; `InputError` if there is none."""
        return _named(self.tables, name, f"{self.name}: table")

    def claim(self, name: str) -> Claim:
        """The claim with this id; `InputError` if there is none."""
        return _named(self.claims, name, f"{self.name}: claim")


def paper_file(name: str) -> Path:
    """Path of a paper's `paper.yaml` in the installed package; `InputError` for an unknown name."""
    if name not in PAPERS:
        raise InputError(f"no paper is called {name!r}; there are {', '.join(PAPERS)}")
    return Path(str(files("mtattr").joinpath(name, "paper.yaml")))


def load_paper(name_or_path: str | Path) -> Paper:
    """The paper called so, or the one in a file that ends in `.yaml`.

    Raises:
        InputError: unreadable or invalid YAML, a key or id given twice, a breach of the schema,
            table rows of another length, or a claim that lacks what its kind needs.
    """
    is_path = isinstance(name_or_path, Path) or name_or_path.endswith((".yaml", ".yml"))
    path = Path(name_or_path) if is_path else paper_file(name_or_path)
    source = str(path) if is_path else f"mtattr/{path.parent.name}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{source}: expected a readable UTF-8 file ({type(error).__name__})"
        ) from error
    return read_paper(text, source)


def read_paper(text: str, source: str) -> Paper:
    """The paper in the text of a `paper.yaml`; errors, as in `load_paper`, begin with `source`."""
    document = parse_yaml(text, source)
    check_schema(document, "paper", source)
    for section in ("tables", "claims", "pooled"):
        ids = [item["id"] for item in document.get(section, ())]
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise InputError(
                f"{source}: {section}: expected distinct ids, {', '.join(twice)} is given twice"
            )
    for i, table in enumerate(document["tables"]):
        for row, numbers in table["rows"].items():
            if len(numbers) != len(table["columns"]):
                raise InputError(
                    f"{source}: tables[{i}].rows.{row}: expected {len(table['columns'])} numbers, "
                    f"one per column, got {len(numbers)}"
                )
    edition = document.get("edition", 1)
    claims = _claims(document, edition, source)
    citation = document["citation"] | {"authors": tuple(document["citation"]["authors"])}
    return Paper(
        name=document["name"],
        citation=Citation(**citation),
        protocol=document["protocol"],
        tables=tuple(
            PublishedTable(**table | {"columns": tuple(table["columns"])})
            for table in document["tables"]
        ),
        claims=claims,
        deviations=tuple(Deviation(**item) for item in document["deviations"]),
        errata=tuple(Erratum(**item) for item in document["errata"]),
        artefacts=tuple(Artefact(**item) for item in document["artefacts"]),
        claims_sha256=claims_sha256(document["claims"]),
        edition=edition,
        pooled=_pooled(document.get("pooled", ()), claims, source),
    )


def _claims(document: Mapping[str, Any], edition: int, source: str) -> tuple[Claim, ...]:
    blocks: dict[str, set[str]] = {}
    for item in document["claims"]:
        if "block" in item:
            blocks.setdefault(item["block"], set()).update({item["a"], item.get("b", item["a"])})
    claims = []
    for i, item in enumerate(document["claims"]):
        block = tuple(sorted(blocks.get(item.get("block"), ())))
        try:
            claims.append(
                Claim.from_dict(item, paper=document["name"], edition=edition, block_variants=block)
            )
        except InputError as error:
            raise InputError(f"{source}: claims[{i}]: {error}") from error
    return tuple(claims)


def _pooled(
    items: Sequence[Mapping[str, Any]], claims: Sequence[Claim], source: str
) -> tuple[Pooling, ...]:
    # A ratio, or a distance from a printed number, is no difference of two variants.
    known = {c.id for c in claims if c.kind in ("greater", "differs", "equivalent", "welch")}
    for i, item in enumerate(items):
        if wrong := [name for name in item["claims"] if name not in known]:
            raise InputError(
                f"{source}: pooled[{i}].claims: {wrong[0]} is no claim that compares two variants "
                "by their difference"
            )
    return tuple(Pooling(**item | {"claims": tuple(item["claims"])}) for item in items)


class _StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Safe YAML in which a key given twice is an error: plain YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str, source: str) -> Any:
    """Content of YAML text, read without running anything in it; errors name the line."""
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise InputError(f"{source}{line}: expected valid YAML: {problem}") from error


def _named(items: Sequence[Any], name: str, what: str) -> Any:
    for item in items:
        if item.id == name:
            return item
    raise InputError(
        f"{what} {name!r} does not exist; there are {', '.join(item.id for item in items)}"
    )
