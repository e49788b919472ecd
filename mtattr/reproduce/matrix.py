"""The matrix of runs, notebook x dataset x seed, and the id that says what a run depends on."""

from __future__ import annotations

import ast
import importlib.metadata
from dataclasses import dataclass, field
from pathlib import Path

import mtattr
from mtattr.code import code_form
from mtattr.errors import InputError
from mtattr.reproduce.files import digest_of, file_digest, library_digest, reached_files
from mtattr.reproduce.notebooks import cells
from mtattr.reproduce.project import Project, notebook_name

_TYPES = {kind.__name__: kind for kind in (str, int, float, bool, list, dict, tuple)}
_TYPES["None"] = type(None)


@dataclass(frozen=True)
class Parameter:
    """One name of a notebook's `parameters` cell, its annotation as written and its default."""

    name: str
    annotation: str
    default: object


@dataclass(frozen=True)
class NotebookRun:
    """One notebook with one set of parameters.

    Args:
        source: the notebook's `.py`.
        parameters: every name of the parameters cell with its value.
        changed: those that differ from the defaults, which is what papermill injects.
        run_id: digest of code, library, evidence, parameters and versions: equal ids mean equal
            results.
    """

    source: Path
    parameters: dict = field(hash=False)
    changed: dict = field(hash=False)
    run_id: str

    @property
    def name(self) -> str:
        """`paper/step`."""
        return notebook_name(self.source)

    @property
    def folder_name(self) -> str:
        """Name of the run's folder: readable first, unique by its end."""
        return f"{self.source.parent.name}-{self.source.stem}-{self.run_id[:16]}"

    @property
    def label(self) -> str:
        """The notebook and the parameters that tell runs apart, for one line of a table."""
        shown = [
            str(self.parameters[key])
            for key in ("dataset", "scale")
            if self.parameters.get(key) is not None
        ]
        shown += [f"seed {self.parameters['seed']}"] if "seed" in self.parameters else []
        return " ".join([self.name, *shown])


def parameters_of(source: Path) -> dict[str, Parameter]:
    """Parameters of a notebook in order, read from the cell tagged `parameters`, which is not run.

    Raises:
        InputError: there is not one such cell, or it holds other than assignments of literals.
    """
    name = notebook_name(source)
    tagged = [cell for cell in cells(source) if cell.type == "code" and "parameters" in cell.tags]
    if len(tagged) != 1:
        raise InputError(f"{name}: expected one code cell tagged 'parameters', found {len(tagged)}")
    found: dict[str, Parameter] = {}
    try:
        for statement in ast.parse(tagged[0].source).body:
            if isinstance(statement, ast.AnnAssign) and statement.value is not None:
                target, annotation = statement.target, ast.unparse(statement.annotation)
            elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target, annotation = statement.targets[0], ""
            else:
                raise ValueError(ast.unparse(statement))
            if not isinstance(target, ast.Name):
                raise ValueError(ast.unparse(statement))
            value = ast.literal_eval(statement.value)
            found[target.id] = Parameter(target.id, annotation, value)
    except (SyntaxError, ValueError) as error:
        raise InputError(
            f"{name}: the parameters cell may hold only assignments of literals, not {error}"
        ) from error
    return found


def check_parameters(name: str, known: dict[str, Parameter], requested: dict) -> None:
    """Raise `InputError` for a parameter that the notebook `name` lacks or annotates otherwise."""
    for key, value in requested.items():
        if key not in known:
            raise InputError(
                f"{name}: unknown parameter {key!r}; the notebook has: {', '.join(known)}"
            )
        allowed = [part.strip().split("[")[0] for part in known[key].annotation.split("|")]
        types = [_TYPES[part] for part in allowed if part in _TYPES]
        # bool is an int to isinstance, and an int is a fine float.
        fits = any(type(value) is kind or (kind is float and type(value) is int) for kind in types)
        if len(types) == len(allowed) and not fits:
            raise InputError(f"{name}: parameter {key!r} is {known[key].annotation}, got {value!r}")


def expand(
    project: Project,
    *,
    papers: list[str] | None = None,
    steps: list[str] | None = None,
    datasets: list[str] | None = None,
    root: Path | None = None,
    scale: str | None = None,
    seeds: list[int] | None = None,
    parameters: dict | None = None,
) -> list[NotebookRun]:
    """Every run of notebook x dataset x seed, in reading order.

    Args:
        project: where the notebooks are.
        papers, steps: those wanted; None: all.
        datasets, root, scale, seeds: values of the parameters so named; None: the notebook's own.
        parameters: further values by name, for all notebooks.

    Raises:
        InputError: an unknown name, a value of the wrong type or a missing root, before anything
            is run or written.
    """
    from mtattr.data import DATASETS
    from mtattr.training.spec import SCALES

    if scale is not None and scale not in SCALES:
        raise InputError(f"scale {scale!r} is unknown; there are: {', '.join(SCALES)}")
    for dataset in datasets or ():
        if dataset not in DATASETS:
            raise InputError(f"dataset {dataset!r} is unknown; there are: {', '.join(DATASETS)}")
    if root is not None and not root.is_dir():
        raise InputError(f"{root}: no such folder; --root is where the dataset's files lie")
    common = dict(parameters or {})
    common |= {"scale": scale} if scale is not None else {}
    common |= {"root": str(root.resolve())} if root is not None else {}

    runs, shared = [], _evidence_digest(project)
    for source in project.select(papers, steps):
        name, known = notebook_name(source), parameters_of(source)
        code = [c for c in cells(source) if c.type == "code" and "parameters" not in c.tags]
        forms = digest_of(code_form(cell.source) for cell in code)
        for dataset in datasets or [None]:
            for seed in seeds if seeds is not None else [None]:
                asked = common | ({} if dataset is None else {"dataset": dataset})
                asked |= {} if seed is None else {"seed": seed}
                check_parameters(name, known, asked)
                values = {key: asked.get(key, known[key].default) for key in known}
                changed = {key: v for key, v in values.items() if v != known[key].default}
                library = library_digest(reached_files(source, values.values()))
                parts = [name, forms, library, shared, repr(sorted(values.items()))]
                runs.append(NotebookRun(source, values, changed, digest_of(parts)))
    return runs


def _evidence_digest(project: Project) -> str:
    """Digest of the committed evidence and of versions, on which every notebook depends."""
    evidence = sorted((project.root / "book" / "evidence").glob("*"))
    records = [f"{path.name} {file_digest(path)}" for path in evidence if path.is_file()]
    return digest_of([mtattr.__version__, importlib.metadata.version("torch"), *records])


def shard(runs: list[NotebookRun], part: int, count: int) -> list[NotebookRun]:
    """The part number `part` of `count`, counted from 1.

    Steps of one chapter with the same parameters stay together, since they share trained networks.
    """
    return [run for chain in chains(runs)[part - 1 :: count] for run in chain]


def chains(runs: list[NotebookRun]) -> list[list[NotebookRun]]:
    """Runs in groups that go one after the other: a chapter's steps on one dataset and seed."""
    grouped: dict[tuple, list[NotebookRun]] = {}
    for run in runs:
        same = tuple(run.parameters.get(key) for key in ("dataset", "scale", "seed"))
        grouped.setdefault((run.source.parent.name, *same), []).append(run)
    return list(grouped.values())
