import pytest
from mtattr.data import celeba_attributes
from mtattr.twins.faces.attributes import ATTRIBUTES, INDEX, NAMES, PART_OF, PARTS, TASKS, TRAIN_RATES


def test_names_and_order_are_official():
    assert TASKS.names == NAMES == celeba_attributes.TASKS.names
    assert len(NAMES) == 40
    assert [INDEX[name] for name in NAMES] == list(range(40))
    assert all(task.kind == "binary" for task in TASKS)


def test_every_attribute_has_a_part_that_is_its_group_and_region():
    assert {attribute.part for attribute in ATTRIBUTES} == set(PARTS)
    assert all(task.group == task.region == PART_OF[task.name] for task in TASKS)
    assert [task.group for task in TASKS] == [task.group for task in celeba_attributes.TASKS]


def test_rates_agree_with_what_is_published_of_them():
    # Counts over all images and over the training images were published apart; the splits differ by little.
    for attribute in ATTRIBUTES:
        assert attribute.train_positives < attribute.positives
        assert attribute.train_rate == pytest.approx(attribute.positives / 202_599, abs=0.01)
    assert sum(a.positives for a in ATTRIBUTES) / 202_599 == pytest.approx(9.03, abs=0.01)
    assert sum(max(rate, 1 - rate) for rate in TRAIN_RATES) / 40 == pytest.approx(0.8057, abs=0.0001)
