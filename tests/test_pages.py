import textwrap

from mtattr.evidence import Table
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
