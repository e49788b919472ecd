import copy
import json
from pathlib import Path

import pytest
import yaml
from mtattr import PAPERS
from mtattr.errors import InputError
from mtattr.evidence import claims_sha256, load_paper, paper_file
from mtattr.evidence.paper import read_paper
from scipy import stats

MAEDA = "attribute_estimation"


@pytest.fixture(scope="module")
def document():
    return yaml.safe_load(paper_file(MAEDA).read_text(encoding="utf-8"))


def written(tmp_path, document):
    path = tmp_path / "paper.yaml"
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def test_every_papers_file_is_valid_and_carries_the_name_of_its_package():
    for name in PAPERS:
        paper = load_paper(name)
        assert paper.name == name
        assert paper.claims, name
    assert paper == load_paper(paper_file(name))


def test_the_hash_is_that_of_the_list_as_written(document, tmp_path):
    assert load_paper(MAEDA).claims_sha256 == claims_sha256(document["claims"])
    changed = copy.deepcopy(document)
    changed["errata"] = []
    assert load_paper(written(tmp_path, changed)).claims_sha256 == load_paper(MAEDA).claims_sha256
    changed["claims"][0]["tolerance"] = 0.011
    edited = load_paper(written(tmp_path, changed))
    assert edited.claims_sha256 != load_paper(MAEDA).claims_sha256
    assert edited.claims[0].sha256 != load_paper(MAEDA).claims[0].sha256
    assert edited.claims[1].sha256 == load_paper(MAEDA).claims[1].sha256


def test_printed_numbers_of_a_claim_are_those_of_the_table():
    paper = load_paper(MAEDA)
    accuracy, seconds = paper.table("class-accuracy"), paper.table("training-seconds")
    compared = 0
    for claim in paper.claims:
        if claim.published and claim.kind in ("greater", "ratio"):
            table = seconds if claim.metric.startswith("cost.") else accuracy
            row = claim.settings["backbone"]
            assert {side: claim.published[side] for side in "ab"} == {"a": table.value(row, claim.a), "b": table.value(row, claim.b)}
            compared += 1
    assert compared == 6


def test_the_arithmetic_of_the_errata():
    paper = load_paper(MAEDA)
    evidence = {erratum.item: erratum.evidence for erratum in paper.errata}
    counts = paper.table("image-counts")
    totals = {column: sum(counts.value(row, column) for row in counts.rows) for column in counts.columns}
    assert totals == {"Blouse": 24557, "Tank": 15429, "Shorts": 19666, "Skirt": 14774}
    assert "= 14774" in evidence["Skirts total"]
    assert min(counts.rows["train"]) > 10_000
    assert f"= {max(counts.rows['train']) / min(counts.rows['train']):.2f}." in evidence["Classes of similar size"]
    assert f"= {max(counts.rows['test']) / sum(counts.rows['test']):.3f} on" in evidence["Classes of similar size"]

    def layer(fan_in, units):
        return fan_in * units + units

    attribute_branch = layer(2048, 1024) + layer(1024, 200)
    sizes = (
        attribute_branch + layer(2048 + 200, 512) + layer(512, 4),
        attribute_branch + layer(2048, 1024) + layer(1024, 4),
        attribute_branch + layer(1024, 4),
    )
    assert all(f"{size:,}" in evidence["Almost the same number of neurons"] for size in sizes)

    difference = paper.claims[0].published["a"] - paper.claims[0].published["b"]
    p = paper.table("welch-test").value("inception", "p")
    for df, t in ((8, "2.83"), (4, "3.64")):
        exact = stats.t.isf(p / 2, df)
        assert f"{exact:.2f}" == t
        assert t in evidence["Printed accuracies"]
        assert f"{difference / exact * 2.5**0.5:.3f}" in evidence["Printed accuracies"]


