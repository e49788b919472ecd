from pathlib import Path

from hypothesis import settings


def test_no_property_has_a_deadline_in_whatever_folder_it_runs():
    assert settings().deadline is None
    below = [path for path in Path(__file__).parent.glob("*/conftest.py") if "load_profile" in path.read_text()]
    assert below == [], "a profile of one folder does not hold when another folder runs alone"
