"""The directives `{verdicts}`, `{results}`, `{costs}`, `{deviations}`, `{errata}` of one paper, and
`{tally}` and `{changes}` of all.

They read `paper.yaml` and the ledger whenever the book is built, so that no number on a page is
typed. Without records they say "not run yet".
"""

from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import ClassVar

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mtattr import PAPERS, evidence
from mtattr.errors import InputError

NOT_RUN = "**Not run yet.** The ledger holds no run of this chapter."
NOT_REDONE = "No verdict has changed, or the runs that would change one are still to be made."
KINDS = {"error": "An error", "ambiguity": "Ambiguous", "silence": "Not said"}


class EvidenceDirective(SphinxDirective):
    """Text made of one paper, its argument, and the records of its edition."""

    required_arguments = 1

    def papers(self) -> tuple[str, ...]:
        """Papers whose text this is made of."""
        return tuple(name for name in self.arguments if name in PAPERS) or tuple(PAPERS)

    def markdown(self, paper, records: list[dict]) -> str:
        raise NotImplementedError

    def text(self, records: list[dict]) -> str:
        paper = evidence.load_paper(self.arguments[0])
        records = [r for r in records if r["spec"]["paper"] == paper.name]
        return self.markdown(paper, evidence.of_edition(records, paper.edition))

    def run(self) -> list[nodes.Node]:
        ledger = Path(self.env.srcdir, self.config.evidence_ledger)
        try:
            text = self.text(evidence.read_ledger(ledger))
        except InputError as error:
            raise self.error(str(error)) from error
        for path in (ledger, *map(evidence.paper_file, self.papers())):
            self.env.note_dependency(str(path))
        box = nodes.container(classes=["evidence"])
        self.state.nested_parse(
            StringList(text.splitlines(), source=self.env.docname), self.content_offset, box
        )
        for cell in box.findall(nodes.entry):
            mark_verdict(cell)
        return [box]


def mark_verdict(cell: nodes.entry) -> None:
    """Give a cell that holds only a verdict the class that the style sheet colours."""
    text = cell.astext().strip()
    word = text.removeprefix("exploratory (").removesuffix(")")
    if word in evidence.VERDICTS:
        mark = nodes.inline(text, text, classes=["verdict", f"verdict-{word.replace(' ', '-')}"])
        cell[:] = [nodes.paragraph("", "", mark)]


class Verdicts(EvidenceDirective):
    """One table per scale that can give a verdict; before any run, the claims alone."""

    columns = (
        "claim",
        "verdict",
        "paper",
        "ours, mean [95 % CI]",
        "difference",
        "printed difference",
        "p",
        "power",
        "seeds",
        "interval from",
        "dataset",
        "where",
        "why",
        "records",
    )

    def markdown(self, paper, records: list[dict]) -> str:
        parts = []
        for scale in ("reduced", "paper"):
            specs = (record["spec"] for record in records)
            datasets = sorted({spec["dataset"] for spec in specs if spec["scale"] == scale})
            table = evidence.verdict_table(paper, records, scale=scale, datasets=datasets)
            run = evidence.to_markdown(replace(table, columns=self.columns))
            parts.append(run if datasets else f"**Scale {scale}: not run yet.**")
            if datasets and paper.pooled:
                pooled = evidence.pooled_table(paper, records, scale=scale)
                parts.append(evidence.to_markdown(pooled))
        if not records:
            table = evidence.verdict_table(paper, [], scale="paper")
            columns = ("claim", "paper", "dataset", "where", "verdict")
            claims = replace(table, caption="What will be judged", columns=columns)
            parts = [NOT_RUN, evidence.to_markdown(claims)]
        return "\n\n".join(parts)


class Tally(EvidenceDirective):
    """How often each verdict was given, by paper, at the scale of the option."""

    required_arguments = 0
    option_spec: ClassVar = {"scale": str}

    def text(self, records: list[dict]) -> str:
        papers = [evidence.load_paper(name) for name in PAPERS]
        return evidence.to_markdown(
            evidence.tally_table(papers, records, scale=self.options["scale"])
        )