POOLED = {"id": "all", "statement": "s", "claims": ["nobody"]}
FAULTS = [
    (lambda d: d["claims"][2].update(kind="bigger"), r"paper\.yaml: claims\[2\]\.kind: expected one of greater, .*\"bigger\""),
    (lambda d: d["claims"][0].pop("b"), r"claims\[0\]: claim pm-beats-cm-inception: .*needs b"),
    (lambda d: d["claims"][0].pop("tolerance"), r"claims\[0\].*need a tolerance"),
    (lambda d: d["claims"][0].update(b="PM"), r"claims\[0\].*two variants"),
    (lambda d: d["claims"][0].update(minimum_scale="smoke"), r"claims\[0\]\.minimum_scale"),
    (lambda d: d["claims"][0].update(id="PM beats CM"), r"claims\[0\]\.id"),
    (lambda d: d["claims"][1].update(id=d["claims"][0]["id"]), r"claims: .*pm-beats-cm-inception is given twice"),
    (lambda d: d["claims"][0].update(colour="red"), r"claims\[0\]: .*colour"),
    (lambda d: d["claims"][0].update(published={"a": "0.883"}), r"claims\[0\]\.published\.a: expected number"),
    (lambda d: d["claims"][0].pop("smallest_effect"), r"claims\[0\].*needs a smallest_effect from edition 2 on"),
    (lambda d: d["claims"][0].update(smallest_effect=0), r"claims\[0\]\.smallest_effect"),
    (lambda d: d["claims"][0].update(exploratory=True, primary=True), r"claims\[0\].*exploratory claim cannot be primary"),
    (
        lambda d: d["claims"][0].update(kind="equivalent", margin=0.02),
        r"claims\[0\].*smallest_effect of an equivalence is its margin, 0\.02",
    ),
    (lambda d: d["claims"][0].update(learned_tasks=0), r"claims\[0\]\.learned_tasks"),
    (lambda d: d.update(edition=0), r"edition"),
    (lambda d: d.update(pooled=[POOLED]), r"pooled\[0\]\.claims: nobody is no claim that compares"),
    (lambda d: d.update(pooled=[POOLED, POOLED]), r"pooled: expected distinct ids"),
    (lambda d: d["tables"][0]["rows"]["train"].pop(), r"tables\[0\]\.rows\.train: expected 4 numbers.*got 3"),
    (lambda d: d["citation"].pop("title"), r"citation: .*title"),
    (lambda d: d.pop("errata"), r"top level: .*errata"),
    (lambda d: d["deviations"][0].update(tested="no"), r"deviations\[0\]\.tested: expected boolean"),
]


def test_a_fault_is_named_with_place_in_one_line(document):
    # From a JSON copy: reading YAML takes longer than all else.
    text = json.dumps(document)
    for edit, message in FAULTS:
        changed = json.loads(text)
        edit(changed)
        with pytest.raises(InputError, match=message) as caught:
            read_paper(json.dumps(changed), "paper.yaml")
        assert "\n" not in str(caught.value), message


def test_text_that_is_no_paper_is_named_with_its_line(tmp_path):
    for text, message in (
        ("name: a\nname: b\n", r"paper\.yaml:2: .*'name' is given twice"),
        ("name: [a\n", r"paper\.yaml:\d+: expected valid YAML"),
        ("!!python/object/apply:os.getcwd []\n", r"paper\.yaml:1: expected valid YAML"),
        ("- 1\n", r"top level: expected object"),
        ("", r"top level: expected object, got null"),
    ):
        with pytest.raises(InputError, match=message):
            load_paper(written(tmp_path, text))


def test_missing_names_are_answered_with_those_that_exist(tmp_path):
    with pytest.raises(InputError, match="attribute_estimation"):
        load_paper("attribute_guessing")
    with pytest.raises(InputError, match=r"nowhere\.yaml: expected a readable"):
        load_paper(tmp_path / "nowhere.yaml")
    with pytest.raises(InputError, match="image-counts"):
        load_paper(MAEDA).table("table-9")
    with pytest.raises(InputError, match="there are PM, CM"):
        load_paper(MAEDA).table("class-accuracy").value("inception", "XM")


def test_every_artefact_names_a_chapter_of_its_room():
    assert all(Path(artefact.notebook).parts[0] == MAEDA for artefact in load_paper(MAEDA).artefacts)


def claims_of(document, edition, *items):
    base = {"statement": "s", "where": "Table 1", "metric": "f1", "kind": "greater", "a": "PM", "b": "CM", "datasets": ["digits"]}
    claims = [base | {"id": f"c{i}", "minimum_scale": "reduced"} | item for i, item in enumerate(items)]
    return read_paper(json.dumps(document | {"edition": edition, "claims": claims, "pooled": []}), "paper.yaml").claims


def test_a_claim_without_an_edition_belongs_to_the_first_and_needs_no_smallest_effect(document):
    old = {key: value for key, value in document.items() if key not in ("edition", "pooled")}
    read = read_paper(json.dumps(old), "paper.yaml")
    assert (read.edition, {claim.edition for claim in read.claims}) == (1, {1})
    assert claims_of(document, 1, {})[0].smallest_effect is None


def test_the_margin_of_an_equivalence_is_its_smallest_effect(document):
    [claim] = claims_of(document, 2, {"kind": "equivalent", "margin": 0.01})
    assert claim.smallest_effect == 0.01


def test_primary_are_the_papers_own_claims_unless_the_file_says_otherwise(document):
    items = [{}, {"where": "ours"}, {"exploratory": True}, {"primary": False}, {"where": "ours", "primary": True}]
    claims = claims_of(document, 1, *items)
    assert [claim.primary for claim in claims] == [True, False, False, False, True]


def test_claims_of_one_block_share_the_variants_that_they_name(document):
    items = [{"block": "one"}, {"block": "one", "b": "XM"}, {"block": "two", "a": "Ideal"}, {}]
    assert [claim.block_variants for claim in claims_of(document, 1, *items)] == [
        ("CM", "PM", "XM"), ("CM", "PM", "XM"), ("CM", "Ideal"), ()
    ]  # fmt: skip
