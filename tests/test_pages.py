import textwrap

from mtattr import pages
from mtattr.evidence import Table, load_paper
from mtattr.pages import course_ledger, show_source, show_table


def sample(x: int) -> int:
    """One line.

    And more.
    """
    # Why it doubles.
    return 2 * x


def test_source_is_shown_without_its_docstring():
    shown = show_source(sample).data
    assert (
        shown
        == "```python\n"
        + textwrap.dedent("""\
        def sample(x: int) -> int:
            # Why it doubles.
            return 2 * x""")
        + "\n```"
    )
    assert sample(2) == 4


def test_table_keeps_the_asked_columns_in_order():
    table = Table("Cap", ("a", "b", "c"), ({"a": "1", "b": "2", "c": "3"},))
    shown = show_table(table, columns=("c", "a")).data
    assert "Cap" in shown
    assert "| c | a |" in shown
    assert "| 3 | 1 |" in shown
    assert "2" not in shown


def test_heads_can_be_shortened():
    table = Table("Cap", ("long name", "b"), ({"long name": "1", "b": "2"},))
    shown = show_table(table, columns={"b": "B", "long name": "l"}).data
    assert "| B | l |" in shown
    assert "| 2 | 1 |" in shown


def test_no_ledger_outside_a_checkout(tmp_path):
    assert course_ledger(tmp_path) == []


def test_records_are_of_one_paper_scale_and_the_present_edition(monkeypatch):
    def record(paper, scale, edition):
        return {"spec": {"paper": paper, "scale": scale}, "edition": edition}

    edition = load_paper("adaptive_weighting").edition
    mine = record("adaptive_weighting", "reduced", edition)
    others = [
        record("adaptive_sharing", "reduced", edition),
        record("adaptive_weighting", "smoke", edition),
        record("adaptive_weighting", "reduced", edition - 1),
    ]
    monkeypatch.setattr(pages, "course_ledger", lambda: [*others, mine])
    assert pages.records_of("adaptive_weighting") == [mine]


def test_a_finding_is_drawn_and_said_whatever_is_on_record(monkeypatch):
    monkeypatch.setattr(pages, "course_ledger", list)
    said = pages.show_finding(
        "adaptive_weighting",
        [("weighted − basic", "weighted-beats-basic-duke", "duke-twin")],
        statement="weights help",
        about=["weighted-beats-basic-duke"],
        so_what={"yes": "use them"},
        title="weights",
    )
    assert "weights help: not run yet" in said.data
    assert "not on record yet" in said.data
    assert "use them" not in said.data
