import copy
import os
import shutil
import subprocess

import pytest
import yaml
from mtattr.evidence import append, claims_sha256, paper_file, verify

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

PAPER = yaml.safe_load(paper_file("attribute_estimation").read_text(encoding="utf-8"))
CLAIM = {
    "id": "pm-beats-cm",
    "statement": "PM is better.",
    "where": "Table 2",
    "metric": "class_accuracy",
    "kind": "greater",
    "a": "PM",
    "b": "CM",
    "datasets": ["digits"],
    "minimum_scale": "reduced",
}


class Checkout:
    """A real git repository with one paper and one ledger."""

    def __init__(self, folder):
        self.folder = folder
        self.ledger = folder / "book" / "evidence" / "ledger.jsonl"
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.steps = 0

    def git(self, *arguments):
        environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *identity, "-C", str(self.folder), *arguments], check=True, capture_output=True, text=True, env=environment
        )
        return done.stdout.strip()

    def commit(self, claims, edition=1):
        self.write(claims, edition)
        self.git("add", "--all")
        self.steps += 1
        self.git("commit", "--quiet", "--allow-empty", "--message", f"step {self.steps}")
        return self.git("rev-parse", "HEAD")

    def write(self, claims, edition=1):
        path = self.folder / "mtattr" / "attribute_estimation" / "paper.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        changed = PAPER | {"edition": edition, "claims": claims, "pooled": []}
        path.write_text(yaml.safe_dump(changed), encoding="utf-8")

    def problems(self):
        return [(problem.level, problem.where, problem.message) for problem in verify(self.ledger, self.folder)]


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path / "repository")


def edited(**changes):
    return copy.deepcopy(CLAIM) | changes


def run_at(make_record, commit, claims, **changes):
    return make_record(0.5, code__commit=commit, code__claims_sha256=claims_sha256(claims), **changes)


def test_a_claim_made_before_the_run_stands(checkout, make_record):
    commit = checkout.commit([CLAIM])
    append(checkout.ledger, [run_at(make_record, commit, [CLAIM])])
    checkout.commit([CLAIM, edited(id="elsewhere", datasets=["svhn"]), edited(id="larger", minimum_scale="paper")])
    assert checkout.problems() == []


@pytest.mark.parametrize(
    ("claims_now", "message"),
    [
        ([edited(margin=0.001)], "claim pm-beats-cm was changed after the run"),
        ([CLAIM, edited(id="late")], "claim late was made after the run"),
        ([CLAIM, edited(id="late", exploratory=True)], None),
        ([], None),
    ],
)
def test_a_claim_made_or_changed_after_the_run_is_found(checkout, make_record, claims_now, message):
    commit = checkout.commit([CLAIM])
    append(checkout.ledger, [run_at(make_record, commit, [CLAIM])])
    checkout.commit(claims_now)
    if message is None:
        assert checkout.problems() == []
    else:
        [(level, where, found)] = checkout.problems()
        assert (level, where) == ("error", "book/evidence/ledger.jsonl:1")
        assert message in found
        assert commit[:8] in found


def test_a_claim_that_is_not_committed_yet_is_no_earlier_for_it(checkout, make_record):
    commit = checkout.commit([])
    append(checkout.ledger, [run_at(make_record, commit, [])])
    checkout.write([CLAIM])
    assert [level for level, _, message in checkout.problems() if "made after" in message] == ["error"]


def test_smoke_runs_judge_nothing_and_need_no_claim(checkout, make_record):
    commit = checkout.commit([])
    append(checkout.ledger, [run_at(make_record, commit, [], spec__scale="smoke")])
    checkout.commit([CLAIM])
    assert checkout.problems() == []


