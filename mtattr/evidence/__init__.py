"""Claims and printed numbers of the papers, run records, the ledger, and verdicts."""

from mtattr.canonical import canonical_json, sha256_of
from mtattr.evidence.by_seed import (
    interval_words,
    measures,
    paired_difference,
    runs_by_seed,
    values_by_seed,
)
from mtattr.evidence.claim import Claim, claims_sha256
from mtattr.evidence.earlier import changes_table, read_earlier
from mtattr.evidence.family import judge_all, tally
from mtattr.evidence.finding import ANSWERS, answer, certainty, count_words, finding
from mtattr.evidence.gate import TRAINED_SHARE
from mtattr.evidence.ledger import append, find_record, ledger_lines, read_ledger, remove_edition
from mtattr.evidence.paper import (
    Artefact,
    Citation,
    Deviation,
    Erratum,
    Paper,
    Pooling,
    PublishedTable,
    load_paper,
    paper_file,
)
from mtattr.evidence.paper_tables import (
    artefact_table,
    deviation_table,
    errata_table,
    published_table,
)
from mtattr.evidence.pooling import Pooled, pool
from mtattr.evidence.record import (
    RECORD_SCHEMA,
    check_record,
    edition_of,
    measure,
    of_edition,
    seal,
    short_id,
)
from mtattr.evidence.repetition import ABSENT, Repeated, causes, compare, rerun
from mtattr.evidence.summaries import pooled_table, pooled_words, tally_table
from mtattr.evidence.table import Table, format_interval, format_number, to_html, to_markdown
from mtattr.evidence.tables import claims_table, result_table, verdict_table, verdict_words
from mtattr.evidence.verdict import MINIMUM_SEEDS, VERDICTS, Verdict, judge
from mtattr.evidence.verification import Problem, claims_at, verify
from mtattr.training.spec import SCALES

__all__ = [
    "ABSENT",
    "ANSWERS",
    "MINIMUM_SEEDS",
    "RECORD_SCHEMA",
    "SCALES",
    "TRAINED_SHARE",
    "VERDICTS",
    "Artefact",
    "Citation",
    "Claim",
    "Deviation",
    "Erratum",
    "Paper",
    "Pooled",
    "Pooling",
    "Problem",
    "PublishedTable",
    "Repeated",
    "Table",
    "Verdict",
    "answer",
    "append",
    "artefact_table",
    "canonical_json",
    "causes",
    "certainty",
    "changes_table",
    "check_record",
    "claims_at",
    "claims_sha256",
    "claims_table",
    "compare",
    "count_words",
    "deviation_table",
    "edition_of",
    "errata_table",
    "find_record",
    "finding",
    "format_interval",
    "format_number",
    "interval_words",
    "judge",
    "judge_all",
    "ledger_lines",
    "load_paper",
    "measure",
    "measures",
    "of_edition",
    "paired_difference",
    "paper_file",
    "pool",
    "pooled_table",
    "pooled_words",
    "published_table",
    "read_earlier",
    "read_ledger",
    "remove_edition",
    "rerun",
    "result_table",
    "runs_by_seed",
    "seal",
    "sha256_of",
    "short_id",
    "tally",
    "tally_table",
    "to_html",
    "to_markdown",
    "values_by_seed",
    "verdict_table",
    "verdict_words",
    "verify",
]
