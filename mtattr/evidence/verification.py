"""Check of a ledger from outside: schema, hashes, and in git that claims came before runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from mtattr.canonical import sha256_of
from mtattr.errors import InputError
from mtattr.evidence.claim import claims_sha256
from mtattr.evidence.ledger import ledger_lines, parse_line
from mtattr.evidence.paper import Paper, load_paper, parse_yaml
from mtattr.evidence.record import check_record


@dataclass(frozen=True)
class Problem:
    """One finding.

    Args:
        level: "error", or "note" for something that could not be checked.
        where: file:line, the path relative to the repository.
        message: what is wrong.
    """

    level: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


def verify(path: str | Path, repository: str | Path) -> list[Problem]:
    """All problems of the ledger at `path`; if there are none, or only notes, it stands.

    Errors are: a line that is not a record or does not match its hash, a record given twice, a
    record of uncommitted code; and in git, a commit that does not exist or is not an ancestor of
    HEAD, a claim about the record that was not in that commit's `paper.yaml` in the same words, or
    a record that names another hash of the claims. A claim marked exploratory may come later.
    Without git, or with its history cut off, there is a note instead.
    """
    path, repository = Path(path), Path(repository)
    inside = path.resolve().is_relative_to(repository.resolve())
    name = path.resolve().relative_to(repository.resolve()).as_posix() if inside else path.name
    problems: list[Problem] = []
    records: list[tuple[str, dict[str, Any]]] = []
    first_seen: dict[str, str] = {}
    for where, line in ledger_lines(path, name):
        try:
            record = check_record(parse_line(line, where), where)
        except InputError as error:
            problems.append(Problem("error", where, str(error).removeprefix(f"{where}: ")))
            continue
        if earlier := first_seen.get(record["sha256"]):
            problems.append(Problem("error", where, f"the record of {earlier} is given again"))
            continue
        first_seen[record["sha256"]] = where
        records.append((where, record))
    history = _History(repository)
    if history.exists:
        return (
            problems
            + [
                Problem(level, where, message)
                for where, record in records
                for level, message in _check_history(record, history)
            ]
            + [Problem("error", *fault) for fault in history.faults.items()]
        )
    message = "no git history here: that claims came before runs was not checked"
    return [*problems, Problem("note", name, message)]


def claims_at(repository: str | Path, commit: str, paper: str) -> list | None:
    """Claims of a paper as they stood at a commit of a git repository; None if unreadable there."""
    answer = _git(repository, "show", f"{commit}:./mtattr/{paper}/paper.yaml")
    if answer is None or answer.returncode:
        return None
    try:
        document = parse_yaml(answer.stdout, "paper.yaml")
    except InputError:
        return None
    claims = document.get("claims") if isinstance(document, dict) else None
    return claims if isinstance(claims, list) else None


def _check_history(record: dict[str, Any], history: _History) -> Iterator[tuple[str, str]]:
    """Level and message of each fault that the history shows."""
    code, spec = record["code"], record["spec"]
    commit = code["commit"]
    if commit is None or code["dirty"]:
        yield (
            "error",
            "the run's code was not committed, so nothing shows that the claim came first",
        )
        return
    if missing := history.why_not_in_past(commit):
        yield "note" if history.shallow else "error", missing
        return
    paper = history.paper(spec["paper"])
    if paper is None:
        return
    then = history.claims(commit, paper.name)
    if then is None:
        file = f"mtattr/{paper.name}/paper.yaml"
        yield "error", f"commit {commit[:8]} has no readable claims in {file}"
        return
    if code["claims_sha256"] != claims_sha256(then):
        yield "error", f"code.claims_sha256 is not the hash of the claims at commit {commit[:8]}"
    before = {claim.get("id"): sha256_of(claim) for claim in then if isinstance(claim, dict)}
    for claim in paper.claims:
        judges = claim.concerns(record) and claim.judged_at(spec["scale"])
        if claim.exploratory or not judges or before.get(claim.id) == claim.sha256:
            continue
        if claim.id in before:
            yield "error", f"claim {claim.id} was changed after the run (commit {commit[:8]})"
        else:
            yield (
                "error",
                f"claim {claim.id} was made after the run (commit {commit[:8]}) "
                "and is not marked exploratory",
            )


class _History:
    """Git's answers about one repository; every question is asked once."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        #: Files of papers that cannot be read, and why.
        self.faults: dict[str, str] = {}
        self.claims = cache(lambda commit, paper: claims_at(repository, commit, paper))
        self.paper = cache(self._paper)
        self.why_not_in_past = cache(self._why_not_in_past)

    @cached_property
    def exists(self) -> bool:
        """Whether git runs and the folder belongs to a repository with a commit."""
        answer = _git(self.repository, "rev-parse", "--verify", "--quiet", "HEAD")
        return answer is not None and answer.returncode == 0

    @cached_property
    def shallow(self) -> bool:
        """Whether the history is cut off, so that a missing commit proves nothing."""
        answer = _git(self.repository, "rev-parse", "--is-shallow-repository")
        return answer.stdout.strip() == "true"

    def _paper(self, name: str) -> Paper | None:
        file = f"mtattr/{name}/paper.yaml"
        try:
            return load_paper(self.repository / file)
        except InputError as error:
            self.faults[file] = str(error).replace(f"{self.repository}/", "")
            return None

    def _why_not_in_past(self, commit: str) -> str:
        if _git(self.repository, "cat-file", "-e", f"{commit}^{{commit}}").returncode:
            reason = f"commit {commit[:8]} is not in this repository"
        elif _git(self.repository, "merge-base", "--is-ancestor", commit, "HEAD").returncode:
            reason = f"commit {commit[:8]} is not in the past of HEAD"
        else:
            return ""
        return reason + " (its history is cut off)" * self.shallow


def _git(repository: str | Path, *arguments: str) -> subprocess.CompletedProcess[str] | None:
    # Inside a git hook these name another repository and would win over -C.
    hidden = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
    try:
        return subprocess.run(
            ["git", "-C", str(repository), *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            env={key: value for key, value in os.environ.items() if key not in hidden},
        )
    except OSError:
        return None
