"""The book's sources: what the table of contents names exists, and nothing in them belongs to one machine."""

import re
from pathlib import Path

import yaml
from mtattr import PAPERS, evidence
from mtattr.evidence.block import EQUAL_VARIANCES, MINIMUM_VARIANTS
from mtattr.evidence.decision import ALPHA

ROOT = Path(__file__).parents[2]
SOURCES = [path for path in (ROOT / "book").rglob("*") if path.suffix in {".md", ".py", ".css", ".bib"}]
PAGES = sorted((ROOT / "book").rglob("*.md"))


def named(entry) -> list[str]:
    """All files that a part of _toc.yml names, in reading order."""
    if isinstance(entry, list):
        return [name for item in entry for name in named(item)]
    own = [entry[key] for key in ("root", "file") if key in entry]
    return own + [name for key in ("parts", "chapters", "sections") for name in named(entry.get(key, []))]


TOC = named(yaml.safe_load((ROOT / "_toc.yml").read_text()))


def test_every_entry_of_the_contents_exists():
    for name in TOC:
        assert any((ROOT / f"{name}{ending}").is_file() for ending in ("", ".md")), f"_toc.yml names {name}, but there is no such file"


def test_every_paper_has_its_places_in_the_book():
    texts = {name: (ROOT / f"book/{name}.md").read_text() for name in ("results", "errata", "api/index")}
    for paper in PAPERS:
        assert {f"book/{paper}", f"book/api/{paper}", f"notebooks/{paper}/build.ipynb"} <= set(TOC)
        for directive in ("verdicts", "results", "costs"):
            assert f"{{{directive}}} {paper}\n" in texts["results"], f"book/results.md has no {directive} of {paper}"
        assert f"{{errata}} {paper}\n" in texts["errata"], f"book/errata.md does not name {paper}"
        assert f"{{doc}}`{paper}`" in texts["api/index"], f"book/api/index.md does not name {paper}"


def test_every_page_is_in_the_contents_once():
    pages = {str(page.relative_to(ROOT).with_suffix("")) for page in PAGES}
    assert pages <= set(TOC), f"not in _toc.yml: {sorted(pages - set(TOC))}"
    assert len(set(TOC)) == len(TOC)


def test_notebooks_are_named_with_their_suffix_so_that_the_pair_does_not_clash():
    assert all(name.endswith(".ipynb") for name in TOC if name.startswith("notebooks/"))


def test_glossary_is_sorted_and_names_each_term_once():
    text = (ROOT / "book/glossary.md").read_text()
    body = text.split("```{glossary}\n")[1].split("\n```")[0]
    terms = [line.casefold() for line in body.splitlines() if line and not line.startswith(" ")]
    assert len(terms) > 25
    assert terms == sorted(set(terms))


def test_every_reference_is_cited():
    keys = re.findall(r"^@\w+\{([^,]+),", (ROOT / "book/references.bib").read_text(), re.M)
    places = [*PAGES, *(ROOT / "notebooks").rglob("*.py"), *(ROOT / "mtattr").rglob("paper.yaml")]
    text = "\n".join(page.read_text() for page in places)
    cited = {key.strip() for group in re.findall(r"\{cite:[a-z]+\}`([^`]+)`", text) for key in group.split(",")}
    assert len(set(keys)) == len(keys)
    assert set(keys) == cited, f"never cited: {sorted(set(keys) - cited)}; not in references.bib: {sorted(cited - set(keys))}"


MACHINE_PATH = re.compile(r"(?<![\w.\])}/])(/(home|root|Users|tmp|work|mnt|opt|data|scratch|srv|usr|var)/|[A-Za-z]:\\\\?Users)")


def test_no_source_names_a_path_of_one_machine():
    for path in SOURCES:
        hits = [line for line in path.read_text().splitlines() if MACHINE_PATH.search(line)]
        assert not hits, f"{path.relative_to(ROOT)}: {hits}"


def test_the_page_on_verdicts_states_the_words_and_numbers_of_the_code():
    text = (ROOT / "book/verdicts.md").read_text()
    rows = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", text, re.M))
    for word in evidence.VERDICTS:
        assert word in rows, f"book/verdicts.md does not explain {word!r}"
    fixed = {
        "fewest seeds of a verdict": evidence.MINIMUM_SEEDS,
        "share of the way from floor to ceiling that every run must cover": evidence.TRAINED_SHARE,
        "largest p-value of a decision, alone and after Holm's correction": ALPHA,
        "fewest variants of a block": MINIMUM_VARIANTS,
        "smallest p-value of equal spread in a block": EQUAL_VARIANCES,
    }
    for name, value in fixed.items():
        assert float(rows[name]) == value, name


def test_every_verdict_has_a_colour_of_its_own_or_the_common_one():
    styles = (ROOT / "book/_static/custom.css").read_text()
    for word in set(evidence.VERDICTS) - {"inconclusive", "not tested"}:
        assert f".verdict-{word.replace(' ', '-')}" in styles, word


def test_every_picture_of_a_page_has_words_for_it():
    for path in PAGES:
        text = path.read_text()
        assert not re.search(r"!\[\s*\]\(", text), f"{path.name}: an image without alt text"
        for directive in re.findall(r"```\{(?:image|figure)\}.*?```", text, re.S):
            assert ":alt:" in directive, f"{path.name}: {directive.splitlines()[0]} has no :alt:"


def test_mathematics_is_drawn_by_a_local_script_with_its_licence():
    config = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]
    script = ROOT / "book/_static" / config["mathjax_path"]
    assert script.is_file()
    assert "Apache License" in (script.parent / "LICENSE").read_text()
    assert sum(path.stat().st_size for path in script.parent.iterdir()) < 3e6
