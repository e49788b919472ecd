"""The matrix of runs, notebook x dataset x seed, with strict parameter names and an id that says what a run depends on."""

from __future__ import annotations

import ast
import importlib.metadata
from dataclasses import dataclass, field
from pathlib import Path

import mtattr
from mtattr.errors import InputError
from mtattr.reproduce.files import code_form, digest_of, file_digest, library_digest
from mtattr.reproduce.notebooks import cells
from mtattr.reproduce.project import Project, notebook_name

SCALES = ("smoke", "reduced", "paper")
_TYPES = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "None": type(None),
    "list": list,
    "dict": dict,
    "tuple": tuple,
}


@dataclass(frozen=True)
class Parameter:
    """One name of a notebook's `parameters` cell, with its annotation as written and its default."""

    name: str
    annotation: str
    default: object


@dataclass(frozen=True)
class NotebookRun:
    """One notebook with one set of parameters.

    parameters: every name of the parameters cell with its value. changed: those that differ from the defaults, which is
    what papermill injects. run_id: digest of code, library, evidence, parameters and versions, so equal ids mean equal results.
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
    """The parameters of a notebook in order, read from the cell tagged `parameters` without running it.

    Raises `InputError` if there is no such cell, more than one, or if it holds anything but assignments of literals.
    """
    name = notebook_name(source)
    tagged = [cell for cell in cells(source) if cell.type == "code" and "parameters" in cell.tags]
    if len(tagged) != 1:
        raise InputError(f"{name}: expected one code cell tagged 'parameters', found {len(tagged)}")
    found: dict[str, Parameter] = {}
    try:
        for statement in ast.parse(tagged[0].source).body:
            if (
                isinstance(statement, ast.AnnAssign)
                and isinstance(statement.target, ast.Name)
                and statement.value is not None
            ):
                target, annotation = statement.target.id, ast.unparse(statement.annotation)
            elif (
                isinstance(statement, ast.Assign)
                and len(statement.targets) == 1
                and isinstance(statement.targets[0], ast.Name)
            ):
                target, annotation = statement.targets[0].id, ""
            else:
                raise ValueError(ast.unparse(statement))
            found[target] = Parameter(target, annotation, ast.literal_eval(statement.value))
    except (SyntaxError, ValueError) as error:
        raise InputError(
            f"{name}: the parameters cell may hold only assignments of literals, not {error}"
        ) from error
    return found


def check_parameters(name: str, known: dict[str, Parameter], requested: dict) -> None:
    """Raise `InputError` for a requested parameter that the notebook `name` does not have, or whose type is not the annotated one."""
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
    """Every run of notebook x dataset x seed, in reading order; None keeps the notebook's own default.

    parameters: further values by name for all notebooks. Raises `InputError` for an unknown paper, step, dataset, scale or
    parameter name, for a value of the wrong type and for a missing root, before anything is run or written.
    """
    if scale is not None and scale not in SCALES:
        raise InputError(f"scale {scale!r} is unknown; there are: {', '.join(SCALES)}")
    if datasets:
        from mtattr.data import DATASETS

        for dataset in datasets:
            if dataset not in DATASETS:
                raise InputError(
                    f"dataset {dataset!r} is unknown; there are: {', '.join(DATASETS)}"
                )
    if root is not None and not root.is_dir():
        raise InputError(f"{root}: no such folder; --root is where the dataset's files lie")
    common = dict(parameters or {})
    common |= {"scale": scale} if scale is not None else {}
    common |= {"root": str(root.resolve())} if root is not None else {}

    runs, shared = [], _shared_digest(project)
    for source in project.select(papers, steps):
        known = parameters_of(source)
        code = digest_of(
            code_form(cell.source)
            for cell in cells(source)
            if cell.type == "code" and "parameters" not in cell.tags
        )
        for dataset in datasets or [None]:
            for seed in seeds if seeds is not None else [None]:
                asked = (
                    common
                    | ({} if dataset is None else {"dataset": dataset})
                    | ({} if seed is None else {"seed": seed})
                )
                check_parameters(notebook_name(source), known, asked)
                values = {
                    key: asked.get(key, parameter.default) for key, parameter in known.items()
                }
                changed = {
                    key: value for key, value in values.items() if value != known[key].default
                }
                run_id = digest_of(
                    [notebook_name(source), code, shared, repr(sorted(values.items()))]
                )
                runs.append(NotebookRun(source, values, changed, run_id))
    return runs


def _shared_digest(project: Project) -> str:
    """What every notebook depends on besides its own cells: library, committed evidence, versions."""
    evidence = project.root / "book" / "evidence"
    records = (
        [
            f"{path.name} {file_digest(path)}"
            for path in sorted(evidence.glob("*"))
            if path.is_file()
        ]
        if evidence.is_dir()
        else []
    )
    versions = [mtattr.__version__, importlib.metadata.version("torch")]
    return digest_of([library_digest(Path(mtattr.__file__).parent), *versions, *records])


def shard(runs: list[NotebookRun], text: str | None) -> list[NotebookRun]:
    """The i-th of n parts of the matrix, `text` being "i/n" with 1 <= i <= n; None gives all.

    Steps of one chapter with the same parameters stay together, because they share trained networks. Raises `InputError`.
    """
    if text is None:
        return runs
    try:
        part, count = (int(number) for number in text.split("/"))
    except ValueError as error:
        raise InputError(f"--shard {text!r}: expected i/n, for example 1/4") from error
    if not 1 <= part <= count:
        raise InputError(f"--shard {text!r}: expected 1 <= i <= n")
    return [
        run
        for number, chain in enumerate(chains(runs))
        if number % count == part - 1
        for run in chain
    ]


def chains(runs: list[NotebookRun]) -> list[list[NotebookRun]]:
    """The runs in groups that must go one after the other: the steps of one chapter on one dataset, scale and seed."""
    grouped: dict[tuple, list[NotebookRun]] = {}
    for run in runs:
        same = tuple(run.parameters.get(key) for key in ("dataset", "scale", "seed"))
        grouped.setdefault((run.source.parent.name, *same), []).append(run)
    return list(grouped.values())