def test_a_new_edition_does_not_judge_the_old_records_and_is_bound_by_its_own(checkout, make_record):
    old = checkout.commit([CLAIM])
    second = edited(margin=0.002, smallest_effect=0.01)
    new = checkout.commit([second], edition=2)
    runs = [run_at(make_record, old, [CLAIM]), run_at(make_record, new, [second], spec__seed=1, edition=2)]
    append(checkout.ledger, runs)
    assert checkout.problems() == []
    checkout.commit([edited(margin=0.001, smallest_effect=0.01)], edition=2)
    [(_, where, message)] = checkout.problems()
    assert where == "book/evidence/ledger.jsonl:2"
    assert "was changed after the run" in message


def test_commits_must_exist_and_lie_in_the_past(checkout, make_record):
    first = checkout.commit([CLAIM])
    checkout.git("switch", "--quiet", "--create", "side")
    side = checkout.commit([CLAIM])
    checkout.git("switch", "--quiet", "main")
    checkout.commit([CLAIM])
    runs = [run_at(make_record, commit, [CLAIM], spec__seed=i) for i, commit in enumerate((first, side, "0" * 40))]
    append(checkout.ledger, runs)
    found = checkout.problems()
    assert [where.rsplit(":")[-1] for _, where, _ in found] == ["2", "3"]
    assert "not in the past of HEAD" in found[0][2]
    assert "not in this repository" in found[1][2]
    assert {level for level, _, _ in found} == {"error"}


def test_the_hash_of_the_claims_in_the_record_must_be_that_of_the_commit(checkout, make_record):
    commit = checkout.commit([CLAIM])
    append(checkout.ledger, [run_at(make_record, commit, [])])
    [(level, _, message)] = checkout.problems()
    assert level == "error"
    assert "claims_sha256" in message


def test_uncommitted_code_and_records_given_twice_are_errors(checkout, make_record):
    commit = checkout.commit([CLAIM])
    append(checkout.ledger, [run_at(make_record, commit, [CLAIM], code__dirty=True)], allow_dirty=True)
    line = checkout.ledger.read_text()
    checkout.ledger.write_text(line + line)
    (_, first, again), (_, second, dirty) = checkout.problems()
    assert (first, second) == ("book/evidence/ledger.jsonl:2", "book/evidence/ledger.jsonl:1")
    assert "given again" in again
    assert "not committed" in dirty


def test_a_commit_without_the_paper_cannot_have_made_the_claim(checkout, make_record):
    (checkout.folder / "readme").write_text("x")
    checkout.git("add", "--all")
    checkout.git("commit", "--quiet", "--message", "start")
    commit = checkout.git("rev-parse", "HEAD")
    append(checkout.ledger, [run_at(make_record, commit, [CLAIM])])
    checkout.commit([CLAIM])
    [(level, _, message)] = checkout.problems()
    assert level == "error"
    assert "no readable claims" in message


def test_a_shallow_clone_gets_notes(checkout, make_record, tmp_path):
    commit = checkout.commit([CLAIM])
    append(checkout.ledger, [run_at(make_record, commit, [CLAIM])])
    checkout.commit([CLAIM, edited(id="late")])
    clone = tmp_path / "clone"
    checkout.git("clone", "--quiet", "--depth", "1", f"file://{checkout.folder}", str(clone))
    found = verify(clone / "book" / "evidence" / "ledger.jsonl", clone)
    assert [problem.level for problem in found] == ["note"]


def test_without_git_there_is_one_note(checkout, make_record, monkeypatch):
    append(checkout.ledger, [make_record(0.5)])
    assert [level for level, _, _ in checkout.problems()] == ["note"]
    monkeypatch.setenv("PATH", "")
    assert [level for level, _, _ in checkout.problems()] == ["note"]


def test_messages_hold_no_path_of_this_machine(checkout, make_record):
    commit = checkout.commit([CLAIM])
    append(checkout.ledger, [run_at(make_record, commit, [CLAIM], spec__paper="channel_attention")])
    checkout.ledger.write_text(checkout.ledger.read_text() + "{\n")
    found = checkout.problems()
    assert len(found) == 2
    assert not any(str(checkout.folder) in text for problem in found for text in problem)
