import copy
import json
import math
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator
from mtattr.errors import InputError
from mtattr.evidence import check_record, edition_of, of_edition, seal, short_id
from mtattr.evidence.record import floor_of, measure


def test_sealing_twice_changes_nothing_and_survives_json(make_record):
    record = make_record(0.25)
    assert seal(record) == record
    assert check_record(json.loads(json.dumps(record))) == record
    assert short_id(record) == record["sha256"][:8]


def test_nan_is_kept_as_null(make_record):
    assert make_record(math.nan)["metrics"]["selected"]["class_accuracy"] is None


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from leaves(item, (*path, i))
    else:
        yield path


def test_no_number_or_text_of_a_record_can_be_changed_unseen(make_record):
    record = make_record(0.25)
    for path in leaves(record):
        changed = copy.deepcopy(record)
        holder = changed
        for step in path[:-1]:
            holder = holder[step]
        old = holder[path[-1]]
        holder[path[-1]] = (not old) if isinstance(old, bool) else old + 1 if isinstance(old, int | float) else f"{old or ''}x"
        with pytest.raises(InputError):
            check_record(changed)


BROKEN = [
    ({"spec__scale": "huge"}, r"spec\.scale: expected one of smoke, reduced, paper, got \"huge\""),
    ({"spec__seed": -1}, r"spec\.seed"),
    ({"spec__root": "x"}, r"spec: unknown key root, expected only paper,"),
    ({"data__generated": "no"}, r"data\.generated: expected boolean"),
    ({"code__commit": "abc"}, r"code\.commit"),
    ({"data__splits": {"train": 1, "val": 1}}, r"data\.splits: expected the key test"),
    ({"selection__epoch": 9}, r"selection\.epoch is 9"),
    ({"task_metrics__accuracy": [0.5]}, r"task_metrics\.accuracy has 1 values"),
    ({"data__source": "/home/someone/images"}, r"data\.source is a path of one machine"),
    ({"spec__settings": {"root": "C:\\images"}}, r"spec\.settings\.root is a path of one machine"),
    ({"metrics__selected": {"class_accuracy": "0.5"}}, r"metrics\.selected\.class_accuracy: expected number or null"),
    ({"metrics__selected": {"class_accuracy": True}}, r"metrics\.selected\.class_accuracy: expected number or null, got true"),
    ({"task_metrics__accuracy": [0.5, "0.75"]}, r"task_metrics\.accuracy\[1\]: expected number or null"),
    ({"task_metrics__accuracy": [0.5, False]}, r"task_metrics\.accuracy\[1\]: expected number or null, got false"),
    ({"task_metrics__accuracy": {"class": 0.5}}, r"task_metrics\.accuracy: expected array"),
]


def test_a_record_that_breaks_a_rule_is_refused_with_its_place(make_record):
    for change, message in BROKEN:
        with pytest.raises(InputError, match=message):
            seal(make_record(sealed=False, **change))


def test_what_was_learned_and_the_edition_may_be_said(make_record):
    record = make_record(0.5, edition=2)
    assert (edition_of(record), edition_of(make_record(0.5))) == (2, 1)
    assert of_edition([record, make_record(0.5)], 2) == [record]
    assert make_record(0.5, edition=2, learned={"share": None, "tasks_above_floor": None})["learned"]["share"] is None
    for changes, message in (({"edition": 0}, "edition"), ({"learned": {"share": "most"}}, r"learned\.share: expected number or null")):
        with pytest.raises(InputError, match=message):
            make_record(0.5, **({"edition": 2} | changes))


def test_every_section_is_needed(make_record):
    for field in ("spec", "metrics", "data", "code", "floors", "schema"):
        record = make_record(sealed=False)
        del record[field]
        with pytest.raises(InputError, match=field):
            seal(record)


def test_rows_of_a_history_hold_one_number_per_task(make_record):
    record = make_record(sealed=False)
    good = record | {"task_history": {"weight": [[1.0, None], [2, 0.5]]}}
    assert check_record(seal(good))["task_history"] == good["task_history"]
    for row, message in (([1.0], "has 1 values"), ([1.0, True], r"weight\[0\]\[1\]: expected number or null"), (3, "expected array")):
        with pytest.raises(InputError, match=message):
            seal(record | {"task_history": {"weight": [row]}})


def test_the_schemas_are_schemas():
    for name in ("paper", "record"):
        text = files("mtattr.evidence").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
        Draft202012Validator.check_schema(json.loads(text))


def test_an_unsealed_record_is_no_evidence(make_record):
    with pytest.raises(InputError, match="sha256 is missing"):
        check_record(make_record(sealed=False))


def test_what_was_drawn_is_the_truth_and_the_labels_are_where_nothing_was(make_record):
    numbers = {"class_accuracy": 0.5, "true_class_accuracy": 0.75}
    drawn = make_record(metrics__selected=numbers, floors__true_class_accuracy=0.25, data__generated=True)
    assert measure(drawn, "true_class_accuracy") == 0.75
    assert measure(drawn, "class_accuracy") == 0.5
    assert floor_of(drawn, "true_class_accuracy") == 0.25
    photographs = make_record(0.5)
    assert measure(photographs, "true_class_accuracy") == 0.5
    assert floor_of(photographs, "true_class_accuracy") == 0.1
    # A record of generated images from before the truth was measured does not pass for one.
    assert math.isnan(measure(make_record(0.5, data__generated=True), "true_class_accuracy"))
