import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mtattr.errors import InputError
from mtattr.tasks import Task, TaskSet

NAMES = st.text(min_size=1, max_size=6)


@st.composite
def tasks(draw):
    found = []
    for name in draw(st.lists(NAMES, unique=True, min_size=1, max_size=8)):
        group, region = draw(st.text(max_size=3)), draw(st.none() | NAMES)
        if draw(st.booleans()):
            found.append(Task(name, group=group, region=region))
        else:
            values = tuple(draw(st.lists(NAMES, min_size=2, max_size=5, unique=True)))
            found.append(Task(name, "categorical", values, group, region))
    return TaskSet(found)


@st.composite
def labelled(draw):
    """A task set, and labels that suit it, with unknown ones."""
    found = draw(tasks())
    unknown = st.just(float("nan"))
    cells = [
        unknown | (st.floats(0, 1, width=32) if task.kind == "binary" else st.integers(0, len(task.values) - 1).map(float))
        for task in found
    ]
    rows = draw(st.lists(st.tuples(*cells), max_size=5))
    return found, torch.tensor(rows, dtype=torch.float64).reshape(len(rows), len(found))


@settings(deadline=None)
@given(tasks())
def test_slices_partition_the_units(found):
    units = [unit for one in found.slices for unit in range(found.num_units)[one]]
    assert units == list(range(found.num_units))
    assert [len(range(found.num_units)[one]) for one in found.slices] == [max(1, len(task.values)) for task in found]


@settings(deadline=None)
@given(tasks())
def test_kinds_partition_the_tasks(found):
    assert sorted(found.binary_indices + found.categorical_indices) == list(range(len(found)))
    assert all(found[t].kind == "binary" for t in found.binary_indices)


@settings(deadline=None)
@given(tasks(), st.data())
def test_select_keeps_the_given_order_by_name_or_position(found, data):
    keep = data.draw(st.lists(st.integers(0, len(found) - 1), unique=True, min_size=1))
    by_position, by_name = found.select(keep), found.select([found.names[t] for t in keep])
    assert by_position == by_name
    assert [by_position[i] for i in range(len(keep))] == [found[t] for t in keep]
    assert [by_position.index(found.names[t]) for t in keep] == list(range(len(keep)))


@settings(deadline=None)
@given(tasks())
def test_json_round_trip(found):
    again = TaskSet.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again == found
    assert hash(again) == hash(found)
    assert again.slices == found.slices


@settings(deadline=None)
@given(labelled())
def test_good_labels_pass_unchanged_and_unknown_ones_stay_unknown(case):
    found, labels = case
    checked = found.check_labels(labels)
    assert checked.dtype == torch.float32
    assert torch.equal(checked.isnan(), labels.isnan())
    torch.testing.assert_close(checked, labels.float(), equal_nan=True, rtol=0, atol=0)


@settings(deadline=None)
@given(labelled(), st.data())
def test_one_bad_label_among_good_ones_is_named(case, data):
    found, labels = case
    if not len(labels):
        return
    row, t = data.draw(st.integers(0, len(labels) - 1)), data.draw(st.integers(0, len(found) - 1))
    bad = [-1.0, -0.25, float("inf"), float("-inf")]
    bad += [1.25, 2.0] if found[t].kind == "binary" else [0.5, float(len(found[t].values))]
    labels[row, t] = data.draw(st.sampled_from(bad))
    with pytest.raises(InputError) as caught:
        found.check_labels(labels, "here")
    assert str(caught.value).startswith(f"here: task {found.names[t]!r} has the value {labels[row, t].item():g}, not ")


@settings(deadline=None)
@given(tasks(), st.integers(0, 3))
def test_labels_of_another_shape(found, rows):
    with pytest.raises(InputError, match=rf"labels: expected shape \(N, {len(found)}\)"):
        found.check_labels(torch.zeros(rows, len(found) + 1))
    with pytest.raises(InputError, match="expected shape"):
        found.check_labels(torch.zeros(len(found)))


def test_impossible_sets():
    for make, expected in [
        (lambda: TaskSet([]), "at least one"),
        (lambda: TaskSet.binary(["hat", "bag", "hat"]), "given twice: hat"),
        (lambda: Task("hat", "ternary"), "binary, categorical"),
        (lambda: Task("hat", values=("a", "b")), "no values"),
        (lambda: Task("hat", "categorical", ("a",)), "at least two"),
        (lambda: TaskSet.binary(["hat", "bag"]).index("shoe"), "'shoe'; there are hat, bag"),
        (lambda: TaskSet.binary(["hat", "bag"]).select([]), "at least one"),
    ]:
        with pytest.raises(InputError, match=expected):
            make()


def test_published_shapes():
    celeba = TaskSet.binary(f"attribute {i}" for i in range(40))
    assert (len(celeba), celeba.num_units) == (40, 40)
    colours = [Task("up", "categorical", tuple("abcdefgh")), Task("down", "categorical", tuple("abcdefghi"))]
    market = TaskSet([*(Task(f"attribute {i}") for i in range(9)), Task("age", "categorical", tuple("abcd")), *colours])
    assert (len(market), market.num_units) == (12, 30)
    assert market.slices[9:] == (slice(9, 13), slice(13, 21), slice(21, 30))
