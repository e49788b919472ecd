"""Check a ledger from outside: every line's schema and hash, and in git that each claim came before its runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mtattr.errors import InputError
from mtattr.evidence.canonical import sha256_of
from mtattr.evidence.claim import claims_sha256
from mtattr.evidence.ledger import ledger_lines, parse_line
from mtattr.evidence.paper import Paper, load_paper, parse_yaml
from mtattr.evidence.record import check_record


@dataclass(frozen=True)
class Problem:
    """One finding: `level` is "error" or "note" (something that could not be checked); `where` is file:line."""

    level: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


def verify(path: str | Path, repository: str | Path) -> list[Problem]:
    """All problems of the ledger at `path`; an empty list, or notes alone, mean that it stands.

    Errors: a line that is no record or does not match its hash, a record given twice, a record of uncommitted code; and in
    git, a commit that does not exist or is no ancestor of HEAD, a claim that judges the record now and was not in that
    commit's `mtattr/<paper>/paper.yaml` in the same words, or a record that names another hash of the claims.
    A claim marked exploratory may come later. Without git or with its history cut off there is a note instead.
    Paths in messages are relative to `repository`.
    """
    path, repository = Path(path), Path(repository)
    name = _relative(path, repository)
    problems: list[Problem] = []
    records: list[tuple[str, dict[str, Any]]] = []
    first_seen: dict[str, str] = {}
    for number, line in ledger_lines(path):
        where = f"{name}:{number}"
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
    return problems + list(_check_history(name, records, repository))


def _relative(path: Path, repository: Path) -> str:
    try:
        return path.resolve().relative_to(repository.resolve()).as_posix()
    except ValueError:
        return path.name


def _check_history(
    name: str, records: list[tuple[str, dict[str, Any]]], repository: Path
) -> Iterator[Problem]:
    history = _History(repository)
    if not history.exists:
        yield Problem(
            "note", name, "no git history here: that claims came before runs was not checked"
        )
        return
    papers: dict[str, Paper | None] = {}
    for where, record in records:
        commit, paper_name = record["code"]["commit"], record["spec"]["paper"]
        if commit is None or record["code"]["dirty"]:
            yield Problem(
                "error",
                where,
                "the run's code was not committed, so nothing shows that the claim came first",
            )
            continue
        if missing := history.why_not_in_past(commit):
            yield Problem("note" if history.shallow else "error", where, missing)
            continue
        if paper_name not in papers:
            file = repository / "mtattr" / paper_name / "paper.yaml"
            try:
                papers[paper_name] = load_paper(file)
            except InputError as error:
                papers[paper_name] = None
                yield Problem(
                    "error",
                    f"mtattr/{paper_name}/paper.yaml",
                    str(error).replace(f"{repository}/", ""),
                )
        if (paper := papers[paper_name]) is not None:
            yield from _check_claims(where, record, paper, history)


def _check_claims(
    where: str, record: dict[str, Any], paper: Paper, history: _History
) -> Iterator[Problem]:
    commit = record["code"]["commit"]
    then = history.claims(commit, paper.name)
    if then is None:
        yield Problem(
            "error",
            where,
            f"commit {commit[:8]} has no readable claims in mtattr/{paper.name}/paper.yaml",
        )
        return
    if record["code"]["claims_sha256"] != claims_sha256(then):
        yield Problem(
            "error",
            where,
            f"code.claims_sha256 is not the hash of the claims at commit {commit[:8]}",
        )
    before = {claim.get("id"): sha256_of(claim) for claim in then if isinstance(claim, dict)}
    for claim in paper.claims:
        if (
            claim.exploratory
            or not claim.concerns(record)
            or not claim.judged_at(record["spec"]["scale"])
        ):
            continue
        if claim.id not in before:
            yield Problem(
                "error",
                where,
                f"claim {claim.id} was made after the run (commit {commit[:8]}) and is not marked exploratory",
            )
        elif before[claim.id] != claim.sha256:
            yield Problem(
                "error", where, f"claim {claim.id} was changed after the run (commit {commit[:8]})"
            )


class _History:
    """What git says about one repository; every question is asked once."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        self._past: dict[str, str] = {}
        self._claims: dict[tuple[str, str], list | None] = {}

    def _git(self, *arguments: str) -> subprocess.CompletedProcess[str] | None:
        # Inside a git hook these name another repository and would win over -C.
        environment = {
            key: value
            for key, value in os.environ.items()
            if key not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
        }
        command = ["git", "-C", str(self.repository), *arguments]
        try:
            return subprocess.run(
                command,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                check=False,
                env=environment,
            )
        except OSError:
            return None

    @cached_property
    def exists(self) -> bool:
        """Whether git runs and the folder belongs to a repository with a commit."""
        answer = self._git("rev-parse", "--verify", "--quiet", "HEAD")
        return answer is not None and answer.returncode == 0

    @cached_property
    def shallow(self) -> bool:
        """Whether the history is cut off, so that a missing commit proves nothing."""
        return self._git("rev-parse", "--is-shallow-repository").stdout.strip() == "true"

    def why_not_in_past(self, commit: str) -> str:
        """Why HEAD does not build on `commit`; empty if it does."""
        if commit not in self._past:
            if self._git("cat-file", "-e", f"{commit}^{{commit}}").returncode != 0:
                reason = f"commit {commit[:8]} is not in this repository"
            elif self._git("merge-base", "--is-ancestor", commit, "HEAD").returncode != 0:
                reason = f"commit {commit[:8]} is not in the past of HEAD"
            else:
                reason = ""
            self._past[commit] = reason and reason + (
                " (its history is cut off)" if self.shallow else ""
            )
        return self._past[commit]

    def claims(self, commit: str, paper: str) -> list | None:
        """The `claims` list of a paper as it stood at `commit`; None if it cannot be read."""
        key = (commit, paper)
        if key not in self._claims:
            self._claims[key] = self._read_claims(commit, paper)
        return self._claims[key]

    def _read_claims(self, commit: str, paper: str) -> list | None:
        answer = self._git("show", f"{commit}:./mtattr/{paper}/paper.yaml")
        if answer.returncode != 0:
            return None
        try:
            document = parse_yaml(answer.stdout, "paper.yaml")
        except InputError:
            return None
        claims = document.get("claims") if isinstance(document, dict) else None
        return claims if isinstance(claims, list) else None