class Changes(EvidenceDirective):
    """One table per paper of the verdicts that differ from those in the file of the argument."""

    def text(self, records: list[dict]) -> str:
        path = Path(self.env.srcdir, self.arguments[0])
        earlier, parts = evidence.read_earlier(path), []
        for paper in map(evidence.load_paper, PAPERS):
            mine = [r for r in records if r["spec"]["paper"] == paper.name]
            table = evidence.changes_table(paper, mine, earlier)
            title = f"## {paper.citation.authors[0]} et al. {paper.citation.year or ''}"
            parts += [title.rstrip(), evidence.to_markdown(table) if len(table) else NOT_REDONE]
        return "\n\n".join(parts)


class Results(EvidenceDirective):
    """One narrow table per scale and metric of the option `metrics`, separated by spaces."""

    option_spec: ClassVar = {"metrics": str.split}

    def markdown(self, paper, records: list[dict]) -> str:
        tables = [
            evidence.result_table(records, [metric], scale=scale)
            for scale in evidence.SCALES
            for metric in self.options["metrics"]
            if any(record["spec"]["scale"] == scale for record in records)
        ]
        texts = [evidence.to_markdown(without(table, "scale")) for table in tables]
        return "\n\n".join(texts) or NOT_RUN


class Costs(EvidenceDirective):
    """One table per scale: time, speed and size per kind of run, averaged over its runs."""

    measured: ClassVar = {
        "seconds": "seconds",
        "CPU seconds": "cpu_seconds",
        "images/s": "images_per_second",
        "parameters": "parameters",
    }

    def markdown(self, paper, records: list[dict]) -> str:
        columns = ("dataset", "backbone", "variant", "device", "runs", *self.measured)
        tables = []
        for scale in evidence.SCALES:
            groups: dict[tuple[str, ...], list[dict]] = {}
            for record in records:
                spec, device = record["spec"], record["environment"]["device"]
                if spec["scale"] == scale:
                    backbone = str(spec["settings"].get("backbone", "—"))
                    kind = (spec["dataset"], backbone, spec["variant"], device)
                    groups.setdefault(kind, []).append(record["cost"])
            rows = [
                (*kind, str(len(costs)), *(average(costs, name) for name in self.measured.values()))
                for kind, costs in groups.items()
            ]
            cells = tuple(dict(zip(columns, row, strict=True)) for row in rows)
            table = evidence.Table(f"Cost of one run, scale: {scale}", columns, cells)
            tables += [evidence.to_markdown(table)] * bool(rows)
        return "\n\n".join(tables) or NOT_RUN


def average(costs: list[dict], name: str) -> str:
    known = [cost[name] for cost in costs if cost.get(name) is not None]
    return f"{fmean(known):,.0f}" if known else "—"


def without(table: evidence.Table, column: str) -> evidence.Table:
    return replace(table, columns=tuple(name for name in table.columns if name != column))


class Deviations(EvidenceDirective):
    def markdown(self, paper, records: list[dict]) -> str:
        items = [
            f"**{row.item}**\n: *The paper:* {row.paper_says}\n: *Here:* {row.we_do}\n"
            f": *Why:* {row.why}\n: *Expected effect:* {row.expected_effect} "
            f"({'tested' if row.tested else 'not tested'})"
            for row in paper.deviations
        ]
        return "\n\n".join(items) or "None."


class Errata(EvidenceDirective):
    def markdown(self, paper, records: list[dict]) -> str:
        items = [
            f"**{row.item}** ({row.where})\n: *{KINDS[row.kind]}.* {row.finding}\n"
            f": *How we know:* {row.evidence}"
            for row in paper.errata
        ]
        return "\n\n".join(items) or "None found."


def setup(app: Sphinx) -> dict:
    app.add_config_value("evidence_ledger", "book/evidence/ledger.jsonl", "env")
    for directive in (Verdicts, Tally, Changes, Results, Costs, Deviations, Errata):
        app.add_directive(directive.__name__.lower(), directive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
